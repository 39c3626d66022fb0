import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { UserError } from "../../src/protocol/errors.ts";
import { decodeCheckpoint, decodeRunFile, encodeCheckpoint, encodeRunFile } from "../../src/pipeline/adapters/checkpointFile.ts";
import { createCheckpointStore } from "../../src/pipeline/adapters/checkpointStore.ts";
import type { FileRunStore } from "../../src/pipeline/adapters/runStore.ts";
import { hashOf } from "../../src/pipeline/hash.ts";
import type { CheckpointFrame } from "../../src/protocol/run.ts";
import { adapterContent, adapterFiles, fakeFrame, fakeStages } from "../fakes/checkpoints.ts";
import { faultyFiles } from "../fakes/faultyFiles.ts";
import { mutate } from "../fakes/mutator.ts";
import { pick, seededRandom } from "../fakes/random.ts";
import { fakeRunFile, freshFolder } from "../fakes/runs.ts";

let root: string;
let run: FileRunStore;
const at = (path: string) => join(root, "runs", "run-1", path);

const caught = async (work: Promise<unknown>): Promise<UserError> => {
  const error = await work.then(() => null, (each: unknown) => each);
  expect(error).toBeInstanceOf(UserError);
  return error as UserError;
};
const quarantined = () => readdirSync(at(".")).includes("quarantine") ? readdirSync(at("quarantine")) : [];

afterEach(() => run.close().catch(() => {}));

beforeEach(async () => {
  root = freshFolder();
  run = await createCheckpointStore(root).create(fakeRunFile());
  mkdirSync(at("cycle-1/adapter"), { recursive: true });
  for (const file of adapterFiles) writeFileSync(at(`cycle-1/adapter/${file}`), adapterContent(file, "one"));
  for (const stage of fakeStages) await run.writeCheckpoint(fakeFrame("run-1", 1, stage, "one"));
});

it("500 mutated checkpoints: a named error or proof of no difference, and nothing is deleted", async () => {
  const random = seededRandom(42);
  const outcomes = { error: 0, same: 0, older: 0 };
  for (let round = 0; round < 500; round++) {
    const stage = pick(random, fakeStages);
    const path = at(`cycle-1/${stage}.json`);
    const original = readFileSync(path);
    const frame = fakeFrame("run-1", 1, stage, "one");
    const older = fakeFrame("run-1", 1, stage, "older");
    const stored = (each: CheckpointFrame) => Buffer.from(encodeCheckpoint({ frame: each, attempt: 0 }));
    const sibling = fakeFrame("run-1", 1, pick(random, fakeStages.filter((id) => id !== stage)), "one");
    const mutated = mutate(original, random, { older: stored(older), foreign: stored(fakeFrame("run-2", 1, stage, "one")), sibling: stored(sibling) });
    writeFileSync(path, mutated.bytes);
    const before = quarantined().length;
    const what = `${mutated.kind} in round ${round}`;
    const result = await run.readCheckpoint(1, stage).catch((error: unknown) => error);
    if (result instanceof UserError) {
      outcomes.error += 1;
      if (mutated.kind === "olderCopy") expect(result.code, what).toMatch(/^E_ARTEFACT_/);
      else expect(result.code, what).toMatch(/^E_CKPT_(CORRUPT|SCHEMA|NEWER)$/);
      expect(result.message, what).toContain("cycle-1/");
      if (result.code === "E_CKPT_NEWER" || mutated.kind === "olderCopy") expect(readFileSync(path)).toEqual(mutated.bytes);
      else {
        const [file, reason] = quarantined().slice(before);
        expect(readFileSync(at(`quarantine/${file}`)), what).toEqual(mutated.bytes);
        expect(JSON.parse(readFileSync(at(`quarantine/${reason}`), "utf8"))).toMatchObject({ code: result.code, reason: result.message });
      }
    } else {
      expect(result, what).not.toBeInstanceOf(Error);
      const read = (result as { frame: CheckpointFrame }).frame;
      // An older copy is whole; that it is not the newest shows in its fingerprint, which is what the runner goes by.
      if (mutated.kind === "olderCopy") {
        expect(read).toEqual(older);
        expect(read.fingerprint).not.toBe(frame.fingerprint);
        outcomes.older += 1;
      } else {
        expect(read, what).toEqual(frame);
        outcomes.same += 1;
      }
    }
    writeFileSync(path, original);
  }
  expect(Object.prototype).not.toHaveProperty("polluted");
  expect(outcomes.error + outcomes.same + outcomes.older).toBe(500);
  expect(outcomes.error).toBeGreaterThan(380);
});

