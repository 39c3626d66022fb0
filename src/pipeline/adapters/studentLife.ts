/** The student's processes one after another: started when needed, and again after one ended. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../protocol/errors.ts";
import { createJobLog, type JobLog } from "./jobLog.ts";
import type { StudentOptions } from "./student.ts";
import { startStudentProcess, type StudentProcess } from "./studentProcess.ts";

/** A process that ended this many times in a row, without a reply in between, is not started again. */
const mostDeaths = 3;
/** Phi-2's window, in tokens. */
export const usualContextSize = 2048;
const silent: JobLog = { write: async () => {}, tail: () => [] };

export interface StudentLife {
  /** Process id, null when there is none. */
  pid(): number | null;
  /** Runs `work` on the process, which is started when there is none. */
  work<T>(work: (process: StudentProcess) => Promise<T>): Promise<T>;
  /** Ends the process; the next work starts another. */
  unload(): Promise<void>;
  /** Ends the process for good. */
  close(): Promise<void>;
}

export function createStudentLife(options: StudentOptions, onLanes: (lanes: number) => void): StudentLife {
  const childFile = options.childFile ?? besideThisFile();
  const log = options.logFile === undefined ? silent : createJobLog(options.logFile);
  let current: StudentProcess | null = null;
  let deaths = 0;
  let closed = false;

  function start(): StudentProcess {
    const { gguf, gpu = "auto", lanes = null, threads = null, contextSize = usualContextSize } = options;
    const process = startStudentProcess(childFile, { type: "load", gguf, gpu, lanes, threads, contextSize }, log);
    process.ready.then(
      (loaded) => onLanes(loaded.lanes),
      () => {},
    );
    void mourn(process);
    return process;
  }

  /** One that was unloaded is no longer the current one and did not die. */
  async function mourn(process: StudentProcess): Promise<void> {
    await process.gone;
    if (current !== process) return;
    current = null;
    deaths += 1;
  }

  async function unload(): Promise<void> {
    const process = current;
    current = null;
    await process?.end();
  }

  return {
    pid: () => current?.pid ?? null,
    unload,
    async work(work) {
      if (closed) throw new UserError("E_STOPPED", "The student was closed.");
      if (deaths >= mostDeaths)
        throw new UserError(
          "E_STUDENT_DIED",
          `The student's process ended ${deaths} times in a row and is not started again.`,
        );
      current ??= start();
      const result = await work(current);
      deaths = 0;
      return result;
    },
    async close() {
      closed = true;
      await unload();
    },
  };
}

function besideThisFile(): string {
  const source = join(import.meta.dirname, "studentChild.ts");
  return existsSync(source) ? source : join(import.meta.dirname, "studentChild.js");
}
