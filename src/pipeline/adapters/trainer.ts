/** Fine-tuning, by the Python job `train`. What does not fit into memory goes on with less, in a new process. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { fineTuningOutputSchema } from "../../protocol/model.ts";
import { UserError } from "../../protocol/errors.ts";
import type { PlanLine } from "../../protocol/trainer.ts";
import type { Trainer, TrainingJob, TrainingResult } from "../ports.ts";
import { climb, rungsAbove, type MemoryNeeds, type Rung } from "./memoryLadder.ts";
import { startJob, type PythonJob, type PythonPlace } from "./pythonJob.ts";
import { cpuRefusal, durationSentence, memorySentence, overSentence } from "./trainingPlan.ts";
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
type Climbed = NonNullable<TrainingResult["memoryRungs"]>;

/** What one process is asked for, `first` what the first one was. `ranOut` were the needs of the one before, whose memory was not enough. */
interface Attempt {
  first: MemoryNeeds;
  needs: MemoryNeeds;
  ladder: Rung[];
  ranOut: MemoryNeeds | null;
}

export function createTrainer({ model, ...place }: TrainerOptions): Trainer {
  const warm = createWarmJob(() => startJob("train", place));
  return {
    prepare: warm.prepare,
    close: warm.close,
    discardCheckpoints: (output) => rm(join(output, "training"), { recursive: true, force: true }),
    async train(job, onPoint, onNotice, signal) {
      let memoryRungs: Climbed = [];
      const { maxLength, device, quantization } = job.settings;
      const needs: MemoryNeeds = {
        ...{ microBatch: null, gradientCheckpointing: false, optimizer: "float32", embeddingsOnCpu: false },
        ...{ maxLength, device, quantization },
      };
      let attempt: Attempt = { first: needs, needs, ladder: rungsAbove(needs), ranOut: null };
      /** A job that gives up float16 plans once more: its last plan counts, from what it was asked for. */
      const onPlan = (plan: PlanLine, asked: Attempt, before: Climbed): void => {
        const refusal = cpuRefusal(plan, job.settings, before.length > 0);
        if (refusal) throw refusal;
        const climbed = climbedBy(plan, asked, before);
        for (const rung of climbed)
          if (!before.includes(rung)) onNotice(`${rung.reason} The training starts ${rung.name}.`);
        memoryRungs = climbed;
        attempt = afterPlan(asked, plan);
        onNotice(memorySentence(plan));
        if (plan.seconds !== null) onNotice(durationSentence(plan.seconds));
      };
      while (true) {
        signal.throwIfAborted();
        try {
          const [asked, before] = [attempt, memoryRungs];
          const handlers = { onPoint, onNotice, onPlan: (plan: PlanLine) => onPlan(plan, asked, before) };
          const result = await trainOnce(warm.take(), specOf(job, model, asked), job, handlers, signal);
          return memoryRungs.length > 0 ? { ...result, memoryRungs } : result;
        } catch (error) {
          if (!(error instanceof UserError) || error.code !== "E_OUT_OF_MEMORY") throw error;
          const [rung, ...ladder] = attempt.ladder;
          if (!rung) throw error;
          memoryRungs = climb(memoryRungs, rung, { name: rung.name, reason: error.message });
          onNotice(`The memory was not enough; the training goes on ${rung.name}.`);
          attempt = { ...attempt, needs: rung.needs, ladder, ranOut: attempt.needs };
        }
      }
    },
  };
}

/** With the rungs that a job passed by its estimate, each with the estimate that was too high without it. */
function climbedBy({ rung, tried, device }: PlanLine, { ladder }: Attempt, before: Climbed): Climbed {
  const reached = ladder[rung - 1];
  // Only the CPU holds weights unpacked; packed, they may take more with all rows at once than unpacked with one.
  const packed = device === "cpu" && reached?.needs.quantization === "nf4";
  let climbed = before;
  for (const [index, passed] of ladder.slice(0, rung).entries()) {
    const [without, within] = [tried[index], tried[index + 1]];
    if (!without || !within) continue;
    const saved = within.bytes < without.bytes || within.limitBytes !== without.limitBytes;
    if (passed.undone.length > 0 ? packed : saved)
      climbed = climb(climbed, passed, { name: passed.name, reason: overSentence(without) });
  }
  return climbed;
}

function afterPlan(attempt: Attempt, { rung, device }: PlanLine): Attempt {
  const needs = attempt.ladder[rung - 1]?.needs ?? attempt.needs;
  return { ...attempt, needs, ladder: rungsAbove(needs, { first: attempt.first, device }) };
}

function specOf(job: TrainingJob, model: TrainerOptions["model"], { needs, ladder, ranOut }: Attempt): unknown {
  const { steps: _, wordDropout: __, cpuFallback: ___, memoryLimit, ...settings } = job.settings;
  const { output, rows, heldBack, steps, seed, endText } = job;
  return {
    ...settings,
    ...needs,
    ladder: ladder.map((rung) => rung.needs),
    ranOut,
    memoryLimit: memoryLimit * 1e9,
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
  { onPoint, onNotice, onPlan }: { onPoint: OnPoint; onNotice: OnNotice; onPlan: (plan: PlanLine) => void },
  signal: AbortSignal,
): Promise<TrainingResult> {
  let total = job.steps.rule === "fixed" ? job.steps.count : 0;
  let step = 0;
  let refusal: unknown;
  process.onLine = (line) => {
    if (line.type === "notice") onNotice(line.text);
    if (line.type === "progress") total = line.total;
    if (line.type === "plan") {
      try {
        onPlan(line);
      } catch (error) {
        refusal = error;
        void process.stop();
      }
    }
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
    if (refusal) throw refusal;
    if (!(error instanceof UserError) || step === 0 || !["E_TRAINER_DIED", "E_TRAINER_HUNG"].includes(error.code))
      throw error;
    throw new UserError(error.code, `${error.message} The last step it told of was ${step}.`, { cause: error.cause });
  } finally {
    detach();
  }
}
