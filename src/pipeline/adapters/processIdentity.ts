/** Which process this is, and whether another one named on disk still lives. */
import { readFile } from "node:fs/promises";
import { uptime } from "node:os";

/**
 * When a process started, as text that only the same process on the same boot has; null where the system does
 * not say (then the process id and the time of the boot have to do).
 */
export async function processStart(pid: number): Promise<string | null> {
  try {
    const [stat, boot] = await Promise.all([
      readFile(`/proc/${pid}/stat`, "utf8"),
      readFile("/proc/sys/kernel/random/boot_id", "utf8"),
    ]);
    // The program's name comes first and may hold anything; after it, the 1st field is the state, the 20th the start.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z" || fields[0] === "X") return "ended";
    return `${boot.trim()}:${fields[19]}`;
  } catch {
    return null;
  }
}

/**
 * @param started what {@link processStart} said when the process was noted.
 * @param noted when that was, in milliseconds since 1970.
 */
export async function isProcessAlive(pid: number, started: string | null, noted: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives and belongs to somebody else.
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  const now = await processStart(pid);
  if (now !== null && started !== null) return now === started;
  const boot = Date.now() - uptime() * 1000;
  return noted > boot;
}
