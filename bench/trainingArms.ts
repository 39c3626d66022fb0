/** The two sides of the training measurement, each run a fresh process, timed by the same clock: this one. */
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { z } from "zod";
import type { Environment } from "../src/pipeline/adapters/environment.ts";
import { packageFolder } from "../src/pipeline/adapters/packageFolder.ts";
import { startJob, type PythonJob } from "../src/pipeline/adapters/pythonJob.ts";
import { stopOnAbort } from "../src/pipeline/adapters/warmJob.ts";
import type { TrainingRow } from "../src/pipeline/ports.ts";
import { fineTuningOutputSchema } from "../src/protocol/model.ts";
import type { TrainingSettings } from "../src/protocol/run.ts";
import { endText } from "./trainingRows.ts";

/** What both sides are given. */
export interface Task {
  environment: Environment;
  /** For everything that is written; removed at the end of the measurement. */
  folder: string;
  rows: TrainingRow[];
  settings: TrainingSettings & { steps: number };
  seed: number;
}

/** One training. `seconds` runs from the start of its loop to the end of its last step. */
export interface Training {
  seconds: number;
  dtype: string;
  threads: number;
  trainableParameters: number;
  /** Of every step; TRL's own course tells the mean of every ten. */
  losses: number[];
}

export interface JobTraining extends Training {
  /** Folder with the adapter's files. */
  output: string;
  modules: readonly string[];
  versions: Record<string, string>;
}

export interface PlainTraining extends Training {
  /** Of all rows, counted once by TRL's tokenization. */
  tokens: number;
}

/** What both sides compute in when they are compared on a CPU. */
export type CpuType = "float32" | "bfloat16";

/** How a run of our job differs from what a person gets. `spec` is put over the job's own. */
export interface JobChanges {
  dtype?: CpuType;
  learningRate?: number;
  steps?: number;
  spec?: Record<string, unknown>;
}

/** How a run of TRL differs from the plain one on the CPU. */
export interface PlainChanges {
  /** A file with the first weights of our job: TRL then follows our job's course. */
  sameAs?: string;
  /** On the CPU; TRL's own choice by default. */
  dtype?: CpuType;
  /** Of the model; the roles of the settings by default. */
  modules?: readonly string[];
  device?: "cpu" | "cuda";
  /** All rows of a step by default. */
  rowsAtOnce?: number;
  nf4?: boolean;
}

const never: AbortSignal = new AbortController().signal;

const jobResultSchema = fineTuningOutputSchema.omit({ adapter: true, stepsRule: true, memoryRungs: true });

/** Our job `train`, as the program starts it. The saving of its state every 10 s counts. `signal` ends it. */
export async function trainByJob(
  task: Task,
  changes: JobChanges = {},
  signal: AbortSignal = never,
): Promise<JobTraining> {
  const { environment, folder, rows, settings, seed } = task;
  const output = await mkdtemp(join(folder, "job-"));
  const { python, trainerFolder } = environment;
  const job = startJob("train", { python, trainerFolder, logFile: join(output, "job.log") });
  const clock = stepClock();
  job.onLine = (line) => {
    if (line.type === "phase" && line.name === "train") clock.start();
    if (line.type === "metric") clock.stop();
  };
  const steps = changes.steps ?? settings.steps;
  const spec = {
    ...settings,
    learningRate: changes.learningRate ?? settings.learningRate,
    dtype: changes.dtype ?? "auto",
    steps: { rule: "fixed", count: steps },
    model: { gguf: environment.embeddedStudent },
    modules: null,
    threads: null,
    microBatch: null,
    gradientCheckpointing: false,
    saveSeconds: 10,
    heldBack: [],
    output,
    rows,
    seed,
    endText,
    ...changes.spec,
  };
  const result = jobResultSchema.parse(await resultOf(job, spec, signal));
  if (result.rowsTooLong > 0 || result.steps !== steps)
    throw new Error(`Our job left out ${result.rowsTooLong} rows or steps: ${result.steps} of ${steps} were done.`);
  const { dtype, threads, trainableParameters, modules } = result;
  const losses = result.losses.map(({ loss }) => loss);
  const { versions } = await job.hello;
  return { seconds: clock.seconds(), dtype, threads, trainableParameters, losses, output, modules, versions };
}

