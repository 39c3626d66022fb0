/** All runs below one root: `<root>/runs/<id>/…`, and `<root>/locks/<id>/` while somebody writes. */
import { mkdir, rm } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { UserError } from "../../protocol/errors.ts";
import { idSchema } from "../../protocol/model.ts";
import type { Review } from "../../protocol/review.ts";
import { runFileSchema, type RunFile } from "../../protocol/run.ts";
import type { CheckpointEntry, CheckpointStore } from "../ports.ts";
import { encodeRunFile } from "./checkpointFile.ts";
import { checkpointNames, entries, listEntries, readRunFile, type CheckpointName } from "./checkpointReader.ts";
import { ensureFolder, moveDurably, unfinishedEnding, writeDurably } from "./durableFile.ts";
import { nodeFiles, type FileLayer } from "./fileLayer.ts";
import { loadJournal } from "./journal.ts";
import { quarantineFile } from "./quarantine.ts";
import { readReview } from "./reviewFile.ts";
import { acquireRunLock, isRunLocked, type RunLock } from "./runLock.ts";
import { inside, runFileName } from "./runPaths.ts";
import { openRunStore, type FileRunStore } from "./runStore.ts";
import { readError, writeError } from "./storageError.ts";

/** The port with what the file store adds. */
export interface FileCheckpointStore extends CheckpointStore {
  create(file: RunFile): Promise<FileRunStore>;
  open(id: string): Promise<FileRunStore>;
  /** The checkpoints of a run by name alone; opens none, so it is quick for any number of them. */
  names(id: string): Promise<CheckpointName[]>;
  /** The checkpoints of a run one after the other, each as soon as it is read. */
  entries(id: string): AsyncGenerator<CheckpointEntry>;
  /** What was decided about a run's questions and answers. @throws UserError E_REVIEW_FILE; the file stays where it is. */
  review(id: string): Promise<Review>;
  /** Keeps everybody else from opening a run, without reading it: a damaged one can be deleted. @throws UserError E_RUN_LOCKED */
  lock(id: string): Promise<RunLock>;
  /** Whether somebody works on a run, this process too; never asks for its lock. */
  isLocked(id: string): Promise<boolean>;
}

export interface StoreOptions {
  files?: FileLayer;
  /** Told what was repaired or set aside at opening: one or two sentences for people. */
  onNotice?: (text: string) => void;
}

export const runsName = "runs";
export const locksName = "locks";

const unknown = (id: string) => new UserError("E_RUN_UNKNOWN", `There is no run ${JSON.stringify(id.slice(0, 80))}.`);

