/** One program at a time works on a shared folder; what the others leave at any moment is in nobody's way. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { withFolderLock } from "../../src/pipeline/adapters/folderLock.ts";
import { freshFolder } from "../fakes/runs.ts";

let folder: string;
let lock: string;
beforeEach(() => {
  folder = freshFolder();
  lock = join(folder, "x.lock");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("a lock that was made and not yet written is waited for, and no dead one's", async () => {
  writeFileSync(lock, "");
  let waits = 0;
  const work = withFolderLock(
    lock,
    () => (waits += 1),
    undefined,
    async () => readFileSync(lock, "utf8"),
  );
  await delay(600);
  expect([waits, readFileSync(lock, "utf8")]).toEqual([1, ""]);
  rmSync(lock);
  expect(JSON.parse(await work)).toMatchObject({ pid: process.pid });
  expect(existsSync(lock)).toBe(false);
});

it("a lock that was taken over meanwhile stays the other one's, and one that is gone is no error", async () => {
  const other = '{"pid":1}';
  expect(
    await withFolderLock(
      lock,
      () => {},
      undefined,
      async () => writeFileSync(lock, other),
    ),
  ).toBeUndefined();
  expect(readFileSync(lock, "utf8")).toBe(other);
  rmSync(lock);
  expect(
    await withFolderLock(
      lock,
      () => {},
      undefined,
      async () => rmSync(lock),
    ),
  ).toBeUndefined();
  expect(existsSync(lock)).toBe(false);
});

it("a folder that is not there is told, and nothing is worked on", async () => {
  const work = withFolderLock(
    join(folder, "none", "x.lock"),
    () => {},
    undefined,
    () => Promise.reject(new Error("worked")),
  );
  await expect(work).rejects.toMatchObject({ code: "ENOENT" });
});
