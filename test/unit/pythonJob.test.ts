import { readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { UserError } from "../../src/protocol/errors.ts";
import { jobLimits, startJob, type PythonJob, type WorkLine } from "../../src/pipeline/adapters/pythonJob.ts";
import { createSilence } from "../../src/pipeline/adapters/silence.ts";
import { fakePlace } from "../fakes/fakePlace.ts";
import { alive, gone, until } from "../fakes/processes.ts";

function start(
  mode: string,
  limits: Partial<typeof jobLimits> = {},
): { job: PythonJob; lines: WorkLine[]; logFile: string } {
  const place = fakePlace(mode);
  const job = startJob("train", place, limits);
  const lines: WorkLine[] = [];
  job.onLine = (line) => void lines.push(line);
  return { job, lines, logFile: place.logFile };
}

/** The error a job ends with; fails when it has a result. */
async function errorOf({ stopped }: PythonJob): Promise<UserError> {
  const outcome = await stopped.then(
    (result) => ({ result }),
    (error: unknown) => ({ error }),
  );
  expect(outcome).toHaveProperty("error");
  const { error } = outcome as { error: unknown };
  expect(error).toBeInstanceOf(UserError);
  return error as UserError;
}

const causeOf = (error: UserError): string => (error.cause as Error).message;

const grandchildOf = (lines: readonly WorkLine[]): Promise<number> =>
  until(
    () =>
      lines.flatMap((line) => {
        const pid = line.type === "notice" ? /^grandchild (\d+)$/.exec(line.text)?.[1] : undefined;
        return pid ? [Number(pid)] : [];
      })[0],
  );

test("a job says hello, works and ends with its result, isolated and without the host's secrets", async () => {
  process.env["OPENAI_API_KEY"] = "sk-canary";
  process.env["PYTHONPATH"] = "/nowhere";
  const { job, lines, logFile } = start("ok");
  delete process.env["OPENAI_API_KEY"];
  delete process.env["PYTHONPATH"];
  job.send({ type: "spec", spec: { text: "grün\u2028✓" } });
  expect(await job.hello).toMatchObject({ type: "hello", protocol: 1, job: "train" });
  const result = (await job.stopped) as Record<string, unknown>;
  expect(result).toMatchObject({
    spec: { text: "grün\u2028✓" },
    folder: dirname(logFile),
    isolated: 1,
    utf8: 1,
    leadsGroup: true,
  });
  const allowed =
    /^(PATH|HOME|USER|LOGNAME|LANG|LC_\w+|TZ|TMPDIR|TMP|TEMP|XDG_CACHE_HOME|CUDA_\w+|NVIDIA_\w+|LD_LIBRARY_PATH|\w+_NUM_THREADS|GOMP_SPINCOUNT)$/;
  expect((result["environment"] as string[]).filter((name) => !allowed.test(name))).toEqual([]);
  expect(result["environment"]).toContain("GOMP_SPINCOUNT");
  expect(lines).toEqual([
    { type: "phase", name: "train" },
    { type: "progress", done: 1, total: 2 },
    { type: "progress", done: 2, total: 2 },
  ]);
  await job.stop(); // long over: resolves at once and changes nothing
  job.send({ type: "done" });
});

test.each([
  ["exit 0", "ended with exit code 0"],
  ["exit 1", "ended with exit code 1"],
  ["segfault", "was killed by SIGSEGV"],
  ["killed", "was killed by SIGKILL"],
])("B3: a process that dies (%s) is named, with its last 20 lines", async (mode, how) => {
  const { job, logFile } = start(mode);
  const error = await errorOf(job);
  expect(error.code).toBe("E_TRAINER_DIED");
  expect(error.message).toBe(`The Python process for "train" ${how} without a result.`);
  const shown = causeOf(error).split("\n").slice(1);
  expect(shown).toEqual(Array.from({ length: 20 }, (_, index) => `line ${index + 10}`));
  expect(readFileSync(logFile, "utf8")).toContain("line 0\n");
});

test("a cut last line is a death, not a result", async () => {
  const error = await errorOf(start("cut").job);
  expect(error.code).toBe("E_TRAINER_DIED");
  expect(error.message).toContain("exit code 0 in the middle of a line");
});

test("a Python that is not there is named", async () => {
  const job = startJob("train", { ...fakePlace("ok"), python: "/nowhere/python3" });
  const error = await errorOf(job);
  expect(error.code).toBe("E_PY_ENV");
  await expect(job.hello).rejects.toBe(error);
  expect(() => startJob("train", { ...fakePlace("ok"), python: "python3" })).toThrow(UserError);
});

test("B4: silence gives a notice first and ends the process later", async () => {
  const { job, lines } = start("hang", { notice: 600, hung: 1_500, tick: 100 });
  const { pid } = await job.hello;
  const error = await errorOf(job);
  expect(error.code).toBe("E_TRAINER_HUNG");
  expect(lines.filter(({ type }) => type === "notice")).toHaveLength(1);
  expect(alive(pid)).toBe(false);
});

test("B4: a process that never says hello is ended", async () => {
  const { job } = start("silent", { hello: 800, tick: 100 });
  const error = await errorOf(job);
  expect(error.code).toBe("E_TRAINER_HUNG");
  await expect(job.hello).rejects.toBe(error);
});

test("B4: an hour of sleep is no silence, whichever way the clock counts it", () => {
  const silence = createSilence(1_000, 0);
  for (let second = 1; second <= 30; second++) silence.tick(second * 1_000);
  expect(silence.tick(3_600_000)).toBe(32_000);
  expect(silence.tick(3_601_000)).toBe(33_000);
  silence.reset();
  expect(silence.tick(3_602_000)).toBe(1_000);
});

test("B5, B6, B14: stop ends a process that ignores SIGTERM, and its children, within 6 s, however often it is pressed", async () => {
  const { job, lines } = start("ignores term");
  job.send({ type: "spec", spec: {} });
  const { pid } = await job.hello;
  const grandchild = await grandchildOf(lines);
  const begin = performance.now();
  await Promise.all([job.stop(), job.stop()]);
  expect(performance.now() - begin).toBeLessThan(6_000);
  expect([alive(pid), await gone(grandchild, 1_000)]).toEqual([false, true]);
  expect((await errorOf(job)).code).toBe("E_STOPPED");
});

test("B14: stop before hello works", async () => {
  const { job } = start("silent");
  await job.stop();
  expect((await errorOf(job)).code).toBe("E_STOPPED");
});

test("a job that saves when told to stop is given the time", async () => {
  const { job, lines } = start("saves on stop");
  job.send({ type: "spec", spec: {} });
  await until(() => lines[0]);
  await job.stop();
  expect(lines).toEqual([
    { type: "notice", text: "begun" },
    { type: "notice", text: "saved" },
  ]);
  expect((await errorOf(job)).code).toBe("E_STOPPED");
});

test("B2: a job that has its spec and imports still is ended without asking", async () => {
  const { job, lines } = start("imports");
  job.send({ type: "spec", spec: {} });
  await job.hello;
  await job.stop();
  expect(lines).toEqual([]);
  expect((await errorOf(job)).code).toBe("E_STOPPED");
});

test.each(["embed", "evaluate"] as const)(
  "B2: a job with nothing to save (%s) is ended without asking",
  async (name) => {
    const job = startJob(name, fakePlace("saves on stop"));
    const lines: WorkLine[] = [];
    job.onLine = (line) => void lines.push(line);
    job.send({ type: "spec", spec: {} });
    await until(() => lines[0]);
    await job.stop();
    expect(lines).toEqual([{ type: "notice", text: "begun" }]);
    expect((await errorOf(job)).code).toBe("E_STOPPED");
  },
);

test("B6: a grandchild that holds stdout keeps nothing pending and is ended", async () => {
  const { job, lines } = start("leaves grandchild");
  expect(await job.stopped).toEqual({});
  expect(await gone(await grandchildOf(lines))).toBe(true);
});

test("B6: nor does one that left the process group", async () => {
  const { job, lines } = start("leaves escaped grandchild");
  expect(await job.stopped).toEqual({});
  process.kill(await grandchildOf(lines), "SIGKILL"); // out of reach for the job; not for this test
});

test("a process that has said its result but does not end is ended", async () => {
  const { job } = start("lingers", { exitGrace: 300 });
  const { pid } = await job.hello;
  expect(await job.stopped).toEqual({ kept: true });
  expect(alive(pid)).toBe(false);
});

test("B7: 500 MB of output in long lines and binary noise cost no memory and no line; the log stays small", async () => {
  const place = fakePlace("flood");
  const job = startJob("train", place);
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const held = (): number => {
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const before = held();
  let notices = 0;
  let progress = 0;
  let longest = 0;
  let most = 0;
  job.onLine = (line) => {
    if (line.type === "progress") expect(line.done).toBe(progress++);
    if (line.type !== "notice") return;
    notices += 1;
    longest = Math.max(longest, line.text.length);
    if (notices % 250 === 0) most = Math.max(most, held());
  };
  job.send({ type: "spec", spec: {} });
  expect(await job.stopped).toEqual({});
  expect([notices, progress, longest]).toEqual([2_501, 2_500, 1_000_000]);
  expect(most - before).toBeLessThan(50 * 1024 * 1024);
  const logged = statSync(place.logFile, { throwIfNoEntry: false })?.size ?? 0;
  expect(logged + statSync(`${place.logFile}.1`).size).toBeLessThan(11 * 1024 * 1024);
});

test("B7: a line in pieces, cut inside a character, arrives whole", async () => {
  const { job, lines } = start("pieces");
  await job.stopped;
  expect(lines).toEqual([{ type: "notice", text: "grün ✓" }]);
});

test.each([
  ["garbage", /not of the protocol: \\u001b\[31mTraceback\\u001b\[0m \\u0000 \\u202ey+$/],
  ["not utf-8", /not of the protocol/],
  ["NaN", /"done":NaN/],
  ["too large", /1e400/],
  ["too deep", /\[\[\[\[/],
  ["unknown type", /surprise/],
  ["extra key", /more/],
  ["unending line", /a line without an end: x+$/],
  ["early", /"progress" before its "hello"/],
  ["twice", /"hello" twice/],
  ["after result", /"result" after its "result"/],
  ["future", /speaks protocol 2/],
  ["other job", /for a job "other"/],
])("B8: what is not of the protocol (%s) ends the job and is shown escaped", async (mode, message) => {
  const { job } = start(mode);
  const error = await errorOf(job);
  expect(error.code).toBe("E_PROTOCOL");
  expect(error.message).toMatch(message);
  expect(error.message).toMatch(/^[\x20-\x7e]{1,300}$/);
});

test.each([
  ["out of memory", "E_OUT_OF_MEMORY"],
  ["loss is NaN", "E_LOSS_NAN"],
  ["unknown code", "E_TRAINER"],
])("a job's own error (%s) becomes %s", async (mode, code) => {
  const { job } = start(mode);
  job.send({ type: "spec", spec: {} });
  const error = await errorOf(job);
  expect([error.code, error.message]).toEqual([code, "It did not work."]);
});
