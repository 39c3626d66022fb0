/**
 * Lets one program at a time do slow work on a shared folder; the others wait.
 * It saves double work only: whoever holds it must leave correct files even if two hold it.
 */
import { readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";

const beatMilliseconds = 3_000;
/** A holder that has not touched its lock for this long is dead or asleep. */
const staleMilliseconds = 20_000;

/**
 * Runs `work` while holding the lock file.
 * @param onWait called once when somebody else holds it
 * @throws the signal's reason when aborted while waiting
 */
export async function withFolderLock<T>(
  lockFile: string,
  onWait: () => void,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const mine = JSON.stringify({ pid: process.pid, host: hostname(), token: randomUUID() });
  for (let waited = false; !(await take(lockFile, mine));) {
    if (await isStale(lockFile)) await setAside(lockFile);
    else {
      if (!waited) onWait();
      waited = true;
      await delay(250, undefined, { signal });
    }
  }
  const beat = setInterval(() => void utimes(lockFile, new Date(), new Date()).catch(() => {}), beatMilliseconds);
  beat.unref();
  try {
    return await work();
  } finally {
    clearInterval(beat);
    if ((await readFile(lockFile, "utf8").catch(() => null)) === mine) await rm(lockFile, { force: true });
  }
}

async function take(lockFile: string, content: string): Promise<boolean> {
  try {
    await writeFile(lockFile, content, { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

async function isStale(lockFile: string): Promise<boolean> {
  try {
    const [{ mtimeMs }, text] = await Promise.all([stat(lockFile), readFile(lockFile, "utf8")]);
    if (Date.now() - mtimeMs > staleMilliseconds) return true;
    const holder = JSON.parse(text) as { pid?: unknown; host?: unknown };
    return holder.host === hostname() && typeof holder.pid === "number" && !isRunning(holder.pid);
  } catch {
    // Gone, or created and not yet written: look again.
    return false;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** A rename succeeds for one of several takers, so a fresh lock is not deleted by mistake twice. */
async function setAside(lockFile: string): Promise<void> {
  const aside = `${lockFile}.${randomUUID()}`;
  await rename(lockFile, aside).catch(() => {});
  await rm(aside, { force: true });
}
