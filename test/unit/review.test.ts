import { existsSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createCheckpointStore } from "../../src/pipeline/adapters/checkpointStore.ts";
import { hashOf } from "../../src/pipeline/hash.ts";
import { probeQuestions } from "../../src/pipeline/probe.ts";
import { decide, judged, reviewable, reviewRows, type Reviewable, type Verdict } from "../../src/pipeline/review.ts";
import { review } from "../../src/cli/commands/review.ts";
import { stale } from "../../src/cli/commands/stale.ts";
import type { CommandLine } from "../../src/cli/options.ts";
import type { Knowledge } from "../../src/protocol/model.ts";
import { fakeKnowledge, fakeParts, type FakeParts } from "../fakes/parts.ts";
import { computed, fakeRunFile, freshFolder, play } from "../fakes/runs.ts";

const afterReferences = ["baselineEvaluation", "fineTuning", "tunedAnswers", "tunedEvaluation", "comparison"];

async function outputs(root: string): Promise<Reviewable> {
  const found = reviewable(await createCheckpointStore(root).checkpoints("run-1"));
  if (!found) throw new Error("nothing was asked");
  return found;
}

async function deciding(root: string, id: string, verdict: Verdict): Promise<void> {
  const { questions, references } = await outputs(root);
  const store = await createCheckpointStore(root).open("run-1");
  await store.writeReview(decide(await store.readReview(), id, verdict, questions, references));
  await store.close();
}

const rows = async (root: string) => {
  const { questions, references } = await outputs(root);
  return reviewRows(questions, references, await createCheckpointStore(root).review("run-1"));
};
const row = async (root: string, id: string) => (await rows(root)).find((each) => each.id === id);

/** A teacher whose first answer about one family invents a number. */
function lying(about: string): FakeParts {
  const parts = fakeParts();
  const honest = parts.teacher.reference.bind(parts.teacher);
  parts.teacher.reference = async (question, section, domain, signal, again = 0) => {
    const reference = await honest(question, section, domain, signal);
    if (section.id !== about) return reference;
    return {
      ...reference,
      text: `${reference.text} ${again === 0 ? "It weighs 4711 kg." : `Honestly${"!".repeat(again)}`}`,
    };
  };
  return parts;
}

/** The section that a run with the plain settings asks a family about. */
async function sectionOf(family: string): Promise<string> {
  const root = freshFolder();
  await play(root, fakeRunFile());
  return (await outputs(root)).questions.questions.find((question) => question.family === family)?.section ?? "";
}

const comparison = async (root: string) => {
  const entries = await createCheckpointStore(root).checkpoints("run-1");
  const found = entries.find(({ stage, state }) => stage === "comparison" && state === "ok");
  return (found?.state === "ok" ? found.frame.output : null) as { perQuestion: object } | null;
};

describe("an answer with an invented claim", () => {
  it("is found, excluded, and the run goes on with only what depends on it", async () => {
    const root = freshFolder();
    const family = "c1-f03";
    const about = await sectionOf(family);
    const first = await play(root, fakeRunFile(), { parts: lying(about) });
    const { questions } = await outputs(root);
    expect(first.events.find((event) => event.type === "stageFinished" && event.stage === "references")).toMatchObject({
      summary: expect.stringContaining("1 unsupported"),
    });
    expect(await row(root, family)).toMatchObject({
      state: "unsupported",
      note: "says “4711”, which the section does not",
      pending: false,
    });

    await deciding(root, family, { action: "exclude", reason: "it invents a weight" });
    expect(await row(root, family)).toMatchObject({ state: "excluded", pending: true });
    const second = await play(root, fakeRunFile(), { parts: lying(about) });
    expect(computed(second.events).sort()).toEqual(["references", ...afterReferences].map((id) => `1/${id}`).sort());
    expect(second.parts.calls).toMatchObject({ questions: 0, references: 0, trainings: 1 });
    expect(await row(root, family)).toMatchObject({ state: "excluded", note: "it invents a weight", pending: false });

    const excluded = questions.questions.filter((question) => question.family === family).map(({ id }) => id);
    const training = (await createCheckpointStore(root).checkpoints("run-1")).find(
      ({ stage }) => stage === "fineTuning",
    );
    expect(training?.state === "ok" && (training.frame.output as { rows: number }).rows).toBe(21);
    expect(Object.keys((await comparison(root))?.perQuestion ?? {}).filter((id) => excluded.includes(id))).toEqual([]);
    const report = readFileSync(join(root, "runs/run-1/report.md"), "utf8");
    expect(report).toContain("Left out by review: 1 question family and 0 wordings");
    expect(report).toContain("c1-f03 (it invents a weight)");

    await deciding(root, family, { action: "undo" });
    const third = await play(root, fakeRunFile(), { parts: lying(about) });
    expect(third.parts.calls).toMatchObject({ questions: 0, references: 0 });
    expect(await row(root, family)).toMatchObject({ state: "unsupported", pending: false });
  });

  it("is asked for again by one request, as often as a person likes", async () => {
    const root = freshFolder();
    const about = await sectionOf("c1-f03");
    await play(root, fakeRunFile(), { parts: lying(about) });
    await deciding(root, "c1-f03", { action: "askAgain" });
    expect(await row(root, "c1-f03")).toMatchObject({ state: "asked again", pending: true });
    const again = await play(root, fakeRunFile(), { parts: lying(about) });
    expect(again.parts.calls).toMatchObject({ questions: 0, references: 1 });
    expect(await row(root, "c1-f03")).toMatchObject({ state: "open", pending: false });
    expect((await row(root, "c1-f03"))?.text).toMatch(/Honestly!$/);
    await deciding(root, "c1-f03", { action: "askAgain" });
    const twice = await play(root, fakeRunFile(), { parts: lying(about) });
    expect(twice.parts.calls).toMatchObject({ questions: 0, references: 1 });
    expect((await row(root, "c1-f03"))?.text).toMatch(/Honestly!!$/);
    expect(computed((await play(root, fakeRunFile(), { parts: lying(about) })).events)).toEqual([]);
  });
});

