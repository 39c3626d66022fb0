/**
 * What a disk may hold after a crash, from a recording of file operations (the method of ALICE, Pillai et al. 2014, "All
 * File Systems Are Not Created Equal"): everything up to an operation, with or without what was not yet synced.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, sep } from "node:path";
import type { Operation } from "./faultyFiles.ts";

export const losses = ["nothing", "unsynced data", "unsynced names", "both", "half of the last write"] as const;
export type Loss = (typeof losses)[number];

interface Inode {
  folder: boolean;
  data: Buffer;
  synced: Buffer;
  /** Of a folder: names as the running system sees them, and as a power cut leaves them. */
  names: Map<string, Inode>;
  durable: Map<string, Inode>;
}

const made = (folder: boolean): Inode => ({
  folder,
  data: Buffer.alloc(0),
  synced: Buffer.alloc(0),
  names: new Map(),
  durable: new Map(),
});

export interface CrashDisk {
  /** @returns whether the operation can change what a crash leaves */
  play(operation: Operation): boolean;
  /** Writes what a crash now would leave into `folder`. */
  leave(folder: string, loss: Loss): void;
}

/** A disk that is empty but for the folder `root`, in which the operations are played. */
export function createCrashDisk(root: string): CrashDisk {
  const top = made(true);
  const cursors = new Map<string, number>();
  let last: { inode: Inode; half: Buffer } | null = null;

  function find(path: string): Inode | undefined {
    const parts = relative(root, path).split(sep).filter(Boolean);
    return parts.reduce<Inode | undefined>((inode, part) => inode?.names.get(part), top);
  }
  function folderOf(path: string): Inode {
    const folder = find(dirname(path));
    if (!folder) throw new Error(`${path} has no folder`);
    return folder;
  }

  function play({ name, path, to, bytes, mode }: Operation): boolean {
    const inode = find(path);
    switch (name) {
      case "mkdir":
        folderOf(path).names.set(basename(path), made(true));
        return true;
      case "open":
        cursors.set(path, mode === "append" ? (inode?.data.length ?? 0) : 0);
        if (inode || mode === "read") return false;
        folderOf(path).names.set(basename(path), made(false));
        return true;
      case "write": {
        const at = cursors.get(path) ?? 0;
        const put = (part: Buffer) =>
          Buffer.concat([inode!.data.subarray(0, at), part, inode!.data.subarray(at + part.length)]);
        last = { inode: inode!, half: put(bytes!.subarray(0, Math.floor(bytes!.length / 2))) };
        inode!.data = put(bytes!);
        cursors.set(path, at + bytes!.length);
        return true;
      }
      case "sync":
        inode!.synced = inode!.data;
        if (last?.inode === inode) last = null;
        return true;
      case "rename":
        folderOf(path).names.delete(basename(path));
        folderOf(to!).names.set(basename(to!), inode!);
        return true;
      case "unlink":
        folderOf(path).names.delete(basename(path));
        return true;
      case "syncFolder":
        inode!.durable = new Map(inode!.names);
        return true;
      case "truncate":
        throw new Error("a recording without faults truncates nothing");
      default:
        return false;
    }
  }

  function leave(folder: string, loss: Loss, inode = top): void {
    mkdirSync(folder, { recursive: true });
    const kept = loss === "unsynced names" || loss === "both" ? inode.durable : inode.names;
    for (const [name, each] of kept)
      if (each.folder) leave(join(folder, name), loss, each);
      else writeFileSync(join(folder, name), dataOf(each, loss));
  }

  function dataOf(inode: Inode, loss: Loss): Buffer {
    if (loss === "unsynced data" || loss === "both") return inode.synced;
    return loss === "half of the last write" && last?.inode === inode ? last.half : inode.data;
  }

  return { play, leave: (folder, loss) => leave(folder, loss) };
}
