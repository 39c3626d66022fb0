/** Sentence vectors from one long-lived Python job `embed`, started when first needed or before. */
import { UserError } from "../../protocol/errors.ts";
import type { Embedder } from "../ports.ts";
import { startJob, type PythonJob, type PythonPlace } from "./pythonJob.ts";
import { unlessAborted } from "./unlessAborted.ts";

export interface EmbedderOptions extends PythonPlace {
  id: string;
  /** Absolute folder of the sentence-transformers model. */
  folder: string;
}

/** Texts in one line, so that the answer (8 kB a vector) stays far below the longest line. */
const textsPerLine = 128;

/** An embedder that can be started early. After a crash the next call starts a new process. */
export function createEmbedder({ id, folder, ...place }: EmbedderOptions): Embedder & { prepare(): void } {
  let running: Running | undefined;

  function started(): Running {
    if (running) return running;
    const fresh = startEmbedding(folder, place);
    running = fresh;
    const forget = () => {
      if (running === fresh) running = undefined;
    };
    fresh.job.stopped.then(forget, forget);
    return fresh;
  }

  return {
    id,
    prepare: () => void started(),
    async embed(texts, signal) {
      signal.throwIfAborted();
      if (texts.length === 0) return [];
      const { ask } = started();
      const parts: Promise<number[][]>[] = [];
      for (let start = 0; start < texts.length; start += textsPerLine)
        parts.push(ask(texts.slice(start, start + textsPerLine).map((text) => text.toWellFormed())));
      return (await unlessAborted(Promise.all(parts), signal)).flat();
    },
    async close() {
      const { job } = running ?? {};
      running = undefined;
      await job?.stop();
    },
  };
}

interface Running {
  job: PythonJob;
  ask(texts: string[]): Promise<number[][]>;
}

function startEmbedding(folder: string, place: PythonPlace): Running {
  const job = startJob("embed", place);
  const asked = new Map<number, PromiseWithResolvers<number[][]>>();
  let next = 0;
  job.onLine = (line) => {
    if (line.type !== "vectors") return;
    const waiting = asked.get(line.id);
    asked.delete(line.id);
    waiting?.resolve(line.vectors);
  };
  const failAll = (error: unknown): void => {
    for (const { reject } of asked.values()) reject(error);
    asked.clear();
  };
  job.stopped.then(() => failAll(new UserError("E_TRAINER_DIED", "The embedding process ended early.")), failAll);
  job.send({ type: "spec", spec: { embedder: folder } });
  return {
    job,
    async ask(texts) {
      const waiting = Promise.withResolvers<number[][]>();
      next += 1;
      asked.set(next, waiting);
      job.send({ type: "embed", id: next, texts });
      const vectors = await waiting.promise;
      if (vectors.length !== texts.length)
        throw new UserError("E_PROTOCOL", `${texts.length} texts gave ${vectors.length} vectors.`);
      return vectors;
    },
  };
}
