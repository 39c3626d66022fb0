/**
 * A Phi-2 training on a GPU: peak memory under a hard cap beside the estimate made before, and tokens a second beside
 * plain TRL.
 */
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";
import { readyEnvironment, type Environment } from "../src/pipeline/adapters/environment.ts";
import { startJob } from "../src/pipeline/adapters/pythonJob.ts";
import { fineTuningOutputSchema } from "../src/protocol/model.ts";
import { trainingSettingsSchema } from "../src/protocol/run.ts";
import { describeMachine, describeVersions } from "./machine.ts";
import { keepResult } from "./resultFile.ts";
import { compareSpeed, needsOn, speedBar, type SpeedPlan } from "./gpuSpeed.ts";
import { resultOf, runPython } from "./trainingArms.ts";
import { endText } from "./trainingRows.ts";

/** Bytes. The peaks are those of speed.md's bars, at rows of 512 and of 1,024 tokens. */
const cap = 3.0e9;
const largestPeak: Record<number, number> = { 512: 2.5e9, 1024: 2.7e9 };
const tolerance = 0.1;

/**
 * `checkpointing` is what a training begins with; a GPU's goes to it by itself where memory is short.
 * `cpu` holds the estimate to the peak at the exact shape where there is no GPU. `tiny` runs the same as `gpu` on the CPU,
 * to try the command itself; its figures mean nothing and are not kept.
 */
const plans = {
  gpu: {
    shape: "phi-2",
    device: "cuda",
    lengths: [512, 1024],
    dtypes: ["float16", "bfloat16"],
    checkpointing: [false],
    steps: 100,
    speed: { device: "cuda", tokens: 200, steps: 10, pairs: 3 } satisfies SpeedPlan,
  },
  cpu: {
    shape: "phi-2",
    device: "cpu",
    lengths: [512],
    dtypes: ["float32"],
    checkpointing: [false, true],
    steps: 2,
    speed: null,
  },
  tiny: {
    shape: "tiny",
    device: "cpu",
    lengths: [64, 128],
    dtypes: ["float16", "float32"],
    checkpointing: [false],
    steps: 2,
    speed: { device: "cpu", tokens: 50, steps: 2, pairs: 1 } satisfies SpeedPlan,
  },
} as const;
type Plan = (typeof plans)[keyof typeof plans];

const gpuSchema = z.looseObject({ card: z.string().nullable(), bfloat16: z.boolean().optional() });
const rowsSchema = z.record(z.string(), z.array(z.strictObject({ prompt: z.string(), completion: z.string() })));
const jobResultSchema = fineTuningOutputSchema.omit({ adapter: true, stepsRule: true, memoryRungs: true });

/** @returns the exit code: 1 without a GPU, where a training misses a bar, and where the time was not enough */
export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      cpu: { type: "boolean", default: false },
      tiny: { type: "boolean", default: false },
      minutes: { type: "string" },
    },
  });
  const plan: Plan = plans[values.tiny ? "tiny" : values.cpu ? "cpu" : "gpu"];
  const minutes = Number(values.minutes ?? (plan === plans.cpu ? 60 : 10));
  if (!(minutes > 0)) throw new Error("--minutes takes a number above 0.");
  const limit = AbortSignal.timeout(minutes * 60_000);
  const environment = await readyEnvironment({ onProgress: (text) => console.log(text) });
  const folder = await mkdtemp(join(os.tmpdir(), "distillery-gpu-"));
  try {
    const place = { environment, folder };
    const gpu = gpuSchema.parse(JSON.parse((await runPython(place, "gpu_model.py", [], "")).stdout));
    if (gpu.card === null && plan.device === "cuda") {
      console.error("There is no GPU here that PyTorch can use: nothing was measured, and no result was written.");
      return 1;
    }
    const date = new Date();
    const model = join(folder, "model");
    const lengths = [...plan.lengths, ...(plan.speed ? [plan.speed.tokens] : [])].map(String);
    const dtypes = plan.dtypes.filter((dtype) => dtype !== "bfloat16" || gpu.bfloat16);
    const runs: Awaited<ReturnType<typeof train>>[] = [];
    const speed: Awaited<ReturnType<typeof compareSpeed>>[] = [];
    const ended = await untilLimit(limit, async () => {
      const wanted = [environment.embeddedStudent, model, plan.shape, ...lengths];
      const made = await runPython(place, "gpu_model.py", wanted, "", limit);
      const rows = rowsSchema.parse(JSON.parse(made.stdout));
      for (const length of plan.lengths)
        for (const dtype of dtypes)
          for (const gradientCheckpointing of plan.checkpointing) {
            const task = { model, rows: rows[length] ?? [], length, dtype, gradientCheckpointing, folder };
            const found = await train(environment, plan, task, limit);
            runs.push(found);
            console.log(describe(found));
          }
      if (plan.speed) speed.push(await compareSpeed(place, plan.speed, model, rows[plan.speed.tokens] ?? [], limit));
    });
    const ratio = speed[0]?.ratio;
    if (!ended) console.error(`The ${minutes} minutes were not enough; what was being measured is not counted.`);
    if (values.tiny) return ended ? 0 : 1;
    const onGpu = plan.device === "cuda";
    const file = await keepResult(onGpu ? "gpu-training" : "phi-2-cpu", date, {
      measures: `peak ${onGpu ? "allocated" : "resident"} memory and tokens/s of the job \`train\` on a model of Phi-2's shape, random weights, NF4`,
      date: date.toISOString(),
      bars: {
        estimateWithin: tolerance,
        ...(onGpu ? { capBytes: cap, largestPeakBytes: largestPeak, speed: speedBar } : {}),
      },
      limit: { minutes, enough: ended },
      gpu,
      machine: describeMachine(),
      versions: await describeVersions(runs[0]?.versions ?? {}),
      runs,
      speed: speed[0] ?? null,
    });
    console.log(`Kept in bench/results/${file}.`);
    const missed = runs.filter(({ estimateNear, peakFits }) => !estimateNear || !peakFits).map(describe);
    if (ratio !== undefined && ratio < speedBar.must) missed.push(`speed ÷ plain TRL ${ratio.toFixed(2)}`);
    for (const text of missed) console.error(`A bar is missed: ${text}`);
    return ended && missed.length === 0 ? 0 : 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Whether the work ended within the limit. Throws what it throws for any other reason. */
async function untilLimit(limit: AbortSignal, work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
  } catch (error) {
    if (!limit.aborted) throw error;
  }
  return !limit.aborted;
}