/** A store over the folder `root` (absolute), which is made when the first run is. */
export function createCheckpointStore(
  root: string,
  { files = nodeFiles, onNotice = () => {} }: StoreOptions = {},
): FileCheckpointStore {
  const locate = async (id: string): Promise<string> => {
    if (!idSchema.safeParse(id).success) throw unknown(id);
    try {
      const { path, facts } = await inside(root, `${runsName}/${id}`, files);
      if (facts?.kind !== "folder") throw unknown(id);
      return path;
    } catch (error) {
      throw readError(error, id);
    }
  };
  const lock = async (id: string) => {
    await inside(root, `${locksName}/${id}`, files);
    return acquireRunLock(join(root, locksName, id), files);
  };

  return {
    root,
    lock,
    isLocked: (id) => isRunLocked(join(root, locksName, id), files),
    async create(given) {
      const file = runFileSchema.parse(given);
      await prepareRoot(root, files);
      const { facts } = await inside(root, `${runsName}/${file.id}`, files);
      if (facts) throw new UserError("E_SETTINGS", `There is a run ${file.id} already.`);
      const held = await lock(file.id);
      try {
        // Under another name until run.json is in it, so that no half-made run is ever listed.
        const unfinished = await unfinishedRun(root, file.id, files);
        await writeDurably(join(unfinished, runFileName), encodeRunFile(file), files);
        const folder = join(root, runsName, file.id);
        await moveDurably(unfinished, folder, files);
        return await openRunStore(folder, file, held, files, onNotice);
      } catch (error) {
        await held.release().catch(() => {});
        throw error;
      }
    },

    async open(id) {
      const folder = await locate(id);
      const held = await lock(id);
      try {
        return await openRunStore(folder, await readOrRecover(folder, id, files, onNotice), held, files, onNotice);
      } catch (error) {
        await held.release().catch(() => {});
        throw error;
      }
    },

    async runs() {
      const found: ({ id: string; file: RunFile } | { id: string; reason: string })[] = [];
      const { path, facts } = await inside(root, runsName, files);
      const names =
        facts?.kind === "folder"
          ? await files.readdir(path).catch((error: unknown) => Promise.reject(readError(error, runsName)))
          : [];
      for (const id of names.filter((name) => idSchema.safeParse(name).success)) {
        try {
          found.push({ id, file: await readRunFile(await locate(id), id, files) });
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
          if (error.code !== "E_RUN_UNKNOWN") found.push({ id, reason: `${error.code}: ${error.message}` });
        }
      }
      const created = (run: (typeof found)[number]) => ("file" in run ? run.file.created : "");
      return found.sort((a, b) => (created(a) < created(b) ? 1 : -1));
    },

    async checkpoints(id, cycle) {
      return listEntries(await locate(id), id, files, cycle);
    },
    async names(id) {
      return checkpointNames(await locate(id), files);
    },
    async *entries(id) {
      yield* entries(await locate(id), id, files);
    },
    async review(id) {
      return readReview(await locate(id), files);
    },
  };
}

/** Makes the root and its two folders. Above the root any link is the user's own choice; below it none is followed. */
export async function prepareRoot(root: string, files: FileLayer): Promise<void> {
  try {
    await mkdir(root, { recursive: true });
  } catch (error) {
    throw writeError(error, "the run folder", 0);
  }
  for (const name of [runsName, locksName]) {
    await inside(root, name, files);
    await ensureFolder(join(root, name), files);
  }
}

/** A fresh folder for a run that is being made; what an earlier attempt at the same run left is removed. */
export async function unfinishedRun(root: string, id: string, files: FileLayer): Promise<string> {
  const runs = join(root, runsName);
  try {
    for (const name of await files.readdir(runs))
      if (name.startsWith(`.${id}.`) && name.endsWith(unfinishedEnding))
        await rm(join(runs, name), { recursive: true });
  } catch (error) {
    throw writeError(error, "the run folder", 0);
  }
  const folder = join(runs, `.${id}.${randomBytes(6).toString("hex")}${unfinishedEnding}`);
  await ensureFolder(folder, files);
  return folder;
}

/** `run.json`, or the copy of it in the journal when the file is damaged or gone; the damaged one goes to quarantine. */
async function readOrRecover(
  folder: string,
  id: string,
  files: FileLayer,
  onNotice: (text: string) => void,
): Promise<RunFile> {
  try {
    return await readRunFile(folder, id, files);
  } catch (error) {
    if (!(error instanceof UserError) || (error.code !== "E_CKPT_CORRUPT" && error.code !== "E_CKPT_SCHEMA"))
      throw error;
    const { records } = await loadJournal(folder, id, files);
    const copies = records.map((record) => runFileSchema.safeParse((record as { file?: unknown } | null)?.file));
    const copy = copies.findLast(({ success }) => success)?.data;
    if (!copy || copy.id !== id) throw error;
    if ((await inside(folder, runFileName, files)).facts)
      await quarantineFile(folder, runFileName, { code: error.code, reason: error.message }, files);
    await writeDurably(join(folder, runFileName), encodeRunFile(copy), files);
    onNotice(`${error.code}: ${error.message} Its copy in the journal was used.`);
    return copy;
  }
}
