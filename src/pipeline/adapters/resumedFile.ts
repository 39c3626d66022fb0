/** One file over HTTP into `FILE.part`, which a later attempt continues, and then, verified, into FILE. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { UserError } from "../../protocol/errors.ts";
import { errorCode } from "./fileLayer.ts";
import { silenceMilliseconds, type HubFile } from "./hub.ts";
import { writeError } from "./storageError.ts";

/** Attempts in a row that brought no byte; an attempt that brought some starts the count anew. */
const mostBarren = 4;

const diskErrors = new Set(["ENOSPC", "EDQUOT", "EROFS", "EACCES", "EPERM", "EIO"]);

/** The server's refusal: trying again would not help. */
class Refused extends UserError {}

/**
 * Fetches `file` to `target`, from where an earlier attempt stopped.
 * @param onBytes called with the bytes of the file that are there
 * @throws UserError E_DOWNLOAD (the part is kept, or quarantined on a wrong hash), E_DISK_FULL; the signal's reason
 */
export async function fetchResumed(
  file: HubFile,
  target: string,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const part = `${target}.part`;
  let barren = 0;
  while (true) {
    const before = await sizeOf(part);
    if (before === file.bytes) break;
    if (before > file.bytes) await rm(part);
    try {
      await append(file, part, onBytes, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof Refused || diskErrors.has(errorCode(error) ?? ""))
        throw writeError(error, basename(target), file.bytes);
      barren = (await sizeOf(part)) > before ? 0 : barren + 1;
      if (barren === mostBarren)
        throw new UserError("E_DOWNLOAD", `The connection to ${new URL(file.url).host} broke off.`, { cause: error });
      await delay(250 * 2 ** barren, undefined, { signal });
    }
  }
  onBytes(file.bytes);
  if ((await hashOfFile(part, file)) !== file.hash.hex) {
    const quarantine = join(dirname(target), "quarantine");
    await mkdir(quarantine, { recursive: true });
    await rename(part, join(quarantine, basename(target)));
    throw new UserError(
      "E_DOWNLOAD",
      `${file.name} is not what ${new URL(file.url).host} announced; it was set aside.`,
    );
  }
  await rename(part, target);
}

async function append(file: HubFile, part: string, onBytes: (n: number) => void, signal: AbortSignal): Promise<void> {
  const dead = new AbortController();
  const timer = setTimeout(() => dead.abort(new Error("no byte came for a while")), silenceMilliseconds);
  let at = await sizeOf(part);
  const headers: Record<string, string> = at > 0 ? { range: `bytes=${at}-` } : {};
  try {
    const response = await fetch(file.url, { headers, signal: AbortSignal.any([signal, dead.signal]) });
    const { status, body } = response;
    const continued = status === 206 && response.headers.get("content-range")?.startsWith(`bytes ${at}-`);
    // The part fits no longer what is served: the next attempt begins anew.
    if (status === 416 || (status === 206 && !continued)) {
      await rm(part, { force: true });
      throw new Error(`another range came (status ${status})`);
    }
    if (status >= 400 && status < 500 && status !== 408 && status !== 429)
      throw new Refused("E_DOWNLOAD", `${new URL(file.url).host} refuses ${file.name} (status ${status}).`);
    if (!response.ok || !body) throw new Error(`status ${status}`);
    // A server that knows no ranges sends all of it again.
    if (!continued) at = 0;
    const handle = await open(part, continued ? "a" : "w");
    try {
      for await (const chunk of body) {
        timer.refresh();
        at += chunk.length;
        if (at > file.bytes) throw new Refused("E_DOWNLOAD", `${file.name} is longer than announced.`);
        await handle.writeFile(chunk);
        onBytes(at);
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
  } finally {
    clearTimeout(timer);
  }
  if (at < file.bytes) throw new Error("the file ended early");
}

async function hashOfFile(path: string, { bytes, hash: { kind } }: HubFile): Promise<string> {
  const hash = createHash(kind === "sha256" ? "sha256" : "sha1");
  if (kind === "gitSha1") hash.update(`blob ${bytes}\0`);
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => null))?.size ?? 0;
}
