/** Contexts of the loaded base: a set of lanes for the base and one for each adapter in use. */
import { LlamaCompletion, type LlamaModel, type Token } from "node-llama-cpp";
import { checkGguf } from "./ggufCheck.ts";
import { notLoaded, type StudentModel } from "./studentModel.ts";

type Context = Awaited<ReturnType<LlamaModel["createContext"]>>;

/** A context with one sequence: works on one answer at a time. */
export interface Lane {
  readonly context: Context;
  readonly sequence: ReturnType<Context["getSequence"]>;
  readonly completion: LlamaCompletion;
  /** Tokens at the start of the sequence that were evaluated on their own, to be used again. */
  prefix: Token[];
  busy: boolean;
}

/** Base and two adapters: what a side-by-side view or a comparison of two cycles needs. */
const setsKept = 3;

/** Lends a free lane of the base (null) or of an adapter for the time of `work`; opens one when all are busy. */
export type WithLane = <T>(adapter: string | null, work: (lane: Lane) => Promise<T>) => Promise<T>;

/** An adapter costs a context, not a second model: llama.cpp applies LoRA per context. */
export function createLanes(student: StudentModel): WithLane {
  // In order of use: the first one has been idle longest.
  const sets = new Map<string | null, Lane[]>();

  async function makeRoom(): Promise<void> {
    for (const [adapter, lanes] of sets) {
      if (sets.size <= setsKept) return;
      if (lanes.some(({ busy }) => busy)) continue;
      sets.delete(adapter);
      await Promise.all(lanes.map(({ context }) => context.dispose()));
    }
  }

  return async (adapter, work) => {
    const set = sets.get(adapter) ?? [];
    sets.delete(adapter);
    sets.set(adapter, set);
    let lane = set.find(({ busy }) => !busy);
    if (lane) lane.busy = true;
    else {
      lane = await openLane(student, adapter);
      set.push(lane);
      await makeRoom();
    }
    try {
      return await work(lane);
    } catch (error) {
      // What the sequence holds is not certain any more.
      lane.prefix = [];
      throw error;
    } finally {
      lane.busy = false;
    }
  };
}

async function openLane(student: StudentModel, adapter: string | null): Promise<Lane> {
  if (adapter !== null) await checkGguf(adapter);
  const { contextSize, threads, model } = student;
  const context = await model
    .createContext({
      contextSize,
      batchSize: 512,
      threads,
      sequences: 1,
      // Measured on the CPU: 3 to 9 % slower with it. GPUs decide for themselves.
      flashAttention: model.llama.gpu ? "auto" : false,
      ...(adapter === null ? {} : { lora: { adapters: [{ filePath: adapter, scale: 1 }] } }),
    })
    .catch((error: unknown) => {
      throw notLoaded(adapter === null ? "a context of the model" : "the adapter on this model", error);
    });
  const sequence = context.getSequence();
  return { context, sequence, completion: new LlamaCompletion({ contextSequence: sequence }), prefix: [], busy: true };
}