it("200 mutated run files: a named error or proof of no difference", () => {
  const random = seededRandom(7);
  const file = fakeRunFile();
  const bytes = Buffer.from(encodeRunFile(file));
  const others = { older: Buffer.from(""), foreign: Buffer.from(encodeRunFile(fakeRunFile({}, "run-2"))), sibling: Buffer.from("{}") };
  let errors = 0;
  for (let round = 0; round < 200; round++) {
    const mutated = mutate(bytes, random, others);
    try {
      expect(decodeRunFile(mutated.bytes, "run-1", "run.json"), mutated.kind).toEqual(file);
    } catch (error) {
      expect((error as UserError).code, `${mutated.kind}: ${String(error)}`).toMatch(/^E_CKPT_/);
      errors += 1;
    }
  }
  expect(errors).toBeGreaterThan(140);
});

describe("valid JSON of another kind is named with the field", () => {
  const expected = { run: "run-1", cycle: 1, stage: "references" } as const;
  const decoded = (change: (text: string) => string): UserError => {
    const text = encodeCheckpoint({ frame: fakeFrame("run-1", 1, "references", "one"), attempt: 0 });
    expect(change(text)).not.toBe(text);
    try {
      decodeCheckpoint(Buffer.from(change(text)), expected, "references.json");
    } catch (error) {
      return error as UserError;
    }
    throw new Error("it was accepted");
  };

  it.each([
    ["a wrong type", (text: string) => text.replace('"seconds": 12.5', '"seconds": "12.5"'), "seconds: "],
    ["a wrong type in the output", (text: string) => text.replace('"line": 3', '"line": -3'), "output.references.f1.quotes.0.line: "],
    ["an extra key", (text: string) => text.replace('"run":', '"!!python/object": "os.system",\n  "run":'), "!!python/object: "],
    ["__proto__", (text: string) => text.replace('"teacher": "fake"', '"__proto__": {"polluted": 1}'), "the key __proto__ is not allowed at models.__proto__"],
    ["an escaped __proto__", (text: string) => text.replace('"teacher": "fake"', '"\\u005f_proto__": {"polluted": 1}'), "the key __proto__ is not allowed at models.__proto__"],
    ["a key twice", (text: string) => text.replace('"seed": 42', '"seed": 42, "seed": 42'), "the key params.seed stands there twice"],
    ["a key twice, once escaped", (text: string) => text.replace('"seed": 42', '"seed": 42, "\\u0073eed": 42'), "the key params.seed stands there twice"],
    ["a number too large", (text: string) => text.replace('"seed": 42', '"seed": 1e400'), "the number at params.seed is too large"],
    ["deep nesting", (text: string) => text.replace('"seed": 42', `"seed": ${"[".repeat(10_000)}${"]".repeat(10_000)}`), "nested more than 64 deep at params.seed.0"],
    ["deep nesting of objects", (text: string) => text.replace('"seed": 42', `"seed": ${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`), "nested more than 64 deep at params.seed.a"],
    ["no object", () => "[]", "does not hold an object"],
  ])("%s", (_name, change, said) => {
    const error = decoded(change);
    expect(error.code).toBe("E_CKPT_SCHEMA");
    expect(error.message).toContain(said);
    expect({}).not.toHaveProperty("polluted");
  });

  it("a newer version is left alone and listed as newer", async () => {
    const path = at("cycle-1/references.json");
    const newer = readFileSync(path, "utf8").replace('"version": 1', '"version": 2');
    writeFileSync(path, newer);
    const error = await caught(run.readCheckpoint(1, "references"));
    expect([error.code, error.message]).toEqual(["E_CKPT_NEWER", "cycle-1/references.json was written by a later version of Distillery (format 2; this one knows up to 1)."]);
    expect([readFileSync(path, "utf8"), quarantined()]).toEqual([newer, []]);
    expect((await run.list()).find(({ stage }) => stage === "references")?.state).toBe("newer");
  });

  it("two checkpoints in each other's place are told apart", async () => {
    renameSync(at("cycle-1/baselineAnswers.json"), at("x"));
    renameSync(at("cycle-1/tunedAnswers.json"), at("cycle-1/baselineAnswers.json"));
    expect((await caught(run.readCheckpoint(1, "baselineAnswers"))).message).toBe("cycle-1/baselineAnswers.json holds the tunedAnswers of cycle 1.");
  });
});