describe("edits", () => {
  it("a rewritten reference is the user's, trains the student, and nothing is asked or answered afresh before it", async () => {
    const root = freshFolder();
    await play(root, fakeRunFile());
    await deciding(root, "c1-f02", { action: "edit", text: "The rotor turns twice." });
    const again = await play(root, fakeRunFile());
    expect(computed(again.events).sort()).toEqual(["references", ...afterReferences].map((id) => `1/${id}`).sort());
    expect(again.parts.calls).toMatchObject({ questions: 0, references: 0 });
    const { references } = await outputs(root);
    expect(references?.references["c1-f02"]).toMatchObject({ author: "user", text: "The rotor turns twice." });
    expect(await row(root, "c1-f02")).toMatchObject({ state: "edited", note: "", pending: false });
    // Only that family's answers are scored again: of both arms, its recall wording and its rewording.
    expect(again.parts.calls.scores).toBe(4);
  });

  it("a reworded question keeps id, tier and part; only it is answered again, and its reference stays", async () => {
    const root = freshFolder();
    await play(root, fakeRunFile());
    const before = (await outputs(root)).questions.questions.find(({ id }) => id === "c1-f04-r1");
    await deciding(root, "c1-f04-r1", { action: "edit", text: "And how quickly would it go round, roughly?" });
    const again = await play(root, fakeRunFile());
    expect(again.parts.calls).toMatchObject({ questions: 0, references: 0 });
    const after = (await outputs(root)).questions.questions.find(({ id }) => id === "c1-f04-r1");
    expect(after).toEqual({
      ...before,
      text: "And how quickly would it go round, roughly?",
      original: before?.text,
    });
    // One of either arm: training on equal rows gave the same adapter, so the other tuned answers stay.
    expect(again.parts.calls.answers).toBe(2);
    expect(await row(root, "c1-f04-r1")).toMatchObject({ state: "edited", pending: false });
  });

  it("a new wording that repeats another question is not used, and said so", async () => {
    const root = freshFolder();
    await play(root, fakeRunFile());
    const { questions } = await outputs(root);
    const other = questions.questions.find(({ id }) => id === "c1-f01-t1")?.text ?? "";
    await deciding(root, "c1-f05-r1", { action: "edit", text: other });
    await play(root, fakeRunFile());
    const now = (await outputs(root)).questions;
    expect(now.questions.find(({ id }) => id === "c1-f05-r1")?.text).not.toBe(other);
    expect(now.notes).toContain("The new wording of c1-f05-r1 repeats c1-f01-t1 and is not used.");
  });
});

it("decisions are kept over cycles, and what was left out is not asked again", async () => {
  const root = freshFolder();
  const settings = { cycles: 2, questions: 4 };
  await play(root, fakeRunFile(settings));
  await deciding(root, "c1-f01-r1", { action: "edit", text: "Say it in words of your own, please?" });
  await deciding(root, "c1-f02-t2", { action: "exclude", reason: "clumsy" });
  await deciding(root, "c1-f03", { action: "exclude", reason: "trivial" });
  const again = await play(root, fakeRunFile(settings));
  expect(again.parts.calls).toMatchObject({ questions: 0, references: 0 });
  const { cycle, questions, references } = await outputs(root);
  expect(cycle).toBe(2);
  expect(questions.questions.find(({ id }) => id === "c1-f01-r1")?.text).toBe("Say it in words of your own, please?");
  expect(questions.questions.some(({ id }) => id === "c1-f02-t2")).toBe(false);
  expect(questions.excluded).toMatchObject([{ id: "c1-f02-t2", reason: "clumsy" }]);
  expect(references?.references["c1-f03"]).toMatchObject({ status: "excluded", reason: "trivial" });
  expect(new Set(questions.questions.map(({ family }) => family)).size).toBe(4 + 4 + 1);
});

