/** What decides a speed beside the program: the machine and the versions. No host name, no path. */
import { readFile } from "node:fs/promises";
import os from "node:os";
import { join } from "node:path";
import { packageFolder } from "../src/pipeline/adapters/packageFolder.ts";

export interface Machine {
  cpu: string;
  /** Cores this process may use. */
  cores: number;
  memoryGiB: number;
  system: string;
  /** Processes that wanted a core in the last minute, before the first run. */
  loadBefore: number;
}

export function describeMachine(): Machine {
  return {
    cpu: os.cpus()[0]?.model.trim() ?? "unknown",
    cores: os.availableParallelism(),
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    system: `${process.platform} ${process.arch}`,
    loadBefore: Math.round((os.loadavg()[0] ?? 0) * 10) / 10,
  };
}

/** Adds this program's own version and Node's to those a Python job reports. */
export async function describeVersions(python: Record<string, string>): Promise<Record<string, string>> {
  const manifest = JSON.parse(await readFile(join(packageFolder(), "package.json"), "utf8")) as { version: string };
  return { distillery: manifest.version, node: process.versions.node, ...python };
}
