/** Addresses of services, and lists of them that are kept for a user, beside the models. */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { cacheFolder } from "./cacheFolder.ts";

/** True for an address on this machine: what is sent there goes to nobody else. */
export function isLocal(baseUrl: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(new URL(baseUrl).hostname);
}

/** Origins that were put on one list; each list has a purpose of its own. */
export type OriginList = "known-endpoints" | "terms-told";

const listSchema = z.array(z.string());
const fileOf = (list: OriginList): string => join(cacheFolder(), `${list}.json`);

/** An unreadable list holds nobody: the user is asked or told again. */
export async function readOrigins(list: OriginList): Promise<string[]> {
  const text = await readFile(fileOf(list), "utf8").catch(() => "[]");
  try {
    return listSchema.parse(JSON.parse(text));
  } catch {
    return [];
  }
}

export async function addOrigin(list: OriginList, origin: string): Promise<void> {
  const listed = await readOrigins(list);
  if (listed.includes(origin)) return;
  const file = fileOf(list);
  const partial = `${file}.${process.pid}`;
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(partial, JSON.stringify([...listed, origin]), { mode: 0o600 });
  await rename(partial, file);
}
