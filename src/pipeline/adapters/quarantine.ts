/** Where what does not verify goes: never a crash, never a silent default, never deleted. */
import { basename, join } from "node:path";
import { stableJson } from "../hash.ts";
import { ensureFolder, moveDurably, writeDurably } from "./durableFile.ts";
import type { FileLayer } from "./fileLayer.ts";
import { quarantineName, stampOf } from "./runPaths.ts";

export interface QuarantineReason {
  code: string;
  reason: string;
}

/** A free name in the quarantine; the reason is on the disk before anything moves. */
async function prepare(folder: string, file: string, why: QuarantineReason, files: FileLayer): Promise<string> {
  const quarantine = join(folder, quarantineName);
  await ensureFolder(quarantine, files);
  const now = new Date();
  const flat = file.replaceAll("/", "-");
  let name = `${stampOf(now)}-${flat}`;
  for (let count = 2; await files.stat(join(quarantine, name)); count++) name = `${stampOf(now)}-${count}-${flat}`;
  const reason = stableJson({ ...why, file, at: now.toISOString() }, 2);
  await writeDurably(join(quarantine, `${name}.reason.json`), `${reason}\n`, files);
  return name;
}

/**
 * Moves a file of a run to its quarantine.
 * @param file path relative to the run.
 * @returns where it is now, relative to the run.
 */
export async function quarantineFile(
  folder: string,
  file: string,
  why: QuarantineReason,
  files: FileLayer,
): Promise<string> {
  const name = await prepare(folder, file, why, files);
  await moveDurably(join(folder, file), join(folder, quarantineName, name), files);
  return `${quarantineName}/${name}`;
}

/** Keeps part of a file in the quarantine; the file itself stays. */
export async function quarantineBytes(
  folder: string,
  file: string,
  bytes: Uint8Array,
  why: QuarantineReason,
  files: FileLayer,
): Promise<string> {
  const name = await prepare(folder, basename(file), why, files);
  await writeDurably(join(folder, quarantineName, name), bytes, files);
  return `${quarantineName}/${name}`;
}
