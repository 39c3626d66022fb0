/** A disk that fails while a run is read, listed, backed up or written over: each operation in turn, each with a named error. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { emptyReview } from "../../src/protocol/review.ts";
import { UserError } from "../../src/protocol/errors.ts";
import { backupRun } from "../../src/pipeline/adapters/backup.ts";
import { createCheckpointStore } from "../../src/pipeline/adapters/checkpointStore.ts";
import { nodeFiles, type FileLayer } from "../../src/pipeline/adapters/fileLayer.ts";
import { createOtherRuns } from "../../src/pipeline/adapters/otherRuns.ts";
import { acquireRunLock } from "../../src/pipeline/adapters/runLock.ts";
import { sha256 } from "../../src/pipeline/hash.ts";
import { fakeFrame, fillRun } from "../fakes/checkpoints.ts";
import { faultKinds, faultyFiles } from "../fakes/faultyFiles.ts";
import { fakeRunFile, freshFolder } from "../fakes/runs.ts";

let root: string;
const folder = () => join(root, "runs", "run-1");

beforeEach(async () => {
  root = freshFolder();
  const run = await createCheckpointStore(root).create(fakeRunFile());
  await fillRun(run, folder());
  await run.close();
  writeFileSync(join(folder(), "review.json"), JSON.stringify(emptyReview));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const reader = (files: FileLayer) => createCheckpointStore(root, { files });
const kinds = faultKinds.filter((kind) => kind !== "short");

/** Path → hash of all files of the run, but for what a lock holds. */
const hashes = (): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder(), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name))
      .map((file) => [file.slice(folder().length), sha256(readFileSync(file))]),
  );

it.each<[string, (files: FileLayer) => Promise<unknown>]>([
  ["the list of runs", (files) => reader(files).runs()],
  ["the names of checkpoints", (files) => reader(files).names("run-1")],
  ["the checkpoints", (files) => reader(files).checkpoints("run-1")],
  ["the review", (files) => reader(files).review("run-1")],
])("%s: every operation that fails is told, and the next look shows what there is", async (_name, read) => {
  const before = hashes();
  const sound = await read(nodeFiles);
  let faults = 0;
  for (let at = 1; ; at++) {
    const kind = kinds[at % kinds.length]!;
    const files = faultyFiles({ kind, at });
    const found = await read(files).catch((error: unknown) => error);
    if (!files.met()) break;
    faults += 1;
    const where = `${kind} at ${files.operations[at - 1]?.name} ${files.operations[at - 1]?.path}`;
    // Of one among many the reason stands beside its name.
    const told = found instanceof UserError ? found.code : JSON.stringify(found);
    expect(told, where).toContain("E_STORAGE");
    expect(await read(nodeFiles), where).toEqual(sound);
  }
  expect(faults).toBeGreaterThan(1);
  expect(hashes()).toEqual(before);
});

it("a backup: every operation that fails is told, and no file is left that looks like one", async () => {
  const run = await createCheckpointStore(root).open("run-1");
  const target = join(root, "run.backup");
  const before = hashes();
  let faults = 0;
  for (let at = 1; ; at++) {
    const files = faultyFiles({ kind: kinds[at % kinds.length]!, at });
    const outcome = await backupRun(run, target, files).catch((error: unknown) => error);
    if (!files.met()) break;
    faults += 1;
    const { name, path } = files.operations[at - 1]!;
    // An fsync that failed is followed by one more attempt with the file written afresh.
    if (!(outcome instanceof UserError)) expect(`${name} ${JSON.stringify(outcome)}`).toMatch(/^sync .*"leftOut":\[\]/);
    else expect(outcome.code, `${name} ${path}`).toMatch(/^E_(STORAGE|DISK_FULL|READ_ONLY)$/);
    if (outcome instanceof UserError && name !== "syncFolder") expect(readdirSync(root)).not.toContain("run.backup");
    rmSync(target, { force: true });
  }
  await run.close();
  expect(faults).toBeGreaterThan(30);
  expect(hashes()).toEqual(before);
});

