/**
 * One writer per run. Every candidate first puts up a file of its own and then looks for others: of two at the
 * same moment each sees the other, both step back and try again, so never two hold the lock. Nobody ever
 * removes a living holder's file, so a stale lock can be taken over without a gap.
 */
import { randomUUID } from "node:crypto";
import { utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { UserError } from "../../protocol/errors.ts";
import { stableJson } from "../hash.ts";
import { ensureFolder, reasonOf, writeAllAndSync } from "./durableFile.ts";
import { errorCode, readWhole, withFile, type FileLayer } from "./fileLayer.ts";
import { isProcessAlive, processStart } from "./processIdentity.ts";
import { readError, writeError } from "./storageError.ts";

const lockSchema = z.object({
  pid: z.int().positive(),
  started: z.string().nullable(),
  host: z.string(),
  token: z.string(),
  since: z.iso.datetime(),
});
export type LockHolder = z.infer<typeof lockSchema>;

export interface RunLock {
  readonly holder: LockHolder;
  /** @throws UserError E_RUN_LOCKED when the lock was lost, which takes a long sleep of this machine. */
  check(): Promise<void>;
  release(): Promise<void>;
}

const tries = 12;
/** A file younger than this may belong to a candidate that is about to step back. */
const candidateMilliseconds = 300;
const beatMilliseconds = 15_000;
/** Another machine's processes cannot be looked at: its lock counts as dead after this long without a beat. */
const foreignMilliseconds = 120_000;
/** A lock file that cannot be read is being written; after this long its writer has died over it. */
const unreadableMilliseconds = 5_000;

/** "10:32" for today, with the date otherwise; in local time. */
function sinceText(iso: string): string {
  const since = new Date(iso);
  const two = (value: number) => String(value).padStart(2, "0");
  const time = `${two(since.getHours())}:${two(since.getMinutes())}`;
  if (since.toDateString() === new Date().toDateString()) return time;
  return `${since.getFullYear()}-${two(since.getMonth() + 1)}-${two(since.getDate())} ${time}`;
}

function locked({ pid, host, since }: LockHolder): UserError {
  const where = host === hostname() ? `in another window (pid ${pid}` : `on another machine (${host}, pid ${pid}`;
  return new UserError("E_RUN_LOCKED", `This run is open ${where}, since ${sinceText(since)}).`);
}

interface Candidate {
  path: string;
  holder: LockHolder;
  /** Milliseconds since the last beat. */
  age: number;
  lives: boolean;
}

/** All that have put up a file, but for the one named `mine`. */
async function* candidates(folder: string, mine: string | null, files: FileLayer): AsyncGenerator<Candidate> {
  for (const name of await files.readdir(folder)) {
    const path = join(folder, name);
    if (name === mine || !name.endsWith(".json")) continue;
    const facts = await files.stat(path);
    if (facts?.kind !== "file") continue;
    const age = Date.now() - facts.modified;
    const holder = await readHolder(path, files);
    const lives = holder ? await isAlive(holder, age) : age < unreadableMilliseconds;
    yield { path, holder: holder ?? unknownHolder(facts.modified), age, lives };
  }
}

/** The living holders and candidates; files of the dead are removed. */
async function others(folder: string, mine: string, files: FileLayer): Promise<Candidate[]> {
  const living: Candidate[] = [];
  for await (const candidate of candidates(folder, mine, files)) {
    if (candidate.lives) living.push(candidate);
    else await files.unlink(candidate.path).catch(ignoreMissing);
  }
  return living;
}

/** Whether somebody, this process too, holds the lock kept in `folder`. Changes nothing. */
export async function isRunLocked(folder: string, files: FileLayer): Promise<boolean> {
  try {
    for await (const { lives } of candidates(folder, null, files)) if (lives) return true;
  } catch {
    // No lock was ever taken there, or none can be seen.
  }
  return false;
}

const unknownHolder = (modified: number): LockHolder => ({
  pid: 0,
  started: null,
  host: hostname(),
  token: "",
  since: new Date(modified).toISOString(),
});

async function readHolder(path: string, files: FileLayer): Promise<LockHolder | null> {
  try {
    const parsed = lockSchema.safeParse(JSON.parse((await readWhole(files, path)).toString()));
    return parsed.success ? parsed.data : null;
  } catch (error) {
    if (error instanceof SyntaxError || errorCode(error) === "ENOENT") return null;
    throw readError(error, "the lock");
  }
}

async function isAlive(holder: LockHolder, age: number): Promise<boolean> {
  if (holder.host !== hostname()) return age < foreignMilliseconds;
  return isProcessAlive(holder.pid, holder.started, Date.parse(holder.since));
}

function ignoreMissing(error: unknown): void {
  if (errorCode(error) !== "ENOENT") throw error;
}

/**
 * Takes the lock kept in `folder`. A dead process's lock is taken over.
 * @throws UserError E_RUN_LOCKED naming the holder; E_READ_ONLY, E_DISK_FULL, E_STORAGE when no lock can be written.
 */
export async function acquireRunLock(folder: string, files: FileLayer): Promise<RunLock> {
  await ensureFolder(folder, files);
  const token = randomUUID();
  const holder: LockHolder = {
    pid: process.pid,
    started: await processStart(process.pid),
    host: hostname(),
    token,
    since: new Date().toISOString(),
  };
  const name = `${token}.json`;
  const path = join(folder, name);
  try {
    for (let attempt = 1; ; attempt++) {
      const before = await others(folder, name, files);
      const settled =
        before.find(({ age }) => age > candidateMilliseconds) ?? (attempt >= tries ? before[0] : undefined);
      if (settled) throw locked(settled.holder);
      if (before.length === 0) {
        const bytes = Buffer.from(stableJson(holder));
        await withFile(files, path, "create", (file) => writeAllAndSync(file, bytes));
        if ((await others(folder, name, files)).length === 0) return heldLock(path, holder, files);
        await files.unlink(path);
      }
      await delay(5 + Math.random() * 60);
    }
  } catch (error) {
    await files.unlink(path).catch(() => {});
    throw writeError(reasonOf(error), "the lock", 200);
  }
}

function heldLock(path: string, holder: LockHolder, files: FileLayer): RunLock {
  // A missed beat shows in the next check; nothing else can be done about it here.
  const beat = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => {}), beatMilliseconds);
  beat.unref();
  return {
    holder,
    async check() {
      const facts = await files.stat(path).catch((error: unknown) => {
        throw readError(error, "the lock");
      });
      if (!facts)
        throw new UserError("E_RUN_LOCKED", "This run was taken over by another window while this one slept.");
    },
    async release() {
      clearInterval(beat);
      await files.unlink(path).catch((error: unknown) => {
        if (errorCode(error) !== "ENOENT") throw writeError(error, "the lock", 0);
      });
    },
  };
}