it("a family whose training wordings are all left out is not tested as a trained one either", async () => {
  const root = freshFolder();
  await play(root, fakeRunFile());
  for (const wording of [1, 2, 3])
    await deciding(root, `c1-f06-t${wording}`, { action: "exclude", reason: "off the subject" });
  const again = await play(root, fakeRunFile());
  // The student trained anew answers what is left, and the probe.
  const answers = 16 + probeQuestions.length;
  expect(again.parts.calls).toMatchObject({ questions: 0, references: 0, answers, trainings: 1 });
  const { questions, references } = await outputs(root);
  expect(questions.excluded.map(({ id, reason }) => `${id}: ${reason}`)).toEqual([
    "c1-f06-t1: off the subject",
    "c1-f06-t2: off the subject",
    "c1-f06-t3: off the subject",
    "c1-f06-r1: no training wording of its family is left",
  ]);
  expect(references?.references["c1-f06"]).toBeUndefined();
});

describe("review.json", () => {
  it("is honoured as a person wrote it, and never acts on another text", async () => {
    const root = freshFolder();
    await play(root, fakeRunFile());
    const { references } = await outputs(root);
    const decisions = {
      "c1-f01": { action: "exclude", of: judged(references?.references["c1-f01"]?.text ?? ""), reason: "by hand" },
      "c1-f02": { action: "exclude", of: judged("another text"), reason: "by accident" },
    };
    const file = { schema: "distillery-review", version: 1, decisions, askedAgain: {} };
    writeFileSync(join(root, "runs/run-1/review.json"), `\uFEFF${JSON.stringify(file)}`);
    const { events } = await play(root, fakeRunFile());
    expect(await row(root, "c1-f01")).toMatchObject({ state: "excluded", note: "by hand" });
    expect(await row(root, "c1-f02")).toMatchObject({ state: "open" });
    expect(events).toContainEqual({
      type: "notice",
      text: "What was decided about c1-f02 was about another answer and is not applied.",
    });
  });

  it.each([
    ["no JSON", "{"],
    [
      "another shape",
      '{"schema":"distillery-review","version":1,"decisions":{"c1-f01":{"action":"praise"}},"askedAgain":{}}',
    ],
    ["a key twice", '{"schema":"distillery-review","version":1,"version":1,"decisions":{},"askedAgain":{}}'],
  ])("that is damaged (%s) stops the run by name and goes to quarantine", async (_what, text) => {
    const root = freshFolder();
    await play(root, fakeRunFile());
    const folder = join(root, "runs/run-1");
    writeFileSync(join(folder, "review.json"), text);
    await expect(play(root, fakeRunFile())).rejects.toMatchObject({ code: "E_REVIEW_FILE" });
    expect(existsSync(join(folder, "review.json"))).toBe(false);
    const kept = readdirSync(join(folder, "quarantine")).find((name) => name.endsWith("-review.json"));
    expect(readFileSync(join(folder, "quarantine", kept ?? ""), "utf8")).toBe(text);
    expect(computed((await play(root, fakeRunFile())).events)).toEqual([]);
  });
});

/** The knowledge base with one section saying something else. */
function edited(id: string): Knowledge {
  const knowledge = fakeKnowledge();
  const sections = knowledge.sections.map((section) => {
    if (section.id !== id) return section;
    const text = `${section.text} It was painted green.`;
    return { ...section, text, hash: hashOf(text) };
  });
  return { ...knowledge, sections, hash: hashOf(sections) };
}

/** Parts whose questions speak of the section's text, as real ones do. */
function attentive(): FakeParts {
  const parts = fakeParts();
  const ask = parts.teacher.questions.bind(parts.teacher);
  parts.teacher.questions = async (request) => {
    const { families, unusable } = await ask(request);
    const mark = request.section.text.includes("green") ? "green" : "plain";
    const marked = (texts: string[]) => texts.map((text) => `${mark} ${text}`);
    return {
      families: families.map((family) => ({
        ...family,
        wordings: marked(family.wordings),
        rewordings: marked(family.rewordings),
      })),
      unusable,
    };
  };
  return parts;
}

