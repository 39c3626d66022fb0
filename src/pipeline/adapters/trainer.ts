/** Fine-tuning, by the Python job `train`. Out of memory, it goes on in a new process with less. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { fineTuningOutputSchema } from "../../protocol/model.ts";
import { UserError } from "../../protocol/errors.ts";
import type { Trainer, TrainingJob, TrainingResult } from "../ports.ts";
import { createMemoryLadder, type MemoryNeeds } from "./memoryLadder.ts";
import { startJob, type PythonJob, type PythonPlace } from "./pythonJob.ts";
import { createWarmJob, stopOnAbort } from "./warmJob.ts";

export interface TrainerOptions extends PythonPlace {
  /** What to train, by absolute path: a GGUF file or a Hugging Face folder. */
  model: { gguf: string } | { folder: string };
}

/** Seconds between two training checkpoints; a step that takes longer is saved after it. */
const saveSeconds = 10;

const resultSchema = fineTuningOutputSchema.omit({ adapter: true, stepsRule: true, memoryRungs: true });

type OnPoint = Parameters<Trainer["train"]>[1];
type OnNotice = Parameters<Trainer["train"]>[2];

export function createTrainer({ model, ...place }: TrainerOptions): Trainer {
  const warm = createWarmJob(() => startJob("train", place));
  return {
    prepare: warm.prepare,
    close: warm.close,
    discardCheckpoints: (output) => rm(join(output, "training"), { recursive: true, force: true }),
    async train(job, onPoint, onNotice, signal) {
      const climb = createMemoryLadder();
      const memoryRungs: NonNullable<TrainingResult["memoryRungs"]> = [];
      let needs: MemoryNeeds = {
        microBatch: null,
        gradientCheckpointing: false,
        maxLength: job.settings.maxLength,
        device: job.settings.device,
      };
      while (true) {
        signal.throwIfAborted();
        try {
          const result = await trainOnce(warm.take(), specOf(job, model, needs), job, onPoint, onNotice, signal);
          return memoryRungs.length > 0 ? { ...result, memoryRungs } : result;
        } catch (error) {
          if (!(error instanceof UserError) || error.code !== "E_OUT_OF_MEMORY") throw error;
          const rung = climb(needs);
          if (!rung) throw error;
          needs = rung.needs;
          memoryRungs.push({ name: rung.name, reason: error.message });
          onNotice(`The memory was not enough; the training goes on ${rung.name}.`);
        }
      }
    },
  };
}

function specOf(job: TrainingJob, model: TrainerOptions["model"], needs: MemoryNeeds): unknown {
  const { steps: _, wordDropout: __, ...settings } = job.settings;
  const { output, rows, heldBack, steps, seed, endText } = job;
  return {
    ...settings,
    ...needs,
    model,
    output,
    rows,
    heldBack,
    steps,
    seed,
    endText,
    saveSeconds,
    modules: null,
    dtype: "auto",
    threads: null,
  };
}

async function trainOnce(
  process: PythonJob,
  spec: unknown,
  job: TrainingJob,
  onPoint: OnPoint,
  onNotice: OnNotice,
  signal: AbortSignal,
): Promise<TrainingResult> {
  let total = job.steps.rule === "fixed" ? job.steps.count : 0;
  let step = 0;
  process.onLine = (line) => {
    if (line.type === "notice") onNotice(line.text);
    if (line.type === "progress") total = line.total;
    if (line.type !== "metric") return;
    const { type: _, memoryBytes: __, ...point } = line;
    step = point.step;
    onPoint(point, total);
  };
  const detach = stopOnAbort(process, signal);
  try {
    process.send({ type: "spec", spec });
    const parsed = resultSchema.safeParse(await process.stopped);
    if (parsed.success) return parsed.data;
    throw new UserError("E_PROTOCOL", "The result of the training is not as agreed.", { cause: parsed.error });
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof UserError) || step === 0 || !["E_TRAINER_DIED", "E_TRAINER_HUNG"].includes(error.code))
      throw error;
    throw new UserError(error.code, `${error.message} The last step it told of was ${step}.`, { cause: error.cause });
  } finally {
    detach();
  }
}
