import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { show } from "../../src/cli/commands/show.ts";
import type { CliContext } from "../../src/cli/context.ts";
import { ledgerText } from "../../src/cli/ledgerTable.ts";
import type { CommandLine } from "../../src/cli/options.ts";
import { hashOf } from "../../src/pipeline/hash.ts";
import { checkExtends, ledgerOf, looksSentence, sealOf } from "../../src/pipeline/ledger.ts";
import { rerunFrom } from "../../src/pipeline/run.ts";
import type { Question } from "../../src/protocol/model.ts";
import { fakeParts } from "../fakes/parts.ts";
import { fakeRunFile, freshFolder, openRun, play } from "../fakes/runs.ts";

const question = (id: string, cycle: number, over: Partial<Question> = {}): Question => ({
  id,
  family: id.slice(0, 6),
  cycle,
  topic: "Mill",
  section: "mill-part-1",
  text: `What is ${id}?`,
  tier: "train",
  part: "none",
  origin: "sentence",
  ...over,
});
const first = [
  question("c1-f01-t1", 1, { part: "test" }),
  question("c1-f01-r1", 1, { tier: "reworded", part: "dev" }),
  question("c1-f01-r2", 1, { tier: "reworded", part: "test" }),
];
const second = [...first, question("c2-f01-t1", 2)];

describe("ledgerOf", () => {
  it("tells in which cycles a question was trained and tested", () => {
    const lives = (done: number) =>
      ledgerOf({ questions: second, excluded: [] }, done, 3).map(({ trained, tested }) => [trained, tested]);
    expect(lives(2)).toEqual([
      [[1, 2], []],
      [[], [1, 2]],
      [[], []],
      [[2], []],
    ]);
    expect(lives(3)).toEqual([
      [[1, 2, 3], [3]],
      [[], [1, 2, 3]],
      [[], [3]],
      [[2, 3], []],
    ]);
  });

  it("is a table for the terminal, one line a question", () => {
    const excluded = [{ ...question("c1-f02-t1", 1, { part: "test" }), reason: "not in the text" }];
    const lines = ledgerText(ledgerOf({ questions: second, excluded }, 3, 3)).split("\n");
    expect(lines).toHaveLength(2 + second.length + 1);
    expect(lines.at(-1)).toMatch(/^c1-f02-t1 +train +test +1 +– +taken out /);
    expect(lines[3]).toMatch(/^c1-f01-r1 +reworded +dev +1 +– +1,2,3 +sentence +mill-part-1 +What is c1-f01-r1\?$/);
  });
});

describe("a sealed ledger", () => {
  it("may be extended", () => {
    expect(() => checkExtends(sealOf(first), first, second)).not.toThrow();
  });

  it.each<[string, Question[]]>([
    ["another wording", second.map((each) => (each.id === "c1-f01-r2" ? { ...each, text: "Who?" } : each))],
    ["another tier", second.map((each) => (each.id === "c1-f01-r2" ? { ...each, tier: "train" as const } : each))],
    ["another part", second.map((each) => (each.id === "c1-f01-r2" ? { ...each, part: "dev" as const } : each))],
    ["a question less", second.filter(({ id }) => id !== "c1-f01-r2")],
  ])("refuses %s and names the question", (_, changed) => {
    expect(() => checkExtends(sealOf(first), first, changed)).toThrow(
      expect.objectContaining({ code: "E_LEDGER", message: expect.stringContaining("c1-f01-r2") }),
    );
  });
});

