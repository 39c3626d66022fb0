import { execFileSync } from "node:child_process";
import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { UserError } from "../../src/protocol/errors.ts";
import { encodeCheckpoint, encodeRunFile } from "../../src/pipeline/adapters/checkpointFile.ts";
import { createCheckpointStore } from "../../src/pipeline/adapters/checkpointStore.ts";
import type { FileRunStore } from "../../src/pipeline/adapters/runStore.ts";
import { hashOf } from "../../src/pipeline/hash.ts";
import type { CheckpointFrame } from "../../src/protocol/run.ts";
import { adapterContent, adapterFiles, fakeFrame, fakeStages } from "../fakes/checkpoints.ts";
import { faultyFiles } from "../fakes/faultyFiles.ts";
import { fakeRunFile, freshFolder } from "../fakes/runs.ts";

let root: string;
let run: FileRunStore;
const at = (path: string) => join(root, "runs", "run-1", path);

const caught = async (work: Promise<unknown>): Promise<UserError> => {
  const error = await work.then(
    () => null,
    (each: unknown) => each,
  );
  expect(error).toBeInstanceOf(UserError);
  return error as UserError;
};

afterEach(() => run.close().catch(() => {}));

beforeEach(async () => {
  root = freshFolder();
  run = await createCheckpointStore(root).create(fakeRunFile());
  mkdirSync(at("cycle-1/adapter"), { recursive: true });
  for (const file of adapterFiles) writeFileSync(at(`cycle-1/adapter/${file}`), adapterContent(file, "one"));
  for (const stage of fakeStages) await run.writeCheckpoint(fakeFrame("run-1", 1, stage, "one"));
});

