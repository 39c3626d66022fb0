/** A job started before it is needed, so that its imports hide behind other work. */
import type { PythonJob } from "./pythonJob.ts";

export interface WarmJob {
  /** Starts the process unless one waits already. */
  prepare(): void;
  /** The waiting process, or a new one. The caller owns it from then on. */
  take(): PythonJob;
  close(): Promise<void>;
}

export function createWarmJob(start: () => PythonJob): WarmJob {
  let waiting: PythonJob | undefined;
  const prepare = (): void => {
    if (waiting) return;
    const job = start();
    waiting = job;
    // One that dies while it waits is replaced when it is needed, and its reason is in the log.
    const forget = () => {
      if (waiting === job) waiting = undefined;
    };
    job.stopped.then(forget, forget);
  };
  return {
    prepare,
    take() {
      const job = waiting ?? start();
      waiting = undefined;
      return job;
    },
    async close() {
      const job = waiting;
      waiting = undefined;
      await job?.stop();
    },
  };
}

/** Stops the job when the signal is aborted. Call the result when the job has ended. */
export function stopOnAbort(job: PythonJob, signal: AbortSignal): () => void {
  const stop = () => void job.stop();
  if (signal.aborted) stop();
  else signal.addEventListener("abort", stop, { once: true });
  return () => signal.removeEventListener("abort", stop);
}