describe("a run", () => {
  it("seals every cycle's questions and keeps the whole ledger in its report", async () => {
    const root = freshFolder();
    const settings = { cycles: 2, questions: 4 };
    await play(root, fakeRunFile(settings));
    const store = await openRun(root, fakeRunFile(settings));
    const seals = [];
    for (const cycle of [1, 2]) {
      const questions = (await store.readCheckpoint(cycle, "questions"))?.output.questions ?? [];
      expect((await store.readCheckpoint(cycle, "comparison"))?.output.seal).toEqual(sealOf(questions));
      seals.push(questions.length);
    }
    await store.close();
    const report = JSON.parse(readFileSync(join(root, "runs/run-1/report.json"), "utf8"));
    expect(report.ledger).toHaveLength(seals[1] ?? 0);
    expect(report.ledger[0]).toMatchObject({ made: 1, trained: [1, 2], tested: [2] });
  });

  it("does not compare a later cycle in which an earlier question was changed", async () => {
    const root = freshFolder();
    const settings = { cycles: 2, questions: 4 };
    await play(root, fakeRunFile(settings));
    const store = await openRun(root, fakeRunFile(settings));
    const frame = (await store.readCheckpoint(2, "questions"))?.frame;
    if (!frame) throw new Error("no questions");
    const output = structuredClone(frame.output) as { questions: Question[] };
    const changed = output.questions.find(({ part }) => part === "dev") as Question;
    changed.text = "Something easier?";
    await store.writeCheckpoint({ ...frame, output: output as never, outputHash: hashOf(output) });
    await store.close();
    await expect(play(root, fakeRunFile(settings))).rejects.toMatchObject({
      code: "E_LEDGER",
      message: expect.stringContaining(changed.id),
    });
  });
});

it("a ledger is shown by `distillery show --ledger`, and as JSON", async () => {
  const out = freshFolder();
  await play(join(out, ".distillery"), fakeRunFile({ questions: 4 }));
  const said = async (flags: CommandLine["flags"]) => {
    let text = "";
    const stdout = { write: (more: string) => ((text += more), true) } as unknown as CliContext["stdout"];
    const context = { stdout, stderr: stdout } as CliContext;
    expect(await show({ flags: { out, ledger: true, ...flags }, positionals: ["run-1"] }, context)).toBe(0);
    return text;
  };
  expect(await said({})).toMatch(/c1-f01-r1 +reworded +test +1 +– +1 /);
  expect(await said({})).toContain("The test part was looked at once.");
  expect(JSON.parse(await said({ json: true })).ledger[0]).toMatchObject({
    id: "c1-f01-t1",
    trained: [1],
    tested: [1],
  });
});

describe("looks at the test part", () => {
  const looksOf = async (root: string) => {
    const store = await openRun(root, fakeRunFile());
    await store.close();
    return store.file.looks?.length ?? 0;
  };

  it("are counted each time its results are computed anew, and told from the second on", async () => {
    const root = freshFolder();
    const once = await play(root, fakeRunFile());
    expect(await looksOf(root)).toBe(1);
    expect(once.events.some((event) => event.type === "notice" && event.text.includes("looked at"))).toBe(false);
    const report = () => readFileSync(join(root, "runs/run-1/report.md"), "utf8");
    expect(report()).toContain("the test part was looked at once");
    await play(root, fakeRunFile());
    expect(await looksOf(root)).toBe(1);

    const store = await openRun(root, fakeRunFile());
    await rerunFrom(store, 1, "tunedEvaluation");
    await store.close();
    const again = await play(root, fakeRunFile());
    expect(await looksOf(root)).toBe(2);
    expect(again.events).toContainEqual({ type: "notice", text: looksSentence(2) });
    expect(report()).toContain(`**${looksSentence(2)}**`);
  });

  it("count once when the same work is done again after a stop, and never before the last cycle", async () => {
    const root = freshFolder();
    const file = fakeRunFile({ cycles: 2, questions: 4 });
    const parts = fakeParts();
    const stop = new AbortController();
    await expect(
      play(root, file, {
        parts,
        signal: stop.signal,
        onEvent: (event) => {
          if (event.type === "stageStarted" && event.cycle === 2) stop.abort();
        },
      }),
    ).rejects.toMatchObject({ code: "E_STOPPED" });
    const store = await openRun(root, file);
    expect(store.file.looks).toBeUndefined();
    await store.close();
    await play(root, file);
    const after = await openRun(root, file);
    // As after a crash between the note and the checkpoint.
    await after.supersede(2, "comparison");
    await after.close();
    await play(root, file);
    const last = await openRun(root, file);
    expect(last.file.looks).toHaveLength(1);
    await last.close();
  });
});
