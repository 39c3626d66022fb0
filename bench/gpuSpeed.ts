/** Tokens a second of our job on short rows beside TRL with one row at a time, over the same model in NF4. */
import { rungsAbove, type MemoryNeeds } from "../src/pipeline/adapters/memoryLadder.ts";
import { trainingSettingsSchema } from "../src/protocol/run.ts";
import { median, rounded } from "./summary.ts";
import { trainByJob, trainByTrl, type Task, type Training } from "./trainingArms.ts";

export const speedBar = { must: 1.5, stretch: 2.0 };

export interface SpeedPlan {
  device: "cpu" | "cuda";
  /** Of every row. */
  tokens: number;
  steps: number;
  /** Trainings of each side, in turns as the first. */
  pairs: number;
}

/** What a training in NF4 begins with on a device, and the rungs that leave it there. */
export function needsOn(device: SpeedPlan["device"], maxLength: number) {
  const needs: MemoryNeeds = {
    ...{ microBatch: null, gradientCheckpointing: false, optimizer: "float32", embeddingsOnCpu: false },
    ...{ maxLength, device, quantization: "nf4" },
  };
  return { needs, ladder: rungsAbove(needs).filter((rung) => rung.needs.device === device) };
}

/**
 * `rows` are repeated as often as it takes. The signal ends it with the pairs there are.
 * @throws what the training at hand throws, where there is none yet or the signal is not the reason
 */
export async function compareSpeed(
  { environment, folder }: Pick<Task, "environment" | "folder">,
  { device, tokens, steps, pairs }: SpeedPlan,
  model: string,
  rows: readonly Task["rows"][number][],
  signal: AbortSignal,
) {
  const settings = { ...trainingSettingsSchema.parse({ device, quantization: "nf4" }), steps };
  const stepRows = settings.batchSize * settings.accumulation;
  const repeated = Array.from({ length: steps * stepRows }, (_, index) => rows[index % rows.length]!);
  const task: Task = { environment, folder, rows: repeated, settings, seed: 42 };
  const counted = repeated.length * tokens;
  // Of Phi; TRL is given what our job finds by itself.
  let modules: readonly string[] = [];
  const { needs, ladder } = needsOn(device, settings.maxLength);
  // Without a limit of its own it has the memory that TRL has.
  const spec = {
    ...{ ...needs, ladder: ladder.map((rung) => rung.needs), ranOut: null, memoryLimit: null },
    model: { folder: model },
  };
  const job = async () => {
    const found = await trainByJob(task, { spec }, signal);
    ({ modules } = found);
    return found;
  };
  const trl = () => trainByTrl(task, model, { modules, device, rowsAtOnce: 1, nf4: true }, signal);
  const pair = async (jobFirst: boolean) => {
    const before = jobFirst ? await job() : null;
    const plain = await trl();
    const own = before ?? (await job());
    if (own.trainableParameters !== plain.trainableParameters)
      throw new Error("The two sides did not train the same adapter.");
    const side = ({ seconds, dtype }: Training) => ({ tokensPerSecond: rounded(counted / seconds), seconds, dtype });
    return { first: jobFirst ? "job" : "trl", job: side(own), trl: side(plain) };
  };
  const runs: Awaited<ReturnType<typeof pair>>[] = [];
  while (runs.length < pairs) {
    try {
      runs.push(await pair(runs.length % 2 === 0));
    } catch (error) {
      if (!signal.aborted || runs.length === 0) throw error;
      break;
    }
    const [own, plain] = [runs.at(-1)?.job, runs.at(-1)?.trl].map((each) => each?.tokensPerSecond);
    console.log(`${tokens}-token rows: our job ${own} tokens/s, TRL one row at a time ${plain} tokens/s.`);
  }
  const ratio = rounded(median(runs.map((each) => each.job.tokensPerSecond / each.trl.tokensPerSecond)));
  return { rowTokens: tokens, rows: repeated.length, steps, stepRows, ratio, runs };
}
