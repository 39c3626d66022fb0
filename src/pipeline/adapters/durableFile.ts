/**
 * Acknowledge after durable: what resolves here survives a crash and a power cut, and a file under its final
 * name is whole. Every byte is written, fsynced and counted before the rename; then the folder is fsynced.
 */
import { randomBytes } from "node:crypto";
import { basename, dirname } from "node:path";
import { errorCode, nodeFiles, withFile, type FileLayer, type OpenFile } from "./fileLayer.ts";
import { writeError } from "./storageError.ts";

/** Ends the name of a file that is not finished; whoever opens a run may delete them. */
export const unfinishedEnding = ".tmp";

/** An fsync that failed. The kernel may have dropped the data and will not say so twice, so it is never repeated. */
export class SyncFailed extends Error {
  readonly reason: unknown;
  constructor(reason: unknown) {
    super("fsync failed");
    this.reason = reason;
  }
}

export const reasonOf = (error: unknown): unknown => (error instanceof SyncFailed ? error.reason : error);

async function synced(sync: () => Promise<void>): Promise<void> {
  try {
    await sync();
  } catch (error) {
    throw new SyncFailed(error);
  }
}

/** Writes all of it, however little the system takes at a time. */
export async function writeAll(file: OpenFile, bytes: Uint8Array): Promise<void> {
  for (let offset = 0; offset < bytes.length;) {
    const count = await file.write(bytes, offset);
    if (count <= 0) throw Object.assign(new Error("nothing was written"), { code: "ENOSPC" });
    offset += count;
  }
}

/** Writes all of it, fsyncs, and counts what is there; `startsAt` is the file's size before, in bytes. */
export async function writeAllAndSync(file: OpenFile, bytes: Uint8Array, startsAt = 0): Promise<void> {
  await writeAll(file, bytes);
  await synced(() => file.sync());
  const size = await file.size();
  if (size !== startsAt + bytes.length)
    throw Object.assign(new Error(`the file has ${size} bytes instead of ${startsAt + bytes.length}`), { code: "EIO" });
}

/** One try. The old file stays until the new one is whole. Rejects with the system's error or SyncFailed. */
export async function replaceOnce(path: string, bytes: Uint8Array, files: FileLayer): Promise<void> {
  const unfinished = `${path}.${randomBytes(6).toString("hex")}${unfinishedEnding}`;
  try {
    await withFile(files, unfinished, "create", (file) => writeAllAndSync(file, bytes));
    await files.rename(unfinished, path);
  } catch (error) {
    await files.unlink(unfinished).catch(() => {});
    throw error;
  }
  await synced(() => files.syncFolder(dirname(path)));
}

/**
 * Puts `content` under `path`, replacing what is there. When an fsync fails, the file is written afresh once.
 * @param name what people call the file.
 * @throws UserError E_DISK_FULL, E_READ_ONLY, E_STORAGE; the old file is then intact.
 */
export async function writeDurably(
  path: string,
  content: string | Uint8Array,
  files: FileLayer = nodeFiles,
  name = basename(path),
): Promise<void> {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  try {
    await replaceOnce(path, bytes, files).catch(async (error: unknown) => {
      if (!(error instanceof SyncFailed)) throw error;
      await replaceOnce(path, bytes, files);
    });
  } catch (error) {
    throw writeError(reasonOf(error), name, bytes.length);
  }
}

/**
 * Renames a file or folder and makes both folders remember it, the new place first.
 * @throws UserError as {@link writeDurably}.
 */
export async function moveDurably(from: string, to: string, files: FileLayer = nodeFiles): Promise<void> {
  try {
    await files.rename(from, to);
    await files.syncFolder(dirname(to));
    if (dirname(from) !== dirname(to)) await files.syncFolder(dirname(from));
  } catch (error) {
    throw writeError(error, basename(from), 0);
  }
}

/**
 * Makes a folder and the missing ones above it, durably.
 * @throws UserError as {@link writeDurably}.
 */
export async function ensureFolder(path: string, files: FileLayer = nodeFiles): Promise<void> {
  try {
    const kind = (await files.stat(path))?.kind;
    // A link above a run is the user's own choice of place; inside a run runPaths.ts refuses links.
    if (kind === "folder" || kind === "link") return;
    if (dirname(path) !== path) await ensureFolder(dirname(path), files);
    await files.mkdir(path).catch((error: unknown) => {
      if (errorCode(error) !== "EEXIST" || kind !== undefined) throw error;
    });
    await files.syncFolder(dirname(path));
  } catch (error) {
    throw writeError(error, basename(path), 0);
  }
}

/**
 * As {@link writeDurably}, for content that comes in pieces and would not fit the memory; tried once.
 * @throws UserError as writeDurably, and whatever the pieces throw.
 */
export async function writePiecesDurably(
  path: string,
  pieces: AsyncIterable<Uint8Array>,
  files: FileLayer = nodeFiles,
): Promise<void> {
  const unfinished = `${path}.${randomBytes(6).toString("hex")}${unfinishedEnding}`;
  let size = 0;
  try {
    await withFile(files, unfinished, "create", async (file) => {
      for await (const piece of pieces) {
        await writeAll(file, piece);
        size += piece.length;
      }
      await writeAllAndSync(file, new Uint8Array(0), size);
    });
    await files.rename(unfinished, path);
    await files.syncFolder(dirname(path));
  } catch (error) {
    await files.unlink(unfinished).catch(() => {});
    throw writeError(reasonOf(error), basename(path), size);
  }
}
