/** A Python job that gets one spec and gives one result. */
import type { z } from "zod";
import type { JobName } from "../../protocol/trainer.ts";
import { startJob, type PythonPlace } from "./pythonJob.ts";
import { stopOnAbort } from "./warmJob.ts";

export interface WholeJob<T> {
  job: JobName;
  spec: unknown;
  result: z.ZodType<T>;
  place: PythonPlace;
  signal?: AbortSignal | undefined;
  onProgress?: (done: number, total: number) => void;
}

/** @throws UserError as the job reports; E_STOPPED, E_PY_ENV, E_TRAINER_DIED; the signal's reason before the start */
export async function runWholeJob<T>({ job, spec, result, place, signal, onProgress }: WholeJob<T>): Promise<T> {
  signal?.throwIfAborted();
  const started = startJob(job, place);
  started.onLine = (line) => line.type === "progress" && onProgress?.(line.done, line.total);
  const detach = signal ? stopOnAbort(started, signal) : () => {};
  started.send({ type: "spec", spec });
  try {
    return result.parse(await started.stopped);
  } finally {
    detach();
  }
}