it("opening a run: every operation that fails is told, its lock is given back, and it then opens", async () => {
  const before = hashes();
  let faults = 0;
  for (let at = 1; ; at++) {
    const files = faultyFiles({ kind: kinds[at % kinds.length]!, at });
    const outcome = await createCheckpointStore(root, { files })
      .open("run-1")
      .catch((error: unknown) => error);
    if (!files.met()) {
      // Open it is. What fails next is giving the lock back, which is told as well.
      await expect((outcome as { close(): Promise<void> }).close()).rejects.toBeInstanceOf(UserError);
      expect(files.operations[at - 1]?.name).toBe("unlink");
      break;
    }
    faults += 1;
    const { name, path } = files.operations[at - 1]!;
    expect(outcome, `${name} ${path}`).toBeInstanceOf(UserError);
    const run = await createCheckpointStore(root).open("run-1");
    await run.close();
    expect(hashes(), `${name} ${path}`).toEqual(before);
  }
  expect(faults).toBeGreaterThan(8);
});

describe("a run that is open", () => {
  it("whose own checkpoint cannot be read keeps it where it is", async () => {
    const before = hashes();
    const files = faultyFiles({
      kind: "EIO",
      at: 1,
      among: ({ name, path }) => name === "read" && path.endsWith("references.json"),
    });
    const run = await createCheckpointStore(root, { files }).open("run-1");
    await expect(run.writeCheckpoint(fakeFrame("run-1", 1, "references", "one"))).rejects.toMatchObject({
      code: "E_STORAGE",
      message: expect.stringContaining("cycle-1/references.json could not be read"),
    });
    await run.close();
    expect(hashes()).toEqual(before);
  });

  it("goes on without the record of events when that cannot be written, and says so once", async () => {
    const files = faultyFiles({
      kind: "ENOSPC",
      at: 1,
      times: 9,
      among: ({ name, path }) => name === "write" && path.endsWith("events.jsonl"),
    });
    const told: string[] = [];
    const run = await createCheckpointStore(root, { files, onNotice: (text) => told.push(text) }).open("run-1");
    run.appendEvent({ type: "notice", text: "lost" });
    await run.addItem("references", "k2", { text: "kept" });
    run.appendEvent({ type: "notice", text: "lost, too" });
    await run.close();
    expect(told).toEqual([expect.stringMatching(/^The record of events stops here: The disk is full\./)]);
    const again = await createCheckpointStore(root).open("run-1");
    expect(again.item("k2")).toEqual({ text: "kept" });
    await again.close();
  });

  it("stops when nobody can tell whether its lock is still held", async () => {
    let broken = false;
    const files: FileLayer = {
      ...nodeFiles,
      stat: (path) =>
        broken ? Promise.reject(Object.assign(new Error("EIO"), { code: "EIO" })) : nodeFiles.stat(path),
    };
    const lock = await acquireRunLock(join(root, "locks", "run-2"), files);
    await lock.check();
    broken = true;
    await expect(lock.check()).rejects.toMatchObject({
      code: "E_STORAGE",
      message: expect.stringContaining("the lock could not be read"),
    });
    await lock.release();
  });
});

it("a dead window's lock that somebody else removes first is no obstacle, and one that cannot be removed is told", async () => {
  const locks = join(root, "locks", "run-3");
  mkdirSync(locks, { recursive: true });
  const dead = { pid: 2 ** 30, started: null, host: "", token: "dead", since: new Date(0).toISOString() };
  const { holder } = await acquireRunLock(join(root, "locks", "run-4"), nodeFiles);
  const write = () => writeFileSync(join(locks, "dead.json"), JSON.stringify({ ...dead, host: holder.host }));
  /** Another window comes first: the file is gone when this one's turn comes. */
  const raced: FileLayer = {
    ...nodeFiles,
    unlink: async (path) => {
      if (path.endsWith("dead.json")) rmSync(path);
      await nodeFiles.unlink(path);
    },
  };
  write();
  await (await acquireRunLock(locks, raced)).release();
  write();
  const refusing = faultyFiles({ kind: "EACCES", at: 1, among: ({ name }) => name === "unlink" });
  await expect(acquireRunLock(locks, refusing)).rejects.toMatchObject({ code: "E_READ_ONLY" });
  expect(readdirSync(locks)).toEqual(["dead.json"]);
});

it("what other runs hold is a saving and no more: without it a run has everything to ask, and no error", async () => {
  const journals = (at: number) => faultyFiles({ kind: "EIO", at });
  expect(await createOtherRuns(root, "run-2").item("k1")).toEqual({ text: "Über" });
  for (let at = 1; ; at++) {
    const files = journals(at);
    const item = await createOtherRuns(root, "run-2", files).item("k1");
    if (!files.met()) break;
    expect(item, `${files.operations[at - 1]?.name}`).toBeUndefined();
    expect(at).toBeLessThan(10);
  }
});
