/** What a re-run replaced: kept beside the cycle, listed, and brought back on request. */
import { join } from "node:path";
import { UserError } from "../../protocol/errors.ts";
import { stageIds, type StageId, type StageOutputs } from "../../protocol/model.ts";
import { checkAdapter } from "./artefacts.ts";
import type { Checkpoint } from "./checkpointFile.ts";
import { readCheckpointAt } from "./checkpointReader.ts";
import { ensureFolder, moveDurably } from "./durableFile.ts";
import type { FileLayer } from "./fileLayer.ts";
import { adapterPath, checkpointPath, cycleOf, inside, mostCycles, stampOf, supersededPath } from "./runPaths.ts";
import { readError } from "./storageError.ts";

export interface SupersededEntry {
  cycle: number;
  stage: StageId;
  /** Relative to the run; what `restoreSuperseded` takes. */
  file: string;
  /** When it was replaced, ISO 8601. */
  at: string;
}

const stampPattern = /^(\d{4})(\d\d)(\d\d)t(\d\d)(\d\d)(\d\d)(\d{3})z-/;

function parse(cycle: number, name: string): (SupersededEntry & { stamp: string }) | null {
  const match = stampPattern.exec(name);
  const stage = match && stageIds.find((id) => name.slice(match[0].length) === `${id}.json`);
  if (!match || !stage) return null;
  const [, year, month, day, hour, minute, second, milli] = match;
  const at = `${year}-${month}-${day}T${hour}:${minute}:${second}.${milli}Z`;
  return { cycle, stage, file: `${supersededPath(cycle)}/${name}`, at, stamp: match[0].slice(0, -1) };
}

async function namesIn(folder: string, path: string, files: FileLayer): Promise<string[]> {
  const found = await inside(folder, path, files);
  if (found.facts?.kind !== "folder") return [];
  return files.readdir(found.path).catch((error: unknown) => {
    throw readError(error, path);
  });
}

/** Everything that was replaced and can be restored, the newest first. */
export async function listSuperseded(folder: string, files: FileLayer): Promise<SupersededEntry[]> {
  const found: SupersededEntry[] = [];
  for (let cycle = 1; cycle <= mostCycles; cycle++)
    for (const name of await namesIn(folder, supersededPath(cycle), files)) {
      const entry = parse(cycle, name);
      if (entry) found.push({ cycle, stage: entry.stage, file: entry.file, at: entry.at });
    }
  return found.sort((a, b) => (a.at < b.at ? 1 : -1));
}

/** A stamp under which nothing stands in the cycle's `superseded/` yet. */
async function freeStamp(folder: string, cycle: number, files: FileLayer): Promise<string> {
  const path = supersededPath(cycle);
  await inside(folder, path, files);
  await ensureFolder(join(folder, path), files);
  const names = await namesIn(folder, path, files);
  for (let time = Date.now(); ; time++) {
    const stamp = stampOf(new Date(time));
    if (!names.some((name) => name.startsWith(stamp))) return stamp;
  }
}

const exists = async (folder: string, path: string, files: FileLayer): Promise<boolean> =>
  (await inside(folder, path, files)).facts !== null;

/**
 * Moves a checkpoint to `superseded/`, with `withAdapter` the adapter first: a crash in between leaves an
 * adapter without its checkpoint there, which {@link finishMoves} completes. No checkpoint, no move.
 */
export async function supersede(
  folder: string,
  cycle: number,
  stage: StageId,
  withAdapter: boolean,
  files: FileLayer,
): Promise<void> {
  const from = checkpointPath(cycle, stage);
  if (!(await exists(folder, from, files))) return;
  const to = `${supersededPath(cycle)}/${await freeStamp(folder, cycle, files)}`;
  if (withAdapter && (await exists(folder, adapterPath(cycle), files)))
    await moveDurably(join(folder, adapterPath(cycle)), join(folder, `${to}-adapter`), files);
  await moveDurably(join(folder, from), join(folder, `${to}-${stage}.json`), files);
}

/** Completes moves a crash cut in half: the checkpoint follows its adapter to `superseded/`. */
export async function finishMoves(folder: string, files: FileLayer): Promise<void> {
  for (let cycle = 1; cycle <= mostCycles; cycle++) {
    const names = await namesIn(folder, supersededPath(cycle), files);
    const orphan = names.find(
      (name) => name.endsWith("-adapter") && !names.includes(name.replace(/adapter$/, "fineTuning.json")),
    );
    const halfway =
      orphan &&
      !(await exists(folder, adapterPath(cycle), files)) &&
      (await exists(folder, checkpointPath(cycle, "fineTuning"), files));
    if (!halfway) continue;
    const to = `${supersededPath(cycle)}/${orphan.replace(/adapter$/, "fineTuning.json")}`;
    await moveDurably(join(folder, checkpointPath(cycle, "fineTuning")), join(folder, to), files);
  }
}

/**
 * Reads a superseded checkpoint, with the hashes of its adapter.
 * @throws UserError E_USAGE when `file` names none, E_PATH_OUTSIDE, and as {@link readCheckpointAt} and checkAdapter.
 */
export async function readSuperseded(
  folder: string,
  run: string,
  file: string,
  files: FileLayer,
): Promise<SupersededEntry & Checkpoint & { stamp: string }> {
  await inside(folder, file, files);
  const [cycleName = "", , name = ""] = file.split("/");
  const entry = parse(cycleOf(cycleName) ?? 0, name);
  if (!entry || entry.file !== file)
    throw new UserError("E_USAGE", `${file} is not the name of a superseded checkpoint.`);
  const checkpoint = await readCheckpointAt(folder, file, { run, ...entry }, files);
  if (!checkpoint) throw new UserError("E_USAGE", `There is no superseded checkpoint ${file}.`);
  if (entry.stage === "fineTuning") {
    const at = `${supersededPath(entry.cycle)}/${entry.stamp}-adapter`;
    await checkAdapter(folder, checkpoint.frame.output as StageOutputs["fineTuning"], entry.cycle, at, files);
  }
  return { ...entry, ...checkpoint };
}

/** Brings a superseded checkpoint back; what stands in its place is superseded in turn. The file was verified before. */
export async function bringBack(
  folder: string,
  { cycle, stage, file, stamp }: SupersededEntry & { stamp: string },
  files: FileLayer,
): Promise<void> {
  const withAdapter = stage === "fineTuning";
  await supersede(folder, cycle, stage, withAdapter, files);
  if (withAdapter && (await exists(folder, adapterPath(cycle), files))) {
    // A training that was stopped on the way; it is no result, but it is somebody's hour.
    const aside = `${supersededPath(cycle)}/${await freeStamp(folder, cycle, files)}-unfinished`;
    await moveDurably(join(folder, adapterPath(cycle)), join(folder, aside), files);
  }
  await moveDurably(join(folder, file), join(folder, checkpointPath(cycle, stage)), files);
  if (withAdapter)
    await moveDurably(
      join(folder, `${supersededPath(cycle)}/${stamp}-adapter`),
      join(folder, adapterPath(cycle)),
      files,
    );
}