describe("paths that lead out of the run", () => {
  const hostile = ["../secret", "/etc/passwd", "a/../../b", "C:/x", "C:x", "\\\\host\\share", "a\\b", "a\0b", "a//b", "./a", "", "con", "aux.txt", "nul", "lpt1.json", "a.", "a ", "x".repeat(401), "a/b/".repeat(20), "file:stream", "a\nb"];

  it.each(hostile)("%j is refused wherever a checkpoint or a caller names it", async (path) => {
    const frame = fakeFrame("run-1", 1, "fineTuning", "one");
    const named = structuredClone(frame) as CheckpointFrame & { output: { adapter: { folder: string; files: Record<string, string> } } };
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
    ["a checkpoint that is a link", (folder) => (rmSync(at("cycle-1/references.json")), symlinkSync(join(folder, "references.json"), at("cycle-1/references.json"))), (opened) => opened.readCheckpoint(1, "references")],
    ["a checkpoint with a second name", (folder) => (rmSync(at("cycle-1/references.json")), linkSync(join(folder, "references.json"), at("cycle-1/references.json"))), (opened) => opened.readCheckpoint(1, "references")],
    ["a dangling link", () => (rmSync(at("cycle-1/references.json")), symlinkSync("/nowhere/at/all", at("cycle-1/references.json"))), (opened) => opened.writeCheckpoint(fakeFrame("run-1", 1, "references", "two"))],
    ["a cycle that is a link", (folder) => symlinkSync(folder, at("cycle-2")), (opened) => opened.writeCheckpoint(fakeFrame("run-1", 2, "references", "two"))],
    ["an adapter that is a link", (folder) => (rmSync(at("cycle-1/adapter"), { recursive: true }), symlinkSync(folder, at("cycle-1/adapter"))), (opened) => opened.readCheckpoint(1, "fineTuning")],
    ["a link among the adapter's files", (folder) => (rmSync(at("cycle-1/adapter/spec.json")), symlinkSync(join(folder, "canary"), at("cycle-1/adapter/spec.json"))), (opened) => opened.hashFiles("cycle-1/adapter")],
    ["a pipe", () => (rmSync(at("cycle-1/references.json")), void execFileSync("mkfifo", [at("cycle-1/references.json")])), (opened) => opened.readCheckpoint(1, "references")],
    ["a superseded folder that is a link", (folder) => symlinkSync(folder, at("cycle-1/superseded")), (opened) => opened.supersede(1, "references")],
    ["a report that is a link", (folder) => symlinkSync(join(folder, "canary"), at("report.md")), (opened) => opened.writeFile("report.md", "x")],
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
    for (const path of ["journal.jsonl", "events.jsonl", "run.json"]) if (name.startsWith("the journal") || !path.startsWith("journal")) rmSync(at(path), { force: true });
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
