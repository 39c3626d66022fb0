import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { UserError } from "../../src/protocol/errors.ts";
import { createCheckpointStore } from "../../src/pipeline/adapters/checkpointStore.ts";
import type { FileRunStore } from "../../src/pipeline/adapters/runStore.ts";
import { adapterContent, adapterFiles, fakeFrame } from "../fakes/checkpoints.ts";
import { fakeRunFile, freshFolder } from "../fakes/runs.ts";

let root: string;
let run: FileRunStore;
let notices: string[];
const store = () => createCheckpointStore(root, { onNotice: (text) => notices.push(text) });
const reopen = async () => {
  await run.close();
  run = await store().open("run-1");
};
const at = (path: string) => join(root, "runs", "run-1", path);
const text = (path: string) => readFileSync(at(path), "utf8");

function writeAdapter(cycle: number, mark: string) {
  mkdirSync(at(`cycle-${cycle}/adapter`), { recursive: true });
  for (const file of adapterFiles) writeFileSync(at(`cycle-${cycle}/adapter/${file}`), adapterContent(file, mark));
}

const code = async (work: Promise<unknown>): Promise<string> => {
  const error = await work.then(
    () => null,
    (each: unknown) => each,
  );
  expect(error).toBeInstanceOf(UserError);
  return (error as UserError).code;
};

afterEach(() => run.close().catch(() => {}));

beforeEach(async () => {
  root = freshFolder();
  notices = [];
  run = await store().create(fakeRunFile());
});

describe("a run on disk", () => {
  it("gives back its settings, items, checkpoints and events after reopening", async () => {
    const frame = fakeFrame("run-1", 1, "references", "one");
    await run.addItem("references", "key", { text: "Über" });
    await run.writeCheckpoint(frame);
    await run.updateFile((file) => ({ ...file, attempts: { "1/references": 2 } }));
    run.appendEvent({ type: "notice", text: "a" });
    await run.writeFile("report.md", "# Report\n");
    await reopen();
    run.appendEvent({ type: "notice", text: "b" });
    expect(run.item("key")).toEqual({ text: "Über" });
    expect(await run.readCheckpoint(1, "references")).toEqual({ frame, output: frame.output });
    expect(await run.readCheckpoint(2, "references")).toBeNull();
    expect(run.file.attempts).toEqual({ "1/references": 2 });
    await run.close();
    expect(
      text("events.jsonl")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).text),
    ).toEqual(["a", "b"]);
    expect([text("report.md"), notices]).toEqual(["# Report\n", []]);
    expect(readdirSync(join(root, "locks", "run-1"))).toEqual([]);
  });

  it("has sorted keys, ends with a newline, and names no absolute path", async () => {
    await run.writeCheckpoint(fakeFrame("run-1", 1, "baselineAnswers", "one"));
    const written = text("cycle-1/baselineAnswers.json");
    expect(Object.keys(JSON.parse(written) as object)).toEqual(Object.keys(JSON.parse(written) as object).sort());
    expect(written.endsWith("}\n")).toBe(true);
    expect(written + text("run.json") + text("journal.jsonl")).not.toContain(root);
  });

  it("is locked for a second window, which can still look", async () => {
    await run.writeCheckpoint(fakeFrame("run-1", 1, "references", "one"));
    expect(await code(store().open("run-1"))).toBe("E_RUN_LOCKED");
    expect((await store().runs()).map(({ id }) => id)).toEqual(["run-1"]);
    expect((await store().checkpoints("run-1")).map(({ state }) => state)).toEqual(["ok"]);
  });

  it("is unknown under other names, and is not made twice", async () => {
    for (const id of ["run-2", "../run-1", "", "RUN-1", "a/b"])
      expect(await code(store().open(id))).toBe("E_RUN_UNKNOWN");
    expect(await code(store().create(fakeRunFile()))).toBe("E_SETTINGS");
  });

  it("refuses what it could not read back: another hash, another run, a shape of its own, NaN", async () => {
    const frame = fakeFrame("run-1", 1, "references", "one");
    await expect(run.writeCheckpoint({ ...frame, outputHash: "0".repeat(64) })).rejects.toThrow(TypeError);
    await expect(run.writeCheckpoint({ ...frame, seconds: Number.NaN })).rejects.toThrow();
    await expect(run.writeCheckpoint(fakeFrame("run-2", 1, "references", "one"))).rejects.toThrow("run-2");
    await expect(run.writeCheckpoint({ ...frame, output: { teacher: 1 } })).rejects.toThrow();
    expect(readdirSync(at("."))).not.toContain("cycle-1");
  });

  it("lists runs newest first, damaged ones with the reason, half-made ones not at all", async () => {
    await (await store().create({ ...fakeRunFile({}, "run-2"), created: "2026-02-01T10:00:00.000Z" })).close();
    await (await store().create(fakeRunFile({}, "run-3"))).close();
    writeFileSync(join(root, "runs/run-3/run.json"), "{");
    mkdirSync(join(root, "runs/.run-4.0123456789ab.tmp"));
    const runs = await store().runs();
    expect(runs.map(({ id }) => id)).toEqual(["run-2", "run-1", "run-3"]);
    expect(runs[2]).toMatchObject({ reason: expect.stringContaining("E_CKPT_CORRUPT") });
  });

  it("deletes what a dead writer left unfinished, and nothing else", async () => {
    await run.writeCheckpoint(fakeFrame("run-1", 1, "references", "one"));
    for (const name of ["run.json.0123456789ab.tmp", "cycle-1/references.json.0123456789ab.tmp", "notes.tmp"])
      writeFileSync(at(name), "half");
    await reopen();
    expect(readdirSync(at(".")).filter((name) => name.endsWith(".tmp"))).toEqual(["notes.tmp"]);
    expect(readdirSync(at("cycle-1"))).toEqual(["references.json"]);
  });

  it("uses the journal's copy when run.json is damaged or gone, and keeps the damaged one", async () => {
    await run.updateFile((file) => ({ ...file, attempts: { "1/questions": 3 } }));
    await run.close();
    writeFileSync(at("run.json"), text("run.json").replace('"seed": 42', '"seed": 43'));
    run = await store().open("run-1");
    expect([run.file.attempts, run.file.settings.seed]).toEqual([{ "1/questions": 3 }, 42]);
    expect(notices).toEqual([
      "E_CKPT_CORRUPT: run.json does not match its own checksum. Its copy in the journal was used.",
    ]);
    expect(readdirSync(at("quarantine")).some((name) => name.endsWith("run.json"))).toBe(true);
    await run.close();
    rmSync(at("run.json"));
    run = await store().open("run-1");
    expect(run.file.attempts).toEqual({ "1/questions": 3 });
  });

  it("moves to another place as a folder and works there", async () => {
    await run.writeCheckpoint(fakeFrame("run-1", 1, "references", "one"));
    await run.close();
    const moved = freshFolder();
    mkdirSync(join(moved, "runs"));
    renameSync(at("."), join(moved, "runs", "run-1"));
    run = await createCheckpointStore(moved).open("run-1");
    expect(await run.readCheckpoint(1, "references")).not.toBeNull();
  });
});

