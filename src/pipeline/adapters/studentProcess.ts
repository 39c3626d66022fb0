/** One life of the student's process: started, loaded, asked, and surely gone at the end. */
import { fork, type ChildProcess } from "node:child_process";
import { dirname } from "node:path";
import { UserError } from "../../protocol/errors.ts";
import type { JobLog } from "./jobLog.ts";
import { childMessageSchema, type ChildMessage, type HostMessage, type Load } from "./studentMessages.ts";

/** What the student may see of the host's environment. No key is among it. */
const allowed =
  /^(PATH|HOME|USER|LANG|LC_ALL|TZ|TMPDIR|TMP|TEMP|SYSTEMROOT|WINDIR|USERPROFILE|APPDATA|LOCALAPPDATA|CUDA_VISIBLE_DEVICES|CUDA_PATH|NVIDIA_VISIBLE_DEVICES|GGML_VK_VISIBLE_DEVICES|LD_LIBRARY_PATH)$/i;
const loadMilliseconds = 300_000;

type Request = Exclude<HostMessage, { type: "load" | "abort" }>;
type WithoutId<T> = T extends unknown ? Omit<T, "id"> : never;
type Reply = Extract<ChildMessage, { type: "answer" | "tokens" }>;

export interface RequestOptions {
  signal?: AbortSignal | undefined;
  onText?: ((chunk: string) => void) | undefined;
  /** After this many milliseconds without a reply the process counts as hung and is ended. */
  patience: number;
}

export interface StudentProcess {
  readonly pid: number | undefined;
  /**
   * Resolves when the model is loaded. Rejects with E_MODEL_FILE or E_MODEL_LOAD as the process says, and with
   * E_STUDENT_DIED when it ends before.
   */
  readonly ready: Promise<{ device: string; lanes: number }>;
  /** Settles when the process has ended, for whatever reason, before any request is rejected. */
  readonly gone: Promise<void>;
  request(message: WithoutId<Request>, options: RequestOptions): Promise<Reply>;
  /** Ends the process; resolves when it is gone. Open requests are rejected with E_STOPPED. */
  end(): Promise<void>;
}

/** Variables for the process; inside VS Code the executable is Electron and must act as Node. */
export function studentVariables(host: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const kept = Object.entries(host).filter(([name, value]) => value !== undefined && allowed.test(name));
  const own = { ELECTRON_RUN_AS_NODE: "1", ELECTRON_NO_ASAR: "1", NODE_LLAMA_CPP_SKIP_DOWNLOAD: "true" };
  return { ...(Object.fromEntries(kept) as Record<string, string>), ...own };
}

/** Starts the process and lets it load the model. */
export function startStudentProcess(childFile: string, load: Load, log: JobLog): StudentProcess {
  const child = fork(childFile, [], {
    cwd: dirname(childFile),
    env: studentVariables(),
    // The host's own flags (debugger ports, test loaders) are not for the student.
    execArgv: [],
    serialization: "advanced",
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk: Buffer) => void log.write(chunk));
  return converse(child, load);
}

interface Waiting {
  resolve(reply: Reply): void;
  reject(error: unknown): void;
  onText: ((chunk: string) => void) | undefined;
}

function converse(child: ChildProcess, load: Load): StudentProcess {
  const waiting = new Map<number, Waiting>();
  const ready = Promise.withResolvers<{ device: string; lanes: number }>();
  const gone = Promise.withResolvers<void>();
  // A process may fail while nobody waits for it.
  ready.promise.catch(() => {});
  let lastId = 0;
  /** Why the host ended the process; null while it has not. */
  let verdict: Error | null = null;

  function end(reason: Error): Promise<void> {
    verdict ??= reason;
    // There is nothing to save in there, and native threads may ignore gentler ways.
    child.kill("SIGKILL");
    return gone.promise;
  }

  function ended(how: string): void {
    gone.resolve();
    const error =
      verdict ?? new UserError("E_STUDENT_DIED", `The student's process ended (${how}) before it had answered.`);
    ready.reject(error);
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  }

  function receive(message: ChildMessage): void {
    if (message.type === "loaded") return ready.resolve({ device: message.device, lanes: message.lanes });
    if (message.type === "failed" && message.id === null) return void end(errorOf(message));
    const request = waiting.get(message.id as number);
    if (!request) return;
    if (message.type === "text") return request.onText?.(message.chunk);
    waiting.delete(message.id as number);
    if (message.type === "failed") request.reject(errorOf(message));
    else request.resolve(message);
  }

  const hung = (task: string) =>
    end(new UserError("E_STUDENT_DIED", `The student's process did not ${task} in time and was ended.`));
  /** Sending to a process that has just ended fails; its end tells those who wait. */
  const send = (message: HostMessage): void => void child.send(message, () => {});

  child.on("exit", (code, signal) => ended(signal ?? `exit code ${code}`));
  child.on("error", (error) => {
    if (child.pid === undefined) ended(error.message);
  });
  child.on("message", (raw) => {
    const parsed = childMessageSchema.safeParse(raw);
    if (parsed.success) receive(parsed.data);
    else void end(new Error(`the student's process sent what is no message: ${parsed.error.message}`));
  });
  const loading = setTimeout(() => void hung("load the model"), loadMilliseconds);
  ready.promise.finally(() => clearTimeout(loading)).catch(() => {});
  send(load);

  return {
    pid: child.pid,
    ready: ready.promise,
    gone: gone.promise,
    end: () => end(new UserError("E_STOPPED", "The student was closed.")),
    async request(message, { signal, onText, patience }) {
      await ready.promise;
      const id = ++lastId;
      const { promise, resolve, reject } = Promise.withResolvers<Reply>();
      waiting.set(id, { resolve, reject, onText });
      const timer = setTimeout(() => void hung("answer"), patience);
      const abort = () => send({ type: "abort", id });
      signal?.addEventListener("abort", abort);
      send({ ...message, id } as HostMessage);
      if (signal?.aborted) abort();
      try {
        return await promise;
      } finally {
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
      }
    },
  };
}

function errorOf({ code, message }: Extract<ChildMessage, { type: "failed" }>): Error {
  return code === "bug" ? new Error(message) : new UserError(code, message);
}
