/**
 * The real file system with one fault in it: the Nth operation fails, or the process "dies" there and nothing
 * after it happens. Every operation is recorded, so that a test can also look at the order of things.
 */
import { nodeFiles, type FileLayer, type OpenFile } from "../../src/pipeline/adapters/fileLayer.ts";

export const faultKinds = ["ENOSPC", "EIO", "EACCES", "EMFILE", "EROFS", "short"] as const;
/** `short`: a write that takes only half, as the system may. `death`: half is written, and then no operation works any more. */
export type FaultKind = (typeof faultKinds)[number] | "death";

export interface Operation {
  name:
    | "open"
    | "read"
    | "write"
    | "sync"
    | "size"
    | "truncate"
    | "rename"
    | "unlink"
    | "mkdir"
    | "readdir"
    | "syncFolder";
  path: string;
  to?: string;
  bytes?: Buffer;
  mode?: string;
}

export interface FaultyFiles extends FileLayer {
  readonly operations: Operation[];
  /** Whether the fault was reached. */
  met(): boolean;
}

export class Died extends Error {}

export interface Fault {
  kind: FaultKind;
  /** Counts from 1, over the operations that `among` picks. */
  at: number;
  among?: (operation: Operation) => boolean;
  /** How many in a row fail; 1 unless told. */
  times?: number;
}

const isWrite = ({ name }: Operation) => name === "write";

export function faultyFiles(fault?: Fault): FaultyFiles {
  const operations: Operation[] = [];
  const among = fault?.among ?? (fault?.kind === "short" ? isWrite : () => true);
  let counted = 0;
  let dead = false;
  let met = false;

  const run = async <T>(operation: Operation, work: () => Promise<T>, half?: () => Promise<T>): Promise<T> => {
    if (dead) throw new Died("the process is dead");
    operations.push(operation);
    const hit = fault && among(operation) && ++counted >= fault.at && counted < fault.at + (fault.times ?? 1);
    if (!hit) return work();
    met = true;
    if (fault.kind === "short" && half) return half();
    if (half) await half();
    if (fault.kind === "death") {
      dead = true;
      throw new Died("the process died");
    }
    throw Object.assign(new Error(`${fault.kind}: injected`), { code: fault.kind });
  };

  const wrap = (path: string, file: OpenFile): OpenFile => ({
    read: (buffer, position) => run({ name: "read", path }, () => file.read(buffer, position)),
    write: (bytes, offset) => {
      const asked = Buffer.from(bytes.subarray(offset));
      const part = asked.subarray(0, Math.ceil(asked.length / 2));
      return run(
        { name: "write", path, bytes: asked },
        () => file.write(bytes, offset),
        () => file.write(part, 0),
      );
    },
    sync: () => run({ name: "sync", path }, () => file.sync()),
    size: () => run({ name: "size", path }, () => file.size()),
    truncate: (size) => run({ name: "truncate", path }, () => file.truncate(size)),
    // Descriptors are given back even by the dead, else a long loop runs out of them.
    close: () => file.close(),
  });

  return {
    operations,
    met: () => met,
    open: (path, mode) => run({ name: "open", path, mode }, async () => wrap(path, await nodeFiles.open(path, mode))),
    rename: (from, to) => run({ name: "rename", path: from, to }, () => nodeFiles.rename(from, to)),
    unlink: (path) => run({ name: "unlink", path }, () => nodeFiles.unlink(path)),
    mkdir: (path) => run({ name: "mkdir", path }, () => nodeFiles.mkdir(path)),
    readdir: (path) => run({ name: "readdir", path }, () => nodeFiles.readdir(path)),
    stat: (path) => (dead ? Promise.reject(new Died("the process is dead")) : nodeFiles.stat(path)),
    syncFolder: (path) => run({ name: "syncFolder", path }, () => nodeFiles.syncFolder(path)),
  };
}