/** What a job ends with; the signal stops it. */
export async function resultOf(job: PythonJob, spec: unknown, signal: AbortSignal): Promise<unknown> {
  const detach = stopOnAbort(job, signal);
  try {
    job.send({ type: "spec", spec });
    return await job.stopped;
  } finally {
    detach();
  }
}

const plainLineSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("ready"), tokens: z.int(), rows: z.int() }),
  z.strictObject({ type: z.literal("step"), step: z.int() }),
  z.strictObject({
    type: z.literal("result"),
    dtype: z.string(),
    threads: z.int(),
    trainableParameters: z.int(),
    losses: z.array(z.number()),
  }),
]);

/** TRL's trainer over the base model in the folder `base`. `signal` ends it. */
export async function trainByTrl(
  task: Task,
  base: string,
  { sameAs, dtype, modules, device = "cpu", rowsAtOnce, nf4 = false }: PlainChanges = {},
  signal: AbortSignal = never,
): Promise<PlainTraining> {
  const { rows, settings, seed } = task;
  const { rank, alpha, learningRate, steps, roles } = settings;
  const output = await mkdtemp(join(task.folder, "trl-"));
  const stepRows = settings.batchSize * settings.accumulation;
  const spec = {
    ...{ model: base, output, rows, steps, stepRows, rank, alpha, learningRate, seed, device, nf4 },
    ...{ modules: modules ?? roles, rowsAtOnce: rowsAtOnce ?? stepRows, sameAs: sameAs ?? null, dtype: dtype ?? null },
  };
  const clock = stepClock();
  let tokens = 0;
  let result: Extract<z.infer<typeof plainLineSchema>, { type: "result" }> | undefined;
  const child = runPython(task, "plain_trl.py", [], JSON.stringify(spec), signal);
  for await (const text of child) {
    const line = plainLineSchema.parse(JSON.parse(text));
    if (line.type === "step") clock.stop();
    else if (line.type === "result") result = line;
    else {
      if (line.rows !== rows.length) throw new Error(`TRL kept ${line.rows} of ${rows.length} rows.`);
      tokens = line.tokens;
      clock.start();
    }
  }
  if (!result) throw new Error("TRL ended without a result.");
  const { type: _, ...facts } = result;
  return { seconds: clock.seconds(), tokens, ...facts };
}

/** The embedded student as a folder TRL can load. */
export async function writeBase(task: Task): Promise<string> {
  const base = join(task.folder, "base");
  await runPython(task, "base_folder.py", [task.environment.embeddedStudent, base], "");
  return base;
}

/** With the variables our job gets too, so that neither side is slowed or hastened by a setting of the shell. */
export function runPython(
  { environment, folder }: Pick<Task, "environment" | "folder">,
  script: string,
  args: string[],
  input: string,
  cancelSignal: AbortSignal = never,
) {
  const names = ["PATH", "HOME", "LANG", "TMPDIR", "SystemRoot", "USERPROFILE", "OMP_NUM_THREADS", "MKL_NUM_THREADS"];
  const kept = names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]));
  return execa(environment.python, ["-s", "-X", "utf8", "-u", join(import.meta.dirname, script), ...args], {
    cwd: folder,
    env: {
      ...Object.fromEntries(kept),
      PYTHONPATH: packageFolder(),
      PYTHONDONTWRITEBYTECODE: "1",
      HF_HUB_OFFLINE: "1",
    },
    extendEnv: false,
    preferLocal: false,
    killDescendants: true,
    cancelSignal,
    input,
  });
}

function stepClock() {
  let begin = Number.NaN;
  let end = Number.NaN;
  return {
    start: () => (begin = performance.now()),
    stop: () => (end = performance.now()),
    seconds: () => (end - begin) / 1000,
  };
}
