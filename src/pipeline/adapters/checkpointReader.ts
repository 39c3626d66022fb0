/** Reading the checkpoints of a run, with or without its lock; nothing here changes a file. */
import { join } from "node:path";
import { UserError } from "../../protocol/errors.ts";
import { stageIds, type StageId, type StageOutputs } from "../../protocol/model.ts";
import type { RunFile } from "../../protocol/run.ts";
import type { CheckpointEntry } from "../ports.ts";
import { checkAdapter } from "./artefacts.ts";
import { decodeCheckpoint, decodeRunFile, largestCheckpoint, type Checkpoint } from "./checkpointFile.ts";
import { readWhole, type FileLayer } from "./fileLayer.ts";
import { adapterPath, checkpointPath, cycleOf, inside, runFileName, stageOf } from "./runPaths.ts";
import { readError } from "./storageError.ts";

async function bytesOf(folder: string, path: string, files: FileLayer): Promise<Buffer | null> {
  try {
    const found = await inside(folder, path, files);
    if (found.facts === null) return null;
    if (found.facts.kind !== "file") throw new UserError("E_CKPT_SCHEMA", `${path} is a folder.`);
    if (found.facts.size > largestCheckpoint)
      throw new UserError("E_CKPT_SCHEMA", `${path} is far larger than any checkpoint.`);
    return await readWhole(files, found.path);
  } catch (error) {
    throw readError(error, path);
  }
}

/**
 * One checkpoint at `path`, verified but for the adapter; null when there is none.
 * @throws UserError E_CKPT_CORRUPT, E_CKPT_SCHEMA, E_CKPT_NEWER, E_PATH_OUTSIDE, E_STORAGE.
 */
export async function readCheckpointAt(
  folder: string,
  path: string,
  expected: { run: string; cycle: number; stage: StageId },
  files: FileLayer,
): Promise<Checkpoint | null> {
  const bytes = await bytesOf(folder, path, files);
  return bytes && decodeCheckpoint(bytes, expected, path);
}

/** As {@link readCheckpointAt} at the stage's own place, with the adapter's files hashed. */
export async function readVerified(
  folder: string,
  run: string,
  cycle: number,
  stage: StageId,
  files: FileLayer,
): Promise<Checkpoint | null> {
  const checkpoint = await readCheckpointAt(folder, checkpointPath(cycle, stage), { run, cycle, stage }, files);
  if (checkpoint && stage === "fineTuning")
    await checkAdapter(folder, checkpoint.frame.output as StageOutputs["fineTuning"], cycle, adapterPath(cycle), files);
  return checkpoint;
}

/** @throws UserError as {@link readCheckpointAt}; E_CKPT_CORRUPT when the file is missing. */
export async function readRunFile(folder: string, id: string, files: FileLayer): Promise<RunFile> {
  const bytes = await bytesOf(folder, runFileName, files);
  if (!bytes) throw new UserError("E_CKPT_CORRUPT", `${runFileName} is missing.`);
  return decodeRunFile(bytes, id, runFileName);
}

export interface CheckpointName {
  cycle: number;
  stage: StageId;
  /** Relative to the run. */
  file: string;
}

/** The checkpoints of a run by name, in the order of cycles and stages; opens none of them. */
export async function checkpointNames(folder: string, files: FileLayer): Promise<CheckpointName[]> {
  const found: CheckpointName[] = [];
  try {
    for (const name of await files.readdir(folder)) {
      const cycle = cycleOf(name);
      if (cycle === null || (await files.stat(join(folder, name)))?.kind !== "folder") continue;
      for (const file of await files.readdir(join(folder, name))) {
        const stage = stageOf(file);
        if (stage) found.push({ cycle, stage, file: checkpointPath(cycle, stage) });
      }
    }
  } catch (error) {
    throw readError(error, "the run");
  }
  return found.sort((a, b) => a.cycle - b.cycle || stageIds.indexOf(a.stage) - stageIds.indexOf(b.stage));
}

/**
 * The checkpoints of a run one by one, each verified but for the adapter's hashes, which only a read for use
 * pays for. What does not verify is listed with the reason. `cycle` leaves the files of other cycles unopened.
 */
export async function* entries(
  folder: string,
  run: string,
  files: FileLayer,
  cycle?: number,
): AsyncGenerator<CheckpointEntry> {
  for (const name of await checkpointNames(folder, files)) {
    if (cycle !== undefined && name.cycle !== cycle) continue;
    try {
      const checkpoint = await readCheckpointAt(folder, name.file, { run, ...name }, files);
      if (checkpoint) yield { ...name, state: "ok", frame: checkpoint.frame };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      yield {
        ...name,
        state: error.code === "E_CKPT_NEWER" ? "newer" : "damaged",
        reason: `${error.code}: ${error.message}`,
      };
    }
  }
}

/** All of {@link entries}. */
export async function listEntries(
  folder: string,
  run: string,
  files: FileLayer,
  cycle?: number,
): Promise<CheckpointEntry[]> {
  const found: CheckpointEntry[] = [];
  for await (const entry of entries(folder, run, files, cycle)) found.push(entry);
  return found;
}
