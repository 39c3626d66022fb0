/**
 * One job of the Python side: one process, started, watched and ended here and nowhere else.
 * trainer/PROTOCOL.md describes the lines.
 */
import { isAbsolute, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { execa } from "execa";
import { errorTable, UserError, type ErrorCode } from "../../protocol/errors.ts";
import { protocolVersion, type HostLine, type JobName, type TrainerLine } from "../../protocol/trainer.ts";
import { createLineReader } from "./jobLines.ts";
import { createJobLog } from "./jobLog.ts";
import { createSilence } from "./silence.ts";

export type Hello = Extract<TrainerLine, { type: "hello" }>;
/** What a job says between `hello` and its end. */
export type WorkLine = Exclude<TrainerLine, { type: "hello" | "beat" | "result" | "error" }>;

/** Where the Python side is. All paths are absolute. */
export interface PythonPlace {
  python: string;
  trainerFolder: string;
  logFile: string;
}

/** Milliseconds. Stop takes `stopGrace + termGrace + killGrace` at most, which must stay below 6 s. */
export const jobLimits = {
  hello: 60_000,
  notice: 60_000,
  hung: 120_000,
  tick: 1_000,
  /** From the last line to the end of the process. */
  exitGrace: 5_000,
  /** From the end of the process to the end of its output; a process that left the group may hold the pipe. */
  drain: 1_500,
  /** For saving the training state after `stop`. */
  stopGrace: 3_000,
  termGrace: 500,
  killGrace: 500,
};

export interface PythonJob {
  /** Rejects as `stopped` does when the process never says it. */
  readonly hello: Promise<Hello>;
  /** The job's `result`; rejects with a UserError, or with what `onLine` threw. Settles when process and children are gone. */
  readonly stopped: Promise<unknown>;
  /** Called for every line of work, in order. Assign it before `send`ing the spec. */
  onLine: (line: WorkLine) => void;
  /** Does nothing once the process has ended. */
  send(line: HostLine): void;
  /** Asks the job to save and end, then ends it. Resolves within 6 s, also when called again. Never rejects. */
  stop(): Promise<void>;
}

/** Jobs that write no file: all that they found out was sent as they found it. */
const savesNothing: readonly JobName[] = ["embed", "evaluate"];

/** What the Python side may see of the host's environment. No key is among it. */
const allowedVariables = [
  "PATH HOME USER LOGNAME LANG LC_ALL LC_CTYPE TZ TMPDIR TMP TEMP XDG_CACHE_HOME",
  "SystemRoot SYSTEMROOT windir USERPROFILE APPDATA LOCALAPPDATA PATHEXT COMSPEC",
  "CUDA_VISIBLE_DEVICES CUDA_HOME NVIDIA_VISIBLE_DEVICES LD_LIBRARY_PATH OMP_NUM_THREADS GOMP_SPINCOUNT MKL_NUM_THREADS",
].flatMap((names) => names.split(" "));

/**
 * How long a thread of libgomp keeps the processor while it waits for the others. Measured with a training on 2 cores,
 * alone and beside one busy process: by the library's default 12.4 s and 185 s, with 3,000 turns 12.2 s and 22.3 s, with
 * none (`OMP_WAIT_POLICY=PASSIVE`) 18.4 s and 17.4 s.
 */
const defaults = { GOMP_SPINCOUNT: "3000" };

/**
 * Starts a process at once; its imports run while the spec is still being made. How it ends comes through `stopped`.
 * @throws UserError E_PY_ENV for relative paths
 */
export function startJob(job: JobName, place: PythonPlace, changed: Partial<typeof jobLimits> = {}): PythonJob {
  const limits = { ...jobLimits, ...changed };
  const hello = Promise.withResolvers<Hello>();
  const stopped = Promise.withResolvers<unknown>();
  hello.promise.catch(() => {}); // whoever waits for one of the two gets the error; nobody must wait for both
  stopped.promise.catch(() => {});

  const log = createJobLog(place.logFile);
  const child = spawn(job, place);
  let greeted = false;
  /** From its first line of work on; before, it imports. */
  let working = false;
  let last: Extract<TrainerLine, { type: "result" | "error" }> | undefined;
  let failure: { error: unknown } | undefined;
  let settled = false;
  let stopping: Promise<void> | undefined;

  const self: PythonJob = { hello: hello.promise, stopped: stopped.promise, onLine: () => {}, send, stop };

  function send(line: HostLine): void {
    if (!settled && child.stdin.writable) child.stdin.write(`${JSON.stringify(line)}\n`);
  }

  /** The first failure counts; whatever the process still says is ignored. */
  function fail(error: unknown): void {
    failure ??= { error };
    child.kill("SIGKILL");
  }

  function settle(outcome: { result: unknown } | { error: unknown }): void {
    if (settled) return;
    settled = true;
    clearInterval(watch);
    if ("result" in outcome) stopped.resolve(outcome.result);
    else {
      hello.reject(outcome.error);
      stopped.reject(outcome.error);
    }
  }

  function take(line: TrainerLine): void {
    silence.reset();
    if (!greeted || line.type === "hello") return greet(line);
    if (last) throw wrongOrder(`"${line.type}" after its "${last.type}"`);
    if (line.type === "beat") return;
    if (line.type === "result" || line.type === "error") {
      last = line;
      void later(limits.exitGrace).then(() => settled || child.kill("SIGKILL"));
      return;
    }
    working = true;
    self.onLine(line);
  }

  function greet(line: TrainerLine): void {
    if (line.type !== "hello") throw wrongOrder(`"${line.type}" before its "hello"`);
    if (greeted) throw wrongOrder(`"hello" twice`);
    if (line.protocol !== protocolVersion || line.job !== job)
      throw new UserError(
        "E_PROTOCOL",
        `The Python side speaks protocol ${line.protocol} for a job "${line.job.slice(0, 40)}"; protocol ${protocolVersion} for "${job}" was expected.`,
      );
    greeted = true;
    hello.resolve(line);
  }

  const silence = createSilence(limits.tick, performance.now());
  let warned = false;
  const watch = setInterval(() => {
    const silent = silence.tick(performance.now());
    if (!greeted && silent >= limits.hello)
      fail(
        new UserError(
          "E_TRAINER_HUNG",
          `The Python process for "${job}" did not say hello within ${seconds(limits.hello)} s.`,
        ),
      );
    else if (silent >= limits.hung)
      fail(
        new UserError(
          "E_TRAINER_HUNG",
          `The Python process for "${job}" has been silent for ${seconds(limits.hung)} s and was ended.`,
        ),
      );
    else if (silent < limits.notice) warned = false;
    else if (!warned && greeted) {
      warned = true;
      self.onLine({
        type: "notice",
        text: `The Python process for "${job}" has been silent for ${seconds(limits.notice)} s.`,
      });
    }
  }, limits.tick);

  const reader = createLineReader(take);
  const output = (async () => {
    for await (const chunk of child.stdout) {
      if (failure) continue;
      try {
        reader.push(chunk as Buffer);
      } catch (error) {
        fail(error); // not of the protocol, or the host's own mistake in `onLine`
      }
    }
  })().catch(() => {}); // the pipe was closed from this side
  const errors = (async () => {
    await log.write(`--- ${job}, process ${child.pid ?? "not started"}, ${new Date().toISOString()}\n`);
    for await (const chunk of child.stderr) await log.write(chunk as Buffer);
  })().catch(() => {});
  child.stdin.on("error", () => {}); // it is gone: `exit` says so

  void (async () => {
    const exit = await exitOf(child);
    child.kill("SIGKILL"); // its children, which may hold the pipes
    await Promise.race([Promise.all([output, errors]), later(limits.drain)]);
    child.stdin.destroy();
    child.stdout.destroy();
    child.stderr.destroy();
    if (failure) settle(failure);
    else if (last?.type === "result") settle({ result: last.result });
    else if (last) settle({ error: new UserError(knownCode(last.code), last.message) });
    else if (stopping) settle({ error: stoppedError(job) });
    else settle({ error: died(job, exit, reader.cut(), log.tail()) });
  })();

  async function end(): Promise<void> {
    const ended = stopped.promise.then(
      () => true,
      () => true,
    );
    const within = (milliseconds: number) => Promise.race([ended, later(milliseconds)]);
    // Without anything to save a job is not waited for: it hears nothing while it imports or computes.
    if (working && !savesNothing.includes(job)) {
      send({ type: "stop" });
      if (await within(limits.stopGrace)) return;
    }
    child.kill("SIGTERM");
    if (await within(limits.termGrace)) return;
    child.kill("SIGKILL");
    if (await within(limits.killGrace + limits.drain)) return;
    settle({ error: stoppedError(job) }); // the kernel holds it: nobody should wait for that
  }

  function stop(): Promise<void> {
    return (stopping ??= end());
  }
  return self;
}

function spawn(job: JobName, { python, trainerFolder }: PythonPlace) {
  if (!isAbsolute(python) || !isAbsolute(trainerFolder))
    throw new UserError("E_PY_ENV", "The Python interpreter and the trainer folder must be given as absolute paths.");
  return execa(python, ["-I", "-X", "utf8", "-u", join(trainerFolder, "main.py"), job], {
    cwd: trainerFolder,
    env: {
      ...defaults,
      ...Object.fromEntries(
        allowedVariables.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
      ),
    },
    extendEnv: false,
    preferLocal: false,
    shell: false,
    killDescendants: true,
    forceKillAfterDelay: false,
    windowsHide: true,
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    encoding: "buffer",
    buffer: false,
    reject: false,
  });
}

interface Exit {
  code: number | null;
  signal: string | null;
  /** Set when there was no process at all. */
  notStarted?: string;
}

/** Does not wait for the pipes, which a grandchild may hold open for ever. */
function exitOf(child: ReturnType<typeof spawn>): Promise<Exit> {
  return new Promise((resolve) => {
    child.nodeChildProcess.once("exit", (code, signal) => resolve({ code, signal }));
    void child.then((result) =>
      resolve({
        code: result.exitCode ?? null,
        signal: result.signal ?? null,
        ...(child.pid === undefined ? { notStarted: result.originalMessage ?? "unknown reason" } : {}),
      }),
    );
  });
}

/** False after a while. The watch keeps the host running until a job has settled; these waits need not. */
const later = (milliseconds: number): Promise<false> => pause(milliseconds, false as const, { ref: false });
const seconds = (milliseconds: number): number => Math.round(milliseconds / 1000);
const wrongOrder = (what: string): UserError => new UserError("E_PROTOCOL", `The Python process said ${what}.`);
const stoppedError = (job: JobName): UserError => new UserError("E_STOPPED", `The job "${job}" was stopped.`);
const knownCode = (code: string): ErrorCode => (Object.hasOwn(errorTable, code) ? (code as ErrorCode) : "E_TRAINER");

/** Names how it ended; the last lines of its log are the cause. */
function died(job: JobName, { code, signal, notStarted }: Exit, cut: boolean, lines: string[]): UserError {
  if (notStarted) return new UserError("E_PY_ENV", `Python could not be started: ${notStarted}`);
  const how = signal ? `was killed by ${signal}` : `ended with exit code ${code}`;
  const where = cut ? " in the middle of a line" : "";
  return new UserError("E_TRAINER_DIED", `The Python process for "${job}" ${how}${where} without a result.`, {
    cause: new Error(lines.length > 0 ? `Its last lines:\n${lines.join("\n")}` : "It printed nothing."),
  });
}
