import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { readyEnvironment } from "../../src/pipeline/adapters/environment.ts";
import { createTrainer } from "../../src/pipeline/adapters/trainer.ts";
import type { TrainingJob } from "../../src/pipeline/ports.ts";
import { templates } from "../../src/pipeline/template.ts";
import { UserError } from "../../src/protocol/errors.ts";
import type { LossPoint } from "../../src/protocol/model.ts";
import { trainingSettingsSchema } from "../../src/protocol/run.ts";
import { fakePlace } from "../fakes/fakePlace.ts";

const { python, trainerFolder, embeddedStudent } = await readyEnvironment();
const never = new AbortController().signal;

function jobOf(steps: number): TrainingJob {
  const prompt = templates.chatml.render([{ role: "user", content: "What runs a container?" }]);
  return {
    rows: [{ prompt, completion: templates.chatml.completion("A Pod runs it.") }],
    heldBack: [],
    steps: { rule: "fixed", count: steps },
    settings: trainingSettingsSchema.parse({ rank: 4, accumulation: 1, device: "cpu" }),
    endText: "<|im_end|>",
    seed: 7,
    output: mkdtempSync(join(tmpdir(), "distillery-adapter-")),
  };
}

const fakeTrainer = (mode: string) => createTrainer({ ...fakePlace(mode), model: { gguf: "/nowhere.gguf" } });

test("the real trainer makes an adapter and tells of every step", { timeout: 400_000 }, async () => {
  const logFile = join(mkdtempSync(join(tmpdir(), "distillery-trainer-")), "job.log");
  const trainer = createTrainer({ python, trainerFolder, logFile, model: { gguf: embeddedStudent } });
  trainer.prepare();
  const job = jobOf(2);
  const points: [LossPoint, number][] = [];
  const result = await trainer.train(
    job,
    (point, total) => void points.push([point, total]),
    () => {},
    never,
  );
  await trainer.close();
  expect(points.map(([{ step }, total]) => [step, total])).toEqual([
    [1, 2],
    [2, 2],
  ]);
  expect(points.every(([{ loss }]) => Number.isFinite(loss) && loss > 0)).toBe(true);
  expect(result).not.toHaveProperty("memoryRungs");
  expect(result).toMatchObject({ device: "cpu", steps: 2, plannedSteps: 2, rows: 1, rowsTooLong: 0 });
  expect(result.losses.map(({ step }) => step)).toEqual([1, 2]);
  for (const file of ["adapter_model.safetensors", "adapter_config.json", "adapter.gguf", "spec.json"])
    expect(existsSync(join(job.output, file))).toBe(true);
});

test("F1: out of memory, each rung is a new process and is told", async () => {
  const notices: string[] = [];
  const result = await fakeTrainer("short of memory").train(
    jobOf(1),
    () => {},
    (text) => void notices.push(text),
    never,
  );
  expect(result.finalLoss).toBe(0.5);
  expect(notices).toEqual([
    "The memory was not enough; the training goes on one row at a time.",
    "The memory was not enough; the training goes on with gradient checkpointing.",
    "The memory was not enough; the training goes on with the weights in NF4.",
    "The memory was not enough; the training goes on one row at a time.",
    "The memory was not enough; the training goes on with gradient checkpointing.",
    "The memory was not enough; the training goes on with rows of at most 384 tokens.",
    "The memory was not enough; the training goes on with rows of at most 256 tokens.",
  ]);
  const reason = expect.stringContaining("not enough memory");
  expect(result.memoryRungs).toEqual([
    { name: "with the weights in NF4", reason },
    { name: "one row at a time", reason },
    { name: "with gradient checkpointing", reason },
    { name: "with rows of at most 384 tokens", reason },
    { name: "with rows of at most 256 tokens", reason },
  ]);
});

/** An interpreter that says its process id, and by `limit` gets no more private memory than so many bytes. */
function interpreter(folder: string, limit?: number): string {
  const file = join(folder, `python-${limit ?? "free"}`);
  const ulimit = limit === undefined ? "" : `ulimit -d ${Math.round(limit / 1024)}\n`;
  writeFileSync(file, `#!/bin/sh\necho $$ > "${folder}/pid"\n${ulimit}exec "${python}" "$@"\n`, { mode: 0o755 });
  return file;
}

/** The most private memory a job takes while `work` goes on, in bytes, as the limit counts it. */
async function mostPrivateMemory(folder: string, work: Promise<unknown>): Promise<number> {
  let most = 0;
  const over = new AbortController();
  const end = work.finally(() => over.abort());
  while (!over.signal.aborted) {
    await pause(5);
    try {
      const status = readFileSync(`/proc/${readFileSync(join(folder, "pid"), "utf8").trim()}/status`, "utf8");
      most = Math.max(most, Number(/^VmData:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024);
    } catch {
      // Not started yet, or ended.
    }
  }
  await end;
  return most;
}

test.runIf(process.platform === "linux")(
  "F1: a real training that is refused memory climbs a rung and ends",
  { timeout: 400_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "distillery-short-"));
    const text = "It is so, and then once more, ".repeat(24);
    const prompt = templates.chatml.render([{ role: "user", content: "How is it?" }]);
    const rows = [1, 2, 3, 4].map((row) => ({ prompt, completion: templates.chatml.completion(`${row}: ${text}`) }));
    // The rows of a step are trained together, as long as there is memory for it.
    const train = (short: string, rowsOfStep: number) => {
      const logFile = join(folder, "job.log");
      const settings = trainingSettingsSchema.parse({ rank: 16, accumulation: rowsOfStep, device: "cpu" });
      const trainer = createTrainer({ python: short, trainerFolder, logFile, model: { gguf: embeddedStudent } });
      const job = { ...jobOf(1), rows: rows.slice(0, rowsOfStep), settings };
      return trainer.train(
        job,
        () => {},
        () => {},
        never,
      );
    };
    const free = interpreter(folder);
    const four = await mostPrivateMemory(folder, train(free, 4));
    const one = await mostPrivateMemory(folder, train(free, 1));
    console.info(`four rows: ${four} bytes, one: ${one}`);
    expect(one).toBeLessThan(four);
    const result = await train(interpreter(folder, (one + four) / 2), 4);
    expect(result.memoryRungs).toEqual([
      { name: "one row at a time", reason: "There is not enough memory for this job." },
    ]);
    expect(result.steps).toBe(1);
  },
);