describe("paths that lead out of the run", () => {
  const hostile = [
    "../secret",
    "/etc/passwd",
    "a/../../b",
    "C:/x",
    "C:x",
    "\\\\host\\share",
    "a\\b",
    "a\0b",
    "a//b",
    "./a",
    "",
    "con",
    "aux.txt",
    "nul",
    "lpt1.json",
    "a.",
    "a ",
    "x".repeat(401),
    "a/b/".repeat(20),
    "file:stream",
    "a\nb",
  ];

  it.each(hostile)("%j is refused wherever a checkpoint or a caller names it", async (path) => {
    const frame = fakeFrame("run-1", 1, "fineTuning", "one");
    const named = structuredClone(frame) as CheckpointFrame & {
      output: { adapter: { folder: string; files: Record<string, string> } };
    };
    const write = () => {
      named.outputHash = hashOf(named.output);
      writeFileSync(at("cycle-1/fineTuning.json"), encodeCheckpoint({ frame: named, attempt: 0 }));
    };
    named.output.adapter.folder = path;
    write();
    expect((await caught(run.readCheckpoint(1, "fineTuning"))).code).toBe("E_PATH_OUTSIDE");
    named.output.adapter.folder = "cycle-1/adapter";
    named.output.adapter.files = { [path]: "0".repeat(64) };
    write();
    expect((await caught(run.readCheckpoint(1, "fineTuning"))).code).toBe("E_PATH_OUTSIDE");
    expect((await caught(run.writeFile(path, "x"))).code).toBe("E_PATH_OUTSIDE");
    expect((await caught(run.hashFiles(path))).code).toBe("E_PATH_OUTSIDE");
    expect((await caught(run.restoreSuperseded(path))).code).toBe("E_PATH_OUTSIDE");
  });

  it("another folder of the same run is no adapter", async () => {
    const frame = structuredClone(fakeFrame("run-1", 1, "fineTuning", "one"));
    (frame.output as { adapter: { folder: string } }).adapter.folder = "cycle-2/adapter";
    frame.outputHash = hashOf(frame.output);
    writeFileSync(at("cycle-1/fineTuning.json"), encodeCheckpoint({ frame, attempt: 0 }));
    expect((await caught(run.readCheckpoint(1, "fineTuning"))).code).toBe("E_PATH_OUTSIDE");
  });

  const outside = () => {
    const folder = freshFolder();
    writeFileSync(join(folder, "canary"), "untouched");
    writeFileSync(join(folder, "references.json"), readFileSync(at("cycle-1/references.json")));
    return folder;
  };

  it.each<[string, (folder: string) => void, (opened: FileRunStore) => Promise<unknown>]>([
    [
      "a checkpoint that is a link",
      (folder) => (
        rmSync(at("cycle-1/references.json")),
        symlinkSync(join(folder, "references.json"), at("cycle-1/references.json"))
      ),
      (opened) => opened.readCheckpoint(1, "references"),
    ],
    [
      "a checkpoint with a second name",
      (folder) => (
        rmSync(at("cycle-1/references.json")),
        linkSync(join(folder, "references.json"), at("cycle-1/references.json"))
      ),
      (opened) => opened.readCheckpoint(1, "references"),
    ],
    [
      "a dangling link",
      () => (rmSync(at("cycle-1/references.json")), symlinkSync("/nowhere/at/all", at("cycle-1/references.json"))),
      (opened) => opened.writeCheckpoint(fakeFrame("run-1", 1, "references", "two")),
    ],
    [
      "a cycle that is a link",
      (folder) => symlinkSync(folder, at("cycle-2")),
      (opened) => opened.writeCheckpoint(fakeFrame("run-1", 2, "references", "two")),
    ],
    [
      "an adapter that is a link",
      (folder) => (rmSync(at("cycle-1/adapter"), { recursive: true }), symlinkSync(folder, at("cycle-1/adapter"))),
      (opened) => opened.readCheckpoint(1, "fineTuning"),
    ],
    [
      "a link among the adapter's files",
      (folder) => (
        rmSync(at("cycle-1/adapter/spec.json")),
        symlinkSync(join(folder, "canary"), at("cycle-1/adapter/spec.json"))
      ),
      (opened) => opened.hashFiles("cycle-1/adapter"),
    ],
    [
      "a pipe",
      () => (rmSync(at("cycle-1/references.json")), void execFileSync("mkfifo", [at("cycle-1/references.json")])),
      (opened) => opened.readCheckpoint(1, "references"),
    ],
    [
      "a superseded folder that is a link",
      (folder) => symlinkSync(folder, at("cycle-1/superseded")),
      (opened) => opened.supersede(1, "references"),
    ],
    [
      "a report that is a link",
      (folder) => symlinkSync(join(folder, "canary"), at("report.md")),
      (opened) => opened.writeFile("report.md", "x"),
    ],
  ])("%s", async (_name, plant, use) => {
    const folder = outside();
    const before = readdirSync(folder);
    plant(folder);
    const error = await caught(use(run));
    expect(error.code).toBe("E_PATH_OUTSIDE");
    expect(readdirSync(folder)).toEqual(before);
    expect(readFileSync(join(folder, "canary"), "utf8")).toBe("untouched");
  });

  it.each<[string, (folder: string) => void]>([
    ["the journal", (folder) => symlinkSync(join(folder, "canary"), at("journal.jsonl"))],
    ["the journal, by a hard link", (folder) => linkSync(join(folder, "canary"), at("journal.jsonl"))],
    ["the events", (folder) => symlinkSync(join(folder, "canary"), at("events.jsonl"))],
    ["run.json", (folder) => symlinkSync(join(folder, "canary"), at("run.json"))],
    ["a cycle", (folder) => symlinkSync(folder, at("cycle-3"))],
    ["the locks", (folder) => symlinkSync(folder, join(root, "locks"))],
    ["the run", (folder) => symlinkSync(folder, at("."))],
  ])("a run is not opened through a link at %s", async (name, plant) => {
    await run.close();
    const folder = outside();
    for (const path of ["journal.jsonl", "events.jsonl", "run.json"])
      if (name.startsWith("the journal") || !path.startsWith("journal")) rmSync(at(path), { force: true });
    if (name !== "run.json" && name !== "the run") writeFileSync(at("run.json"), encodeRunFile(fakeRunFile()));
    if (name === "the locks") rmSync(join(root, "locks"), { recursive: true });
    if (name === "the run") rmSync(at("."), { recursive: true });
    plant(folder);
    const files = faultyFiles();
    const error = await caught(createCheckpointStore(root, { files }).open("run-1"));
    expect(error.code).toBe("E_PATH_OUTSIDE");
    expect(files.operations.filter(({ path }) => !path.startsWith(root))).toEqual([]);
    expect(readFileSync(join(folder, "canary"), "utf8")).toBe("untouched");
  });
});
