/** Tokens a second of our training job against plain TRL, side by side, with losses that must agree. */
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readyEnvironment } from "../src/pipeline/adapters/environment.ts";
import { trainingSettingsSchema } from "../src/protocol/run.ts";
import { describeMachine, describeVersions } from "./machine.ts";
import { keepResult } from "./resultFile.ts";
import { trainByJob, trainByTrl, writeBase, type CpuType, type Task, type Training } from "./trainingArms.ts";
import { trainingRows } from "./trainingRows.ts";
import { median } from "./summary.ts";

const bar = { must: 1.5, stretch: 1.9 };
/** Of the two sides' losses, step by step: in float32 apart, in bfloat16 as a share of TRL's, as its steps are relative. */
const tolerances = { float32: 1e-3, bfloat16: 2e-2 };
/** In bfloat16, of one row each: where the processor emulates it, a row takes half a minute. */
const bfloat16Steps = 10;
const steps = 20;
const seed = 42;
/** No further repeat is started that would end after this, once there are three. */
const budgetSeconds = 11.5 * 60;
const fewestRepeats = 3;

/** @returns the exit code: 1 when the losses disagree; a low ratio is a finding, no failure */
export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: { repeats: { type: "string", default: "5" }, losses: { type: "boolean", default: false } },
  });
  const repeats = Number(values.repeats);
  if (!Number.isInteger(repeats) || repeats < 1) throw new Error("--repeats takes a whole number from 1.");
  const environment = await readyEnvironment({ onProgress: (text) => console.log(text) });
  const date = new Date();
  const started = performance.now();
  const machine = describeMachine();
  const settings = { ...trainingSettingsSchema.parse({ device: "cpu" }), steps };
  const stepRows = settings.batchSize * settings.accumulation;
  const folder = await mkdtemp(join(os.tmpdir(), "distillery-bench-"));
  try {
    const task: Task = { environment, folder, rows: await trainingRows(steps * stepRows), settings, seed };
    const base = await writeBase(task);
    const { losses, float32, tokens, python } = await compareLosses(task, base);
    console.log(`${tokens} tokens in ${task.rows.length} rows, ${steps} steps.`);
    for (const [dtype, { largestDifference, largestShare }] of Object.entries(losses))
      console.log(
        `Losses in ${dtype} differ by ${largestDifference.toExponential(1)} at most, ${(100 * largestShare).toExponential(1)} %.`,
      );
    const agree = Object.values(losses).every((each) => each.agree);
    if (!agree) console.error("The two sides did not train alike: their losses differ too much.");
    const about = {
      date: date.toISOString(),
      losses,
      settings: { model: "SmolLM2-135M-Instruct Q4_1", ...settings, stepRows, rows: task.rows.length, tokens, seed },
      machine,
      versions: await describeVersions(python),
    };
    if (values.losses) {
      const measures = "losses of our job `train` beside those of plain TRL SFTTrainer over the same course";
      console.log(`Kept in bench/results/${await keepResult("training-losses", date, { measures, ...about })}.`);
      return agree ? 0 : 1;
    }
    const speed = (training: Training) => tokens / training.seconds;
    const runs: Record<"job" | "trl", ReturnType<typeof runFacts>>[] = [];
    while (runs.length < repeats && (runs.length < fewestRepeats || hasTime(started, runs.length))) {
      const jobFirst = runs.length % 2 === 0;
      const before = jobFirst ? await trainByJob(task) : null;
      const trl = await trainByTrl(task, base);
      const job = before ?? (await trainByJob(task));
      runs.push({ job: runFacts(job, speed(job)), trl: runFacts(trl, speed(trl)) });
      const shown = [job, trl].map((training) => speed(training).toFixed(0));
      console.log(`Repeat ${runs.length}: our job ${shown[0]} tokens/s, plain TRL ${shown[1]}.`);
    }
    const job = median(runs.map((each) => each.job.tokensPerSecond));
    const trl = median(runs.map((each) => each.trl.tokensPerSecond));
    const paired = runs.map((each) => each.job.tokensPerSecond / each.trl.tokensPerSecond);
    const ratio = job / trl;
    const result = {
      measures: "training tokens/s of our job `train` divided by those of plain TRL SFTTrainer",
      ...about,
      ratio: rounded(ratio),
      pairedRatios: { lowest: rounded(Math.min(...paired)), highest: rounded(Math.max(...paired)) },
      bar,
      medianTokensPerSecond: { job: rounded(job), trl: rounded(trl) },
      bothInFloat32: {
        note: "one run each, of the comparison of losses; TRL in our order of rows",
        ratio: rounded(speed(float32.job) / speed(float32.trl)),
        job: rounded(speed(float32.job)),
        trl: rounded(speed(float32.trl)),
      },
      runs: runs.map((each, index) => ({ first: index % 2 === 0 ? "job" : "trl", ...each })),
    };
    const file = await keepResult("training-speed", date, result);
    console.log(`Median of ${runs.length}: our job ${job.toFixed(0)} tokens/s, plain TRL ${trl.toFixed(0)}.`);
    console.log(`Ratio ${ratio.toFixed(2)} (single repeats ${paired.map((each) => each.toFixed(2)).join(", ")}).`);
    console.log(`The bar is ${bar.must}, better ${bar.stretch}. Kept in bench/results/${file}.`);
    return agree ? 0 : 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Both sides in one type each time, from the same first weights, over the same rows in the same order. */
async function compareLosses(task: Task, base: string) {
  // At a learning rate of 0 one step changes nothing: what is written are the weights our job starts from.
  const first = await trainByJob(task, { dtype: "float32", learningRate: 0, steps: 1 });
  const sameAs = join(first.output, "adapter_model.safetensors");
  const both = async (dtype: CpuType, each: Task) => ({
    job: await trainByJob(each, { dtype }),
    trl: await trainByTrl(each, base, { sameAs, dtype }),
  });
  const float32 = await both("float32", task);
  const singles = { ...task.settings, batchSize: 1, accumulation: 1, steps: bfloat16Steps };
  const bfloat16 = await both("bfloat16", { ...task, rows: task.rows.slice(0, bfloat16Steps), settings: singles });
  return {
    losses: { float32: compared("float32", float32), bfloat16: compared("bfloat16", bfloat16) },
    float32,
    tokens: float32.trl.tokens,
    python: float32.job.versions,
  };
}

function compared(dtype: CpuType, { job, trl }: Record<"job" | "trl", Training>) {
  if (job.trainableParameters !== trl.trainableParameters || trl.losses.length !== job.losses.length)
    throw new Error("The two sides did not train the same adapter for the same steps.");
  const differences = trl.losses.map((loss, index) => Math.abs(loss - (job.losses[index] ?? NaN)));
  const largestDifference = Math.max(...differences);
  const largestShare = Math.max(...differences.map((difference, index) => difference / (trl.losses[index] ?? NaN)));
  const tolerance = tolerances[dtype];
  const agree = (dtype === "float32" ? largestDifference : largestShare) <= tolerance;
  return { agree, tolerance, largestDifference, largestShare, job: job.losses, trl: trl.losses };
}

function runFacts({ seconds, dtype, threads, losses }: Training, tokensPerSecond: number) {
  return { tokensPerSecond, seconds, dtype, threads, lastLoss: losses.at(-1) ?? null };
}

/** Whether one more repeat as long as the ones before ends within the budget. */
function hasTime(started: number, done: number): boolean {
  const spent = (performance.now() - started) / 1000;
  return spent + spent / (done + 2) <= budgetSeconds;
}

const rounded = (value: number): number => Number(value.toPrecision(4));
