/** Looks at processes from outside, for tests that must leave none behind. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

export function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A process that has ended but was not collected yet counts as gone.
    return process.platform !== "linux" || !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

export async function gone(pid: number, within = 5_000): Promise<boolean> {
  for (const end = performance.now() + within; performance.now() < end; await pause(20)) if (!alive(pid)) return true;
  return false;
}

export async function until<T>(find: () => T | undefined): Promise<T> {
  for (let tries = 0; tries < 1_500; tries++, await pause(20)) {
    const found = find();
    if (found !== undefined) return found;
  }
  throw new Error("it did not happen");
}

/** Ids of the living processes whose command line holds a text. */
export function processesWith(text: string): number[] {
  if (process.platform !== "linux") {
    const table = execFileSync("ps", ["-axo", "pid=,args="], { encoding: "utf8" });
    return table.split("\n").flatMap((line) => (line.includes(text) ? [Number.parseInt(line, 10)] : []));
  }
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && commandLine(name).includes(text))
    .map(Number);
}

/** The words of a process's command line, set apart by zero bytes; empty for one that has ended, and outside of Linux. */
export function commandLine(pid: string | number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

/** Ids of a process's living children and of theirs. */
export function descendantsOf(pid: number): number[] {
  const parents = new Map(
    process.platform === "linux"
      ? readdirSync("/proc")
          .filter((name) => /^\d+$/.test(name))
          .map((name) => [Number(name), parentOf(name)] as const)
      : execFileSync("ps", ["-axo", "pid=,ppid="], { encoding: "utf8" })
          .trim()
          .split("\n")
          .map((line) => line.trim().split(/\s+/).map(Number) as [number, number]),
  );
  const found = new Set([pid]);
  // A child may stand before its parent in the table.
  for (let size = 0; size !== found.size;) {
    size = found.size;
    for (const [child, parent] of parents) if (found.has(parent)) found.add(child);
  }
  found.delete(pid);
  return [...found];
}

/** 0 for one that has ended meanwhile. */
function parentOf(pid: string): number {
  try {
    // The name in parentheses may hold spaces; the parent is the second field behind it.
    const [, parent = "0"] = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    return Number(parent);
  } catch {
    return 0;
  }
}
