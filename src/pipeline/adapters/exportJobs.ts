/** The Python job `merge`, both ways it is used. Paths are absolute. */
import { z } from "zod";
import type { PythonPlace } from "./pythonJob.ts";
import { runWholeJob } from "./wholeJob.ts";

const resultSchema = z.strictObject({ kinds: z.array(z.string()) });

interface Merge {
  gguf: string;
  adapter: string;
  merged: string;
  /** `base`: the changed tensors keep the kind of number they have in the base file. */
  precision: "base" | "Q8_0" | "F16";
}

/**
 * Writes base and adapter as one model; gives the kinds of number its changed tensors have.
 * @throws UserError E_MODEL_FILE, E_STOPPED, E_PY_ENV
 */
export async function mergeModel(spec: Merge, place: PythonPlace, signal?: AbortSignal): Promise<string[]> {
  return (await work(spec, place, signal)).kinds;
}

/**
 * Writes the adapter GGUF that PEFT's two files stand for.
 * @throws UserError E_MODEL_FILE, E_UNSAFE_FORMAT, E_STOPPED, E_PY_ENV
 */
export async function peftAsGguf(
  spec: { gguf: string; peft: string; adapterGguf: string },
  place: PythonPlace,
  signal?: AbortSignal,
): Promise<void> {
  await work(spec, place, signal);
}

const work = (spec: unknown, place: PythonPlace, signal?: AbortSignal) =>
  runWholeJob({ job: "merge", spec, result: resultSchema, place, signal });
