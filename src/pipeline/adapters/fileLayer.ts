/** The few file operations storage is made of, behind one small interface, so that a test can make any of them fail. */
import { constants } from "node:fs";
import { lstat, mkdir, open, readdir, rename, unlink, type FileHandle } from "node:fs/promises";

export interface OpenFile {
  /** Reads into `buffer` from `position` (bytes); resolves to the bytes read, 0 at the end. */
  read(buffer: Uint8Array, position: number): Promise<number>;
  /** Writes `bytes` from `offset` on, at the end of what was written; may write less than asked, as the system may. */
  write(bytes: Uint8Array, offset: number): Promise<number>;
  sync(): Promise<void>;
  truncate(size: number): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

export interface FileFacts {
  kind: "file" | "folder" | "link" | "other";
  size: number;
  /** Hard links to the file. */
  links: number;
  /** Last change, in milliseconds since 1970. */
  modified: number;
}

export type OpenMode = "read" | "update" | "create" | "append";

/** Every operation rejects with the system's error (`code` set); `stat` resolves to null when nothing is there. */
export interface FileLayer {
  /** `create` refuses an existing file; `append` makes a missing one. Symbolic links are never followed. */
  open(path: string, mode: OpenMode): Promise<OpenFile>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  mkdir(path: string): Promise<void>;
  readdir(path: string): Promise<string[]>;
  stat(path: string): Promise<FileFacts | null>;
  /** Makes names created, renamed or removed in a folder durable. */
  syncFolder(path: string): Promise<void>;
}

// Both flags are missing on Windows, where neither links nor pipes open by surprise this way.
const careful = (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
const flags: Record<OpenMode, number> = {
  read: constants.O_RDONLY | careful,
  update: constants.O_RDWR | careful,
  create: constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | careful,
  append: constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | careful,
};

function openFile(handle: FileHandle): OpenFile {
  return {
    read: async (buffer, position) => (await handle.read(buffer, 0, buffer.length, position)).bytesRead,
    write: async (bytes, offset) => (await handle.write(bytes, offset, bytes.length - offset)).bytesWritten,
    sync: () => handle.sync(),
    truncate: (size) => handle.truncate(size),
    size: async () => (await handle.stat()).size,
    close: () => handle.close(),
  };
}

/** The real file system. */
export const nodeFiles: FileLayer = {
  open: async (path, mode) => openFile(await open(path, flags[mode], 0o644)),
  rename,
  unlink,
  mkdir: async (path) => {
    await mkdir(path);
  },
  readdir: (path) => readdir(path),
  async stat(path) {
    try {
      const facts = await lstat(path);
      const kind = facts.isFile() ? "file" : facts.isDirectory() ? "folder" : facts.isSymbolicLink() ? "link" : "other";
      return { kind, size: facts.size, links: facts.nlink, modified: facts.mtimeMs };
    } catch (error) {
      if (errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR") return null;
      throw error;
    }
  },
  async syncFolder(path) {
    // Windows has no way to sync a folder; NTFS journals names by itself.
    if (process.platform === "win32") return;
    const handle = await open(path, constants.O_RDONLY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
};

/** The system's name of an error ("ENOSPC"), or undefined for an error that is not the system's. */
export function errorCode(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === "string" ? code : undefined;
}

/**
 * Hands over a file's content piece by piece, at most a MiB at a time; the piece is only valid during the call.
 * @returns the number of bytes.
 */
export async function eachPiece(file: OpenFile, take: (piece: Buffer) => void | Promise<void>): Promise<number> {
  const buffer = Buffer.allocUnsafe(1024 * 1024);
  let position = 0;
  for (;;) {
    const count = await file.read(buffer, position);
    if (count === 0) return position;
    await take(buffer.subarray(0, count));
    position += count;
  }
}

/** Opens, works, and closes in any case. */
export async function withFile<T>(
  files: FileLayer,
  path: string,
  mode: OpenMode,
  work: (file: OpenFile) => Promise<T>,
): Promise<T> {
  const file = await files.open(path, mode);
  let result: T;
  try {
    result = await work(file);
  } catch (error) {
    // The first error is the one that tells; a failing close after it adds nothing.
    await file.close().catch(() => {});
    throw error;
  }
  await file.close();
  return result;
}

/** A whole file. Rejects with the system's error. */
export async function readWhole(files: FileLayer, path: string): Promise<Buffer> {
  return withFile(files, path, "read", async (file) => {
    const pieces: Buffer[] = [];
    await eachPiece(file, (piece) => void pieces.push(Buffer.from(piece)));
    return Buffer.concat(pieces);
  });
}