interface Task {
  model: string;
  rows: { prompt: string; completion: string }[];
  length: number;
  dtype: string;
  gradientCheckpointing: boolean;
  folder: string;
}

/** One training, as the program starts it. Throws what the job ends with, out of memory included. */
async function train(
  environment: Environment,
  plan: Plan,
  { model, rows, length, dtype, gradientCheckpointing, folder }: Task,
  limit: AbortSignal,
) {
  const output = await mkdtemp(join(folder, "job-"));
  const { needs, ladder } = needsOn(plan.device, length);
  const { python, trainerFolder } = environment;
  const job = startJob("train", { python, trainerFolder, logFile: join(output, "job.log") });
  let parts: unknown = null;
  let estimateSeconds: number | null = null;
  let rungs: string[] = [];
  job.onLine = (line) => {
    if (line.type !== "plan") return;
    ({ parts, seconds: estimateSeconds } = line);
    rungs = ladder.slice(0, line.rung).map(({ name }) => name);
  };
  const {
    steps: _,
    wordDropout: __,
    memoryLimit: ___,
    cpuFallback: ____,
    ...settings
  } = trainingSettingsSchema.parse({});
  const given = await resultOf(
    job,
    {
      ...{ ...settings, ...needs, gradientCheckpointing, accumulation: 1, dtype },
      ...{ ladder: ladder.map((rung) => rung.needs), ranOut: null, memoryLimit: cap },
      ...{ model: { folder: model }, output, rows, heldBack: [], steps: { rule: "fixed", count: plan.steps } },
      ...{ modules: null, threads: null, seed: 42, saveSeconds: 3600, endText },
    },
    limit,
  );
  const result = jobResultSchema.parse(given);
  const { peakMemoryBytes: peakBytes, estimatedMemoryBytes: estimateBytes = 0, tokensPerSecond } = result;
  return {
    ...{
      tokens: length,
      dtype: result.dtype,
      gradientCheckpointing,
      steps: result.steps,
      rungs,
      peakBytes,
      estimateBytes,
      parts,
    },
    estimateNear: Math.abs(estimateBytes / peakBytes - 1) <= tolerance,
    peakFits: plan.device === "cpu" || peakBytes <= Math.min(cap, largestPeak[length] ?? cap),
    tokensPerSecond,
    // On the CPU alone: what is said before it is fallen back to, and what it took.
    ...(estimateSeconds === null ? {} : { estimateSeconds, seconds: (length * result.steps) / tokensPerSecond }),
    finalLoss: result.finalLoss,
    versions: (await job.hello).versions,
  };
}

function describe({
  tokens,
  dtype,
  steps,
  peakBytes,
  estimateBytes,
  tokensPerSecond,
}: Awaited<ReturnType<typeof train>>) {
  const [peak, estimate] = [peakBytes, estimateBytes].map((bytes) => `${(bytes / 1e9).toFixed(2)} GB`);
  return `${tokens} tokens, ${dtype}: ${steps} steps, peak ${peak}, estimated ${estimate}, ${tokensPerSecond.toFixed(0)} tokens/s`;
}