describe("the adapter of a fine-tuning", () => {
  beforeEach(async () => {
    writeAdapter(1, "one");
    await run.writeCheckpoint(fakeFrame("run-1", 1, "fineTuning", "one"));
    await run.writeCheckpoint(fakeFrame("run-1", 1, "references", "one"));
  });

  it("must be there in full before its checkpoint is acknowledged", async () => {
    expect(await code(run.writeCheckpoint(fakeFrame("run-1", 2, "fineTuning", "two")))).toBe("E_ARTEFACT_MISSING");
    writeAdapter(2, "other");
    expect(await code(run.writeCheckpoint(fakeFrame("run-1", 2, "fineTuning", "two")))).toBe("E_ARTEFACT_MISMATCH");
    expect(readdirSync(at("cycle-2"))).toEqual(["adapter"]);
  });

  it("is hashed by its files' relative paths", async () => {
    const hashes = await run.hashFiles("cycle-1/adapter");
    const frame = fakeFrame("run-1", 1, "fineTuning", "one");
    expect(hashes).toEqual((frame.output as { adapter: { files: object } }).adapter.files);
    expect(await run.hashFiles("cycle-7/adapter")).toEqual({});
  });

  it("missing or replaced is named; the checkpoint stays and so do the others", async () => {
    const before = text("cycle-1/fineTuning.json");
    writeAdapter(1, "another run's");
    expect(await code(run.readCheckpoint(1, "fineTuning"))).toBe("E_ARTEFACT_MISMATCH");
    rmSync(at("cycle-1/adapter/adapter.gguf"));
    expect(await code(run.readCheckpoint(1, "fineTuning"))).toBe("E_ARTEFACT_MISSING");
    expect(text("cycle-1/fineTuning.json")).toBe(before);
    expect(await run.readCheckpoint(1, "references")).not.toBeNull();
    // Merely listing hashes no adapter.
    expect((await store().checkpoints("run-1")).map(({ stage, state }) => [stage, state])).toEqual([
      ["references", "ok"],
      ["fineTuning", "ok"],
    ]);
  });
});

it("a place where no folder can be made is told before anything is written", async () => {
  const file = join(freshFolder(), "file");
  writeFileSync(file, "kept");
  await expect(createCheckpointStore(join(file, "below")).create(fakeRunFile())).rejects.toMatchObject({
    code: "E_STORAGE",
    message: expect.stringContaining("the run folder could not be saved: a file stands where a folder belongs"),
  });
  expect(readFileSync(file, "utf8")).toBe("kept");
});

