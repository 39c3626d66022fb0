/** The files a checkpoint names by hash: the adapter of a fine-tuning stage. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { UserError } from "../../protocol/errors.ts";
import type { StageOutputs } from "../../protocol/model.ts";
import { eachPiece, withFile, type FileLayer } from "./fileLayer.ts";
import { adapterPath, checkRelative, inside } from "./runPaths.ts";
import { readError, writeError } from "./storageError.ts";

/** SHA-256 of a file, read piece by piece. Rejects with the system's error. */
async function hashFile(path: string, files: FileLayer, durable: boolean): Promise<string> {
  return withFile(files, path, durable ? "update" : "read", async (file) => {
    const hash = createHash("sha256");
    await eachPiece(file, (piece) => void hash.update(piece));
    if (durable) await file.sync();
    return hash.digest("hex");
  });
}

/** A file of a run, as backups and checks see it. */
export interface RunFileEntry {
  /** Relative to the folder asked for, with `/`. */
  path: string;
  size: number;
}

/**
 * All files below a folder of a run, in the order of their paths; empty when the folder is missing.
 * @throws UserError E_PATH_OUTSIDE for links, pipes and devices.
 */
export async function filesBelow(
  root: string,
  folder: string,
  files: FileLayer,
  skip: (path: string) => boolean = () => false,
): Promise<RunFileEntry[]> {
  const found: RunFileEntry[] = [];
  const visit = async (below: string) => {
    const relative = [folder, below].filter(Boolean).join("/");
    const names = await files.readdir(join(root, relative)).catch((error: unknown) => {
      throw readError(error, relative || "the run");
    });
    for (const name of names.sort()) {
      const path = below ? `${below}/${name}` : name;
      if (skip(path)) continue;
      const { facts } = await inside(root, [folder, path].filter(Boolean).join("/"), files);
      if (facts?.kind === "folder") await visit(path);
      else if (facts?.kind === "file") found.push({ path, size: facts.size });
    }
  };
  if (folder === "" || (await inside(root, folder, files)).facts?.kind === "folder") await visit("");
  return found;
}

/** Relative path → sha256 of all files below a folder of a run; see {@link filesBelow}. */
export async function hashesBelow(root: string, folder: string, files: FileLayer): Promise<Record<string, string>> {
  const hashes: [string, string][] = [];
  for (const { path } of await filesBelow(root, folder, files))
    hashes.push([path, await hashAt(root, `${folder}/${path}`, files, false)]);
  return Object.fromEntries(hashes);
}

/** Hash of one file of a run, by its path in the run; with `durable` it is fsynced as well. */
export async function hashAt(root: string, path: string, files: FileLayer, durable: boolean): Promise<string> {
  const found = await inside(root, path, files);
  if (found.facts?.kind !== "file") throw new UserError("E_ARTEFACT_MISSING", `${path} is missing.`);
  try {
    return await hashFile(found.path, files, durable);
  } catch (error) {
    throw durable ? writeError(error, path, 0) : readError(error, path);
  }
}

/**
 * Checks every file a fine-tuning output names.
 * @param at where the adapter is now: its own place, or one in `superseded/`.
 * @param durable also fsyncs them, because Python wrote them.
 * @throws UserError E_ARTEFACT_MISSING, E_ARTEFACT_MISMATCH, E_PATH_OUTSIDE.
 */
export async function checkAdapter(
  root: string,
  output: StageOutputs["fineTuning"],
  cycle: number,
  at: string,
  files: FileLayer,
  durable = false,
): Promise<void> {
  checkRelative(output.adapter.folder);
  if (output.adapter.folder !== adapterPath(cycle))
    throw new UserError(
      "E_PATH_OUTSIDE",
      `The fine-tuning of cycle ${cycle} names ${JSON.stringify(output.adapter.folder)} as its adapter's folder.`,
    );
  for (const [file, expected] of Object.entries(output.adapter.files)) {
    const path = `${at}/${file}`;
    checkRelative(path);
    const actual = await hashAt(root, path, files, durable);
    if (actual !== expected)
      throw new UserError(
        "E_ARTEFACT_MISMATCH",
        `${path} is not the file that the fine-tuning of cycle ${cycle} made.`,
      );
  }
  if (durable)
    await files.syncFolder(join(root, at)).catch((error: unknown) => Promise.reject(writeError(error, at, 0)));
}
