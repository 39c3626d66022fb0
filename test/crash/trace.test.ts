import { dirname, join } from "node:path";
import { mkdirSync } from "node:fs";
import { expect, it } from "vitest";
import { freshFolder } from "../fakes/runs.ts";
import { bundledChild } from "./bundledChild.ts";
import { recordTrace, type TraceEvent } from "./fileTrace.ts";

/** What is wrong with the order of a trace; empty when every file is durable before anybody is told. */
function faultsOf(events: readonly TraceEvent[]): { faults: string[]; placed: number; appended: number } {
  const faults: string[] = [];
  const unsynced = new Set<string>();
  const synced = new Set<string>();
  const unsyncedFolders = new Map<string, string>();
  let placed = 0;
  let appended = 0;
  for (const { op, path, to } of events) {
    if (op === "write") {
      synced.delete(path);
      unsynced.add(path);
      if (path.endsWith("journal.jsonl")) appended += 1;
    } else if (op === "fsync") {
      unsynced.delete(path);
      synced.add(path);
      unsyncedFolders.delete(path);
    } else if (op === "rename" && to !== undefined) {
      if (path.endsWith(".tmp") && !/\/runs\/\.[^/]*\.tmp$/.test(path)) {
        placed += 1;
        if (!synced.has(path)) faults.push(`${to} was renamed before it was fsynced`);
      }
      unsyncedFolders.set(dirname(to), to);
    } else {
      const journal = [...unsynced].find((each) => each.endsWith("journal.jsonl"));
      if (journal) faults.push("an acknowledgement came before the journal was fsynced");
      for (const renamed of unsyncedFolders.values())
        faults.push(`an acknowledgement came before the folder of ${renamed} was fsynced`);
    }
  }
  return { faults, placed, appended };
}

it("a recorded trace shows write, fsync, rename, directory fsync, and only then the acknowledgement", async () => {
  const root = freshFolder();
  mkdirSync(join(root, "store"));
  const { source, events } = await recordTrace(await bundledChild("storageChild.ts"), root);
  const { faults, placed, appended } = faultsOf(events);
  console.log(`${source}: ${events.length} operations, ${placed} files placed, ${appended} appends to the journal`);
  expect(faults).toEqual([]);
  expect(placed).toBeGreaterThan(5);
  expect(appended).toBeGreaterThan(5);
  expect(events.filter(({ op }) => op === "acknowledge").length).toBeGreaterThan(20);
});

it("the check of a trace finds each kind of disorder", () => {
  const write = { op: "write", path: "/r/a.json.tmp" } as const;
  const fsync = { op: "fsync", path: "/r/a.json.tmp" } as const;
  const rename = { op: "rename", path: "/r/a.json.tmp", to: "/r/a.json" } as const;
  const folder = { op: "fsync", path: "/r" } as const;
  const told = { op: "acknowledge", path: "" } as const;
  expect(faultsOf([write, fsync, rename, folder, told]).faults).toEqual([]);
  expect(faultsOf([write, rename, fsync, folder, told]).faults).toHaveLength(1);
  expect(faultsOf([write, fsync, rename, told, folder]).faults).toHaveLength(1);
  expect(faultsOf([fsync, write, rename, folder, told]).faults).toHaveLength(1);
  expect(faultsOf([{ op: "write", path: "/r/journal.jsonl" }, told]).faults).toHaveLength(1);
});