describe("superseded checkpoints", () => {
  it("are listed and come back byte for byte, with their adapter and their count of attempts", async () => {
    writeAdapter(1, "one");
    await run.writeCheckpoint(fakeFrame("run-1", 1, "fineTuning", "one"));
    const first = text("cycle-1/fineTuning.json");
    await run.supersede(1, "fineTuning");
    expect(readdirSync(at("cycle-1"))).toEqual(["superseded"]);
    await run.updateFile((file) => ({ ...file, attempts: { "1/fineTuning": 1 } }));
    writeAdapter(1, "two");
    await run.writeCheckpoint(fakeFrame("run-1", 1, "fineTuning", "two"));
    const second = text("cycle-1/fineTuning.json");

    const [entry] = await run.listSuperseded();
    expect(entry).toMatchObject({
      cycle: 1,
      stage: "fineTuning",
      file: expect.stringMatching(/^cycle-1\/superseded\/\d{8}t\d{9}z-fineTuning\.json$/),
    });
    await run.restoreSuperseded(entry?.file ?? "");
    expect(text("cycle-1/fineTuning.json")).toBe(first);
    expect(await run.readCheckpoint(1, "fineTuning")).not.toBeNull();
    expect(run.file.attempts).toEqual({ "1/fineTuning": 0 });

    const [other] = await run.listSuperseded();
    await run.restoreSuperseded(other?.file ?? "");
    expect(text("cycle-1/fineTuning.json")).toBe(second);
    expect(text("cycle-1/adapter/adapter.gguf")).toBe(adapterContent("adapter.gguf", "two"));
    expect(run.file.attempts).toEqual({ "1/fineTuning": 1 });
  });

  it("are made as well when a checkpoint is written over another; nothing is ever replaced for good", async () => {
    for (const mark of ["one", "two", "three"]) await run.writeCheckpoint(fakeFrame("run-1", 2, "references", mark));
    const listed = await run.listSuperseded();
    expect(listed.map(({ stage }) => stage)).toEqual(["references", "references"]);
    expect(listed.map(({ file }) => JSON.parse(text(file)).params.mark)).toEqual(["two", "one"]);
  });

  it("do not come back damaged, unknown or from outside, and then nothing moves", async () => {
    await run.writeCheckpoint(fakeFrame("run-1", 1, "references", "one"));
    await run.supersede(1, "references");
    await run.writeCheckpoint(fakeFrame("run-1", 1, "references", "two"));
    const present = text("cycle-1/references.json");
    const file = (await run.listSuperseded())[0]?.file ?? "";
    writeFileSync(at(file), text(file).replace("Über one", "Über 0ne"));
    expect(await code(run.restoreSuperseded(file))).toBe("E_CKPT_CORRUPT");
    expect(await code(run.restoreSuperseded("cycle-1/superseded/20200101t000000000z-references.json"))).toBe("E_USAGE");
    expect(await code(run.restoreSuperseded("cycle-1/references.json"))).toBe("E_USAGE");
    expect(await code(run.restoreSuperseded("../run-2/cycle-1/superseded/20200101t000000000z-references.json"))).toBe(
      "E_PATH_OUTSIDE",
    );
    expect(text("cycle-1/references.json")).toBe(present);
  });

  it("keep a training that was stopped on the way", async () => {
    writeAdapter(1, "one");
    await run.writeCheckpoint(fakeFrame("run-1", 1, "fineTuning", "one"));
    await run.supersede(1, "fineTuning");
    writeAdapter(1, "unfinished");
    await run.restoreSuperseded((await run.listSuperseded())[0]?.file ?? "");
    expect(await run.readCheckpoint(1, "fineTuning")).not.toBeNull();
    expect(readdirSync(at("cycle-1/superseded"))).toEqual([expect.stringMatching(/-unfinished$/)]);
  });
});

it("lists 10,000 checkpoints by name without opening one, and entries one at a time", async () => {
  await run.close();
  const stages = [
    "baselineAnswers",
    "baselineEvaluation",
    "comparison",
    "fineTuning",
    "questions",
    "references",
    "tunedAnswers",
    "tunedEvaluation",
  ];
  for (let index = 0; index < 125; index++)
    for (let cycle = 1; cycle <= 10; cycle++) {
      const folder = join(root, "runs", `many-${index}`, `cycle-${cycle}`);
      mkdirSync(folder, { recursive: true });
      for (const stage of stages) writeFileSync(join(folder, `${stage}.json`), "not opened");
    }
  let count = 0;
  for (let index = 0; index < 125; index++) count += (await store().names(`many-${index}`)).length;
  expect(count).toBe(10_000);
  const ofOneCycle = await store().checkpoints("many-1", 7);
  expect(ofOneCycle.map(({ cycle, stage }) => `${cycle}/${stage}`).toSorted()).toEqual(
    stages.map((stage) => `7/${stage}`),
  );
  const lazy = store().entries("many-0");
  const first = await lazy.next();
  await lazy.return(undefined);
  expect(first.value).toMatchObject({
    cycle: 1,
    stage: "questions",
    state: "damaged",
    reason: expect.stringContaining("E_CKPT_CORRUPT"),
  });
  expect(text("../many-0/cycle-1/questions.json")).toBe("not opened");
});
