/** Peak memory and tokens a second of a Phi-2 training on a GPU, under a hard cap, beside the estimate made before. */
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";
import { readyEnvironment, type Environment } from "../src/pipeline/adapters/environment.ts";
import { rungsAbove, type MemoryNeeds } from "../src/pipeline/adapters/memoryLadder.ts";
import { startJob } from "../src/pipeline/adapters/pythonJob.ts";
import { fineTuningOutputSchema } from "../src/protocol/model.ts";
import { trainingSettingsSchema } from "../src/protocol/run.ts";
import { describeMachine, describeVersions } from "./machine.ts";
import { keepResult } from "./resultFile.ts";
import { runPython } from "./trainingArms.ts";

/** Bytes. The peaks are those of speed.md's bars, at rows of 512 and of 1,024 tokens. */
const cap = 3.0e9;
const largestPeak: Record<number, number> = { 512: 2.5e9, 1024: 2.7e9 };
const tolerance = 0.1;

/** `tiny` runs the same on the CPU, to try the command itself; its figures mean nothing and are not kept. */
const plans = {
  gpu: { shape: "phi-2", device: "cuda", lengths: [512, 1024], dtypes: ["float16", "bfloat16"], steps: 100 },
  tiny: { shape: "tiny", device: "cpu", lengths: [64, 128], dtypes: ["float16", "float32"], steps: 2 },
} as const;
type Plan = (typeof plans)[keyof typeof plans];

const gpuSchema = z.looseObject({ card: z.string().nullable(), bfloat16: z.boolean().optional() });
const rowsSchema = z.record(z.string(), z.array(z.strictObject({ prompt: z.string(), completion: z.string() })));
const jobResultSchema = fineTuningOutputSchema.omit({ adapter: true, stepsRule: true, memoryRungs: true });

/** @returns the exit code: 1 without a GPU, and where a training misses a bar */
export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { tiny: { type: "boolean", default: false } } });
  const environment = await readyEnvironment({ onProgress: (text) => console.log(text) });
  const folder = await mkdtemp(join(os.tmpdir(), "distillery-gpu-"));
  try {
    const place = { environment, folder };
    const gpu = gpuSchema.parse(JSON.parse((await runPython(place, "gpu_model.py", [], "")).stdout));
    if (gpu.card === null && !values.tiny) {
      console.error("There is no GPU here that PyTorch can use: nothing was measured, and no result was written.");
      return 1;
    }
    const plan: Plan = values.tiny ? plans.tiny : plans.gpu;
    const date = new Date();
    const model = join(folder, "model");
    const lengths = plan.lengths.map(String);
    const made = await runPython(
      place,
      "gpu_model.py",
      [environment.embeddedStudent, model, plan.shape, ...lengths],
      "",
    );
    const rows = rowsSchema.parse(JSON.parse(made.stdout));
    const dtypes = plan.dtypes.filter((dtype) => dtype !== "bfloat16" || gpu.bfloat16);
    const runs = [];
    for (const length of plan.lengths)
      for (const dtype of dtypes) {
        const found = await train(environment, plan, { model, rows: rows[length] ?? [], length, dtype, folder });
        runs.push(found);
        console.log(describe(found));
      }
    const missed = runs.filter(({ estimateNear, peakFits }) => !estimateNear || !peakFits);
    if (values.tiny) return 0;
    const file = await keepResult("gpu-training", date, {
      measures:
        "peak allocated memory and tokens/s of the job `train` on a model of Phi-2's shape, random weights, NF4",
      date: date.toISOString(),
      bars: { capBytes: cap, largestPeakBytes: largestPeak, estimateWithin: tolerance },
      gpu,
      machine: describeMachine(),
      versions: await describeVersions(runs[0]?.versions ?? {}),
      runs,
    });
    console.log(`Kept in bench/results/${file}.`);
    for (const found of missed) console.error(`A bar is missed: ${describe(found)}`);
    return missed.length === 0 ? 0 : 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Task {
  model: string;
  rows: { prompt: string; completion: string }[];
  length: number;
  dtype: string;
  folder: string;
}

/** One training, as the program starts it. Throws what the job ends with, out of memory included. */
async function train(environment: Environment, plan: Plan, { model, rows, length, dtype, folder }: Task) {
  const output = await mkdtemp(join(folder, "job-"));
  const needs: MemoryNeeds = {
    ...{ microBatch: null, gradientCheckpointing: false, optimizer: "float32", embeddingsOnCpu: false },
    ...{ maxLength: length, device: plan.device, quantization: "nf4" },
  };
  const { python, trainerFolder } = environment;
  const job = startJob("train", { python, trainerFolder, logFile: join(output, "job.log") });
  let parts: unknown = null;
  let rungs: string[] = [];
  const ladder = rungsAbove(needs).filter((rung) => rung.needs.device === plan.device);
  job.onLine = (line) => {
    if (line.type !== "plan") return;
    ({ parts } = line);
    rungs = ladder.slice(0, line.rung).map(({ name }) => name);
  };
  const {
    steps: _,
    wordDropout: __,
    memoryLimit: ___,
    cpuFallback: ____,
    ...settings
  } = trainingSettingsSchema.parse({});
  job.send({
    type: "spec",
    spec: {
      ...{ ...settings, ...needs, accumulation: 1, dtype },
      ...{ ladder: ladder.map((rung) => rung.needs), ranOut: null, memoryLimit: cap },
      ...{ model: { folder: model }, output, rows, heldBack: [], steps: { rule: "fixed", count: plan.steps } },
      ...{ modules: null, threads: null, seed: 42, saveSeconds: 3600, endText: "<|im_end|>" },
    },
  });
  const result = jobResultSchema.parse(await job.stopped);
  const { peakMemoryBytes: peakBytes, estimatedMemoryBytes: estimateBytes = 0, tokensPerSecond } = result;
  return {
    ...{ tokens: length, dtype: result.dtype, steps: result.steps, rungs, peakBytes, estimateBytes, parts },
    estimateNear: Math.abs(estimateBytes / peakBytes - 1) <= tolerance,
    peakFits: peakBytes <= Math.min(cap, largestPeak[length] ?? cap),
    tokensPerSecond,
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