test("F1: when no rung is left, the error stands", async () => {
  const failed = fakeTrainer("out of memory").train(
    jobOf(1),
    () => {},
    () => {},
    never,
  );
  await expect(failed).rejects.toMatchObject({ code: "E_OUT_OF_MEMORY" });
});

/** A training that may use a GPU, with the notices it gave. */
async function planned(mode: string, cpuFallback: "auto" | "ask") {
  const notices: string[] = [];
  const settings = trainingSettingsSchema.parse({ cpuFallback });
  const result = fakeTrainer(mode).train(
    { ...jobOf(1), settings },
    () => {},
    (text) => void notices.push(text),
    never,
  );
  return { result: await result, notices };
}

test("F1: what the estimate rules out is not tried; a rung that saves nothing is not named", async () => {
  const { result, notices } = await planned("starts higher", "ask");
  const reason = "The memory would not be enough: about 3.40 GB of 3.00 GB.";
  expect(result.memoryRungs).toEqual([{ name: "with gradient checkpointing", reason }]);
  expect(notices).toEqual([
    `${reason} The training starts with gradient checkpointing.`,
    "Memory of the training: about 2.40 GB of 3.00 GB at its peak (weights 2.40 GB).",
  ]);
});

test("F1: where unpacked weights do not fit, they are packed, and no rung that was not enough is named", async () => {
  const { result, notices } = await planned("packs", "auto");
  const reason = "The memory would not be enough: about 11.00 GB of 3.00 GB.";
  expect(result.memoryRungs).toEqual([{ name: "with the weights in NF4", reason }]);
  expect(notices).toEqual([
    `${reason} The training starts with the weights in NF4.`,
    "Memory of the training: about 2.60 GB of 3.00 GB at its peak (weights 2.60 GB).",
    "Training on the CPU takes about a minute.",
  ]);
});

test("F1: by the CPU fallback `auto` the time is told, by `ask` the training stops before it starts", async () => {
  const { result, notices } = await planned("falls back", "auto");
  expect(result.memoryRungs?.map(({ name }) => name)).toEqual(["on the CPU"]);
  expect(notices.at(-1)).toBe(
    "Training on the CPU takes about 5 hours. A smaller student, as smollm2-135m, or fewer steps take less.",
  );
  await expect(planned("falls back", "ask")).rejects.toMatchObject({
    code: "E_CPU_FALLBACK",
    message: "The GPU's memory is not enough for this training; on the CPU it would take about 5 hours.",
    next: expect.stringContaining("smollm2-135m"),
  });
});

test("F1: without a GPU, `ask` stops only a training that takes long", async () => {
  expect((await planned("needs no GPU", "ask")).result.finalLoss).toBe(0.5);
  expect((await planned("has no GPU", "auto")).result).not.toHaveProperty("memoryRungs");
  await expect(planned("has no GPU", "ask")).rejects.toMatchObject({
    code: "E_CPU_FALLBACK",
    message: "There is no GPU for this training; on the CPU it would take about 5 hours.",
  });
});

test("a death names the last step, and other errors come as they are", async () => {
  const died = fakeTrainer("segfault").train(
    jobOf(9),
    () => {},
    () => {},
    never,
  );
  await expect(died).rejects.toMatchObject({
    code: "E_TRAINER_DIED",
    message: expect.stringMatching(/SIGSEGV .*step it told of was 7\.$/),
  });
  const nan = fakeTrainer("loss is NaN").train(
    jobOf(9),
    () => {},
    () => {},
    never,
  );
  await expect(nan).rejects.toMatchObject({ code: "E_LOSS_NAN" });
  const odd = fakeTrainer("odd result").train(
    jobOf(9),
    () => {},
    () => {},
    never,
  );
  await expect(odd).rejects.toMatchObject({ code: "E_PROTOCOL" });
});

test("a stopped training saves first and gives the reason of the stop", async () => {
  const controller = new AbortController();
  const reason = new UserError("E_STOPPED", "Stopped by you.");
  const notices: string[] = [];
  const stopped = fakeTrainer("saves on stop").train(
    jobOf(9),
    () => {},
    (text) => {
      notices.push(text);
      controller.abort(reason);
    },
    controller.signal,
  );
  await expect(stopped).rejects.toBe(reason);
  expect(notices).toEqual(["begun", "saved"]);
});
