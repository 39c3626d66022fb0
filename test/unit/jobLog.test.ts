/** What Python jobs print is kept where that is possible, and a disk that refuses ends no job. */
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createJobLog } from "../../src/pipeline/adapters/jobLog.ts";
import { freshFolder } from "../fakes/runs.ts";

let folder: string;
beforeEach(() => {
  folder = freshFolder();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("a log that cannot be written still has the last lines for the error's text", async () => {
  const file = join(folder, "a file where a folder belongs");
  writeFileSync(file, "kept");
  const log = createJobLog(join(file, "job.log"));
  await log.write("first\n");
  await log.write("Traceback\nMemoryError\n");
  expect(log.tail()).toEqual(["first", "Traceback", "MemoryError"]);
  expect(readFileSync(file, "utf8")).toBe("kept");
});

it("two logs of one file take turns, and above the limit the file makes room", async () => {
  const file = join(folder, "logs", "job.log");
  const logs = [createJobLog(file, 2_000), createJobLog(file, 2_000)] as const;
  const lines = Array.from({ length: 100 }, (_, index) => `line ${String(index).padStart(3, "0")}\n`);
  await Promise.all(lines.map((line, index) => logs[index % 2 === 0 ? 0 : 1].write(line)));
  expect(readFileSync(file, "utf8")).toBe(lines.join(""));
  await logs[0].write("x".repeat(2_000));
  await logs[1].write("after\n");
  expect(readFileSync(file, "utf8")).toBe("after\n");
  expect(statSync(`${file}.1`).size).toBe(2_900);
});