describe("a section that was edited", () => {
  it("is asked about again, it alone, and every other question keeps its id and its answers", async () => {
    const root = freshFolder();
    const first = await play(root, fakeRunFile(), { parts: attentive() });
    const before = (await outputs(root)).questions;
    const target = before.questions.find(({ family }) => family === "c1-f03")?.section ?? "";
    const again = await play(root, fakeRunFile(), { parts: attentive(), knowledge: edited(target) });
    const after = (await outputs(root)).questions;
    expect(again.parts.calls).toMatchObject({ questions: 1, references: 1 });
    // The baseline answers two of that family's questions afresh; the student, trained anew, all of them.
    expect(again.parts.calls.answers).toBe(2 + first.parts.calls.answers / 2);
    const others = (all: typeof before) => all.questions.filter(({ section }) => section !== target);
    expect(others(after)).toEqual(others(before));
    expect(after.questions.map(({ id }) => id)).toEqual(before.questions.map(({ id }) => id));
    expect(after.questions.filter(({ section }) => section === target)[0]?.text).toMatch(/^green/);
  });

  it("changes nothing that follows when nobody asked about it", async () => {
    const root = freshFolder();
    await play(root, fakeRunFile());
    const asked = new Set((await outputs(root)).questions.sections.map(({ id }) => id));
    const target = fakeKnowledge().sections.find(({ id }) => !asked.has(id))?.id ?? "";
    const again = await play(root, fakeRunFile(), { knowledge: edited(target) });
    expect(computed(again.events)).toEqual(["1/questions"]);
    expect(again.parts.calls).toMatchObject({ questions: 0, references: 0, answers: 0, trainings: 0 });
  });
});

describe("the command line", () => {
  const context = () => {
    const written: string[] = [];
    const stream = { write: (text: string) => written.push(text) };
    const silent = { write: () => true };
    return {
      written,
      cli: {
        stdout: stream,
        stderr: silent,
        signal: new AbortController().signal,
        sayStoppingWith() {},
        setLogFile() {},
      },
    };
  };
  const call = async (command: typeof review, folder: string, flags: CommandLine["flags"]): Promise<string> => {
    const { written, cli } = context();
    expect(await command({ flags: { ...flags, out: folder }, positionals: [] }, cli)).toBe(0);
    return written.join("");
  };

  it("lists, decides, takes back, and refuses what does not fit", async () => {
    const folder = mkdtempSync(join(tmpdir(), "distillery-review-"));
    await play(join(folder, ".distillery"), fakeRunFile());
    expect(await call(review, folder, {})).toMatch(/c1-f01 +open +The /);
    expect(await call(review, folder, { exclude: "c1-f01", reason: "too easy" })).toContain(
      "c1-f01 of run run-1: excluded, not applied yet.",
    );
    expect(await call(review, folder, {})).toMatch(/c1-f01 +excluded, not applied yet +The .*too easy/);
    expect(await call(review, folder, { approve: "c1-f02" })).toContain("c1-f02 of run run-1: approved.");
    const data = JSON.parse(await call(review, folder, { json: true })) as { rows: { id: string; state: string }[] };
    expect(data.rows.find(({ id }) => id === "c1-f02")?.state).toBe("approved");
    expect(await call(review, folder, { undo: "c1-f01" })).toContain("c1-f01 of run run-1: open.");
    await expect(call(review, folder, { undo: "c1-f01" })).rejects.toMatchObject({ code: "E_REVIEW" });
    await expect(call(review, folder, { exclude: "c9-f01", reason: "x" })).rejects.toMatchObject({ code: "E_REVIEW" });
    await expect(call(review, folder, { exclude: "c1-f01" })).rejects.toMatchObject({ code: "E_USAGE" });
    await expect(call(review, folder, { approve: "c1-f01", undo: "c1-f01" })).rejects.toMatchObject({
      code: "E_USAGE",
    });
  });

  it("tells what is stale, with lines, questions and checkpoints", async () => {
    const folder = mkdtempSync(join(tmpdir(), "distillery-stale-"));
    // Its made-up sections are none of the bundled knowledge base: all of them went.
    await play(join(folder, ".distillery"), fakeRunFile());
    const text = await call(stale, folder, {});
    expect(text).toMatch(/\.md:\d+ {2}\w+, Part \d: removed\n {2}questions: c1-/);
    expect(text).toContain("1/fineTuning");
    const data = JSON.parse(await call(stale, folder, { json: true })) as { sections: { questions: string[] }[] };
    expect(data.sections.flatMap(({ questions }) => questions)).toHaveLength(34);
  });
});
