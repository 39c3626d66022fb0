/** The loaded base model: which device and how many answers at a time. Runs in the student's process. */
import { stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { getLlama, InsufficientMemoryError, type Llama, type LlamaModel } from "node-llama-cpp";
import { UserError } from "../../protocol/errors.ts";
import { checkGguf } from "./ggufCheck.ts";
import type { Load } from "./studentMessages.ts";

export interface StudentModel {
  readonly model: LlamaModel;
  /** For people: "CPU, 2 threads". */
  readonly device: string;
  /** Answers worked on at the same time. */
  readonly lanes: number;
  /** Threads of each lane. */
  readonly threads: number;
  readonly contextSize: number;
}

/**
 * Measured on two cores with SmolLM2-135M (98 MB): one answer with one thread 57 tokens/s, with two
 * threads 54; two answers with one thread each 92. A second thread of the same answer also stalls when
 * another program runs: 3 tokens/s were seen. Larger models are bound by their matrices, so threads
 * pay, and the memory of a context counts.
 */
const smallModelBytes = 500e6;
const mostLanes = 8;

/**
 * Loads the base model.
 * @param llamaFor starts llama.cpp
 * @throws UserError E_MODEL_FILE for a damaged file, E_MODEL_LOAD when it cannot be loaded
 */
export async function loadStudentModel(load: Load, llamaFor = getLlama): Promise<StudentModel> {
  const { architecture } = await checkGguf(load.gguf);
  const { size } = await stat(load.gguf);
  const llama = await startLlama(load.gpu, llamaFor);
  const model = await llama.loadModel({ modelPath: load.gguf }).catch((error: unknown) => {
    throw notLoaded(`the model (architecture ${architecture}, ${Math.ceil(size / 1e6)} MB)`, error);
  });
  const cores = availableParallelism();
  const lanes = load.lanes ?? (size < smallModelBytes && !llama.gpu ? Math.min(cores, mostLanes) : 1);
  const threads = load.threads ?? Math.max(1, Math.floor(cores / lanes));
  const device = llama.gpu
    ? await gpuName(llama)
    : `CPU, ${lanes * threads} ${lanes * threads === 1 ? "thread" : "threads"}`;
  return { model, lanes, threads, device, contextSize: load.contextSize };
}

/** A GPU whose library does not load is no reason to stop: the CPU does the same work. */
async function startLlama(gpu: Load["gpu"], llamaFor: typeof getLlama): Promise<Llama> {
  // maxThreads 0: the number given to a context is the number used, whatever else runs.
  const options = { build: "never", skipDownload: true, maxThreads: 0, logger } as const;
  if (gpu === "auto") {
    const llama = await llamaFor({ ...options, gpu: "auto" }).catch((error: unknown) => {
      logger("warn", `no GPU: ${String(error)}`);
      return null;
    });
    if (llama) return llama;
  }
  return llamaFor({ ...options, gpu: false }).catch((error: unknown) => {
    throw notLoaded("llama.cpp", error);
  });
}

/** Standard error is the log; the standard output stays silent. */
function logger(level: string, message: string): void {
  if (level === "fatal" || level === "error" || level === "warn")
    process.stderr.write(`${level}: ${message.trimEnd()}\n`);
}

async function gpuName(llama: Llama): Promise<string> {
  const names = await llama.getGpuDeviceNames().catch((): string[] => []);
  return names[0] ?? String(llama.gpu);
}

/** Wraps what node-llama-cpp threw. */
export function notLoaded(what: string, error: unknown): UserError {
  if (error instanceof UserError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  if (error instanceof InsufficientMemoryError)
    return new UserError("E_MODEL_LOAD", `There is too little memory for ${what}: ${reason}`, { cause: error });
  return new UserError("E_MODEL_LOAD", `Loading ${what} failed: ${reason}`, { cause: error });
}
