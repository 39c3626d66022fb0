/** A run with its adapter in one file. What does not verify is left out and named; the original keeps it. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { UserError } from "../../protocol/errors.ts";
import { filesBelow, hashAt } from "./artefacts.ts";
import { packBackup, type BackupHeader } from "./backupFormat.ts";
import { checkpointNames, readVerified } from "./checkpointReader.ts";
import { writePiecesDurably } from "./durableFile.ts";
import { nodeFiles, readWhole, withFile, type FileLayer } from "./fileLayer.ts";
import { mostCycles, quarantineName, trainingPath } from "./runPaths.ts";
import type { FileRunStore } from "./runStore.ts";
import { readError } from "./storageError.ts";
import { listSuperseded, readSuperseded } from "./superseded.ts";

export interface BackupResult {
  files: number;
  /** Bytes before compression. */
  bytes: number;
  /** Checkpoints that do not verify, with the reason. */
  leftOut: string[];
}

/**
 * Writes a backup of an open run (its lock keeps it from changing elsewhere) to `target`, replacing a file there.
 * @throws UserError E_DISK_FULL, E_READ_ONLY, E_STORAGE, E_PATH_OUTSIDE.
 */
export async function backupRun(
  run: FileRunStore,
  target: string,
  files: FileLayer = nodeFiles,
): Promise<BackupResult> {
  const broken = await unverified(run, files);
  const listed = await filesBelow(run.folder, "", files, (path) => isLeftOut(path) || broken.has(path));
  const header: BackupHeader = {
    schema: "distillery-backup",
    version: 1,
    run: run.file.id,
    created: new Date().toISOString(),
    files: [],
  };
  // Events may still be added while the backup is made; the size listed is what goes in.
  for (const { path, size } of listed) {
    if (path.endsWith(".jsonl"))
      header.files.push({ path, size, sha256: await hashOfStart(run.folder, path, size, files) });
    else header.files.push({ path, size, sha256: await hashAt(run.folder, path, files, false) });
  }
  await writePiecesDurably(target, packBackup(header, contents(run.folder, header, files)), files);
  return {
    files: listed.length,
    bytes: listed.reduce((sum, { size }) => sum + size, 0),
    leftOut: [...broken].map(([path, reason]) => `${path}: ${reason}`),
  };
}

/** Paths of checkpoints that do not verify, superseded ones included, with the reason. */
async function unverified({ folder, file }: FileRunStore, files: FileLayer): Promise<Map<string, string>> {
  const broken = new Map<string, string>();
  const attempt = async (path: string, read: () => Promise<unknown>) => {
    try {
      await read();
    } catch (error) {
      if (!(error instanceof UserError) || error.code === "E_STORAGE") throw error;
      broken.set(path, `${error.code}: ${error.message}`);
    }
  };
  for (const { cycle, stage, file: path } of await checkpointNames(folder, files))
    await attempt(path, () => readVerified(folder, file.id, cycle, stage, files));
  for (const { file: path } of await listSuperseded(folder, files))
    await attempt(path, () => readSuperseded(folder, file.id, path, files));
  return broken;
}

/** Neither unfinished nor unverifiable things travel, nor training checkpoints, which are large and of no use elsewhere. */
function isLeftOut(path: string): boolean {
  if (path === quarantineName || path.endsWith(".tmp") || path.endsWith("-unfinished")) return true;
  return Array.from({ length: mostCycles }, (_, index) => trainingPath(index + 1)).includes(path);
}

async function hashOfStart(folder: string, path: string, size: number, files: FileLayer): Promise<string> {
  const bytes = await readWhole(files, join(folder, path)).catch((error: unknown) =>
    Promise.reject(readError(error, path)),
  );
  return createHash("sha256").update(bytes.subarray(0, size)).digest("hex");
}

async function* contents(folder: string, header: BackupHeader, files: FileLayer): AsyncGenerator<Buffer> {
  for (const { path, size, sha256 } of header.files) {
    const hash = createHash("sha256");
    try {
      for await (const piece of piecesOf(join(folder, path), size, files)) {
        hash.update(piece);
        yield piece;
      }
    } catch (error) {
      throw readError(error, path);
    }
    if (hash.digest("hex") !== sha256) throw new UserError("E_STORAGE", `${path} changed while it was backed up.`);
  }
}

async function* piecesOf(path: string, size: number, files: FileLayer): AsyncGenerator<Buffer> {
  const longest = 768 * 1024;
  for (let position = 0; position < size;) {
    const buffer = Buffer.alloc(Math.min(longest, size - position));
    const count = await withFile(files, path, "read", (file) => file.read(buffer, position));
    if (count === 0) return;
    yield buffer.subarray(0, count);
    position += count;
  }
}
