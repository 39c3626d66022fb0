import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { armsText } from "../../src/cli/armsText.ts";
import { comparisonText } from "../../src/cli/tables.ts";
import { probeQuestions } from "../../src/pipeline/probe.ts";
import { armNames, type Arm, type StageId, type StageOutputs } from "../../src/protocol/model.ts";
import { draftSchema } from "../../src/protocol/panel.ts";
import { fakeParts } from "../fakes/parts.ts";
import { computed, fakeRunFile, freshFolder, openRun, play } from "../fakes/runs.ts";

const adopted = { id: "fake-student+0123456789ab", adapterGguf: "/elsewhere/adapter.gguf" };
const all = { arms: ["retrieval", "adopted", "teacher"] };

async function output<Id extends StageId>(root: string, stage: Id, cycle = 1): Promise<StageOutputs[Id]> {
  const store = await openRun(root, fakeRunFile());
  const found = await store.readCheckpoint(cycle, stage);
  await store.close();
  return found!.output;
}

const report = (root: string): string => readFileSync(join(root, "runs/run-1/report.md"), "utf8");

describe("a run with all arms", () => {
  it("lets each answer the same questions, counts them, and shows them beside the untuned one", async () => {
    const root = freshFolder();
    const { events } = await play(root, fakeRunFile(all), { parts: { ...fakeParts(), adopted } });
    const [before, after] = [await output(root, "baselineAnswers"), await output(root, "tunedAnswers")];
    const arms = { ...before.arms, ...after.arms };
    expect(Object.keys(arms).toSorted()).toEqual([...armNames].toSorted());
    const asked = Object.keys(before.arms.baseline.answers).toSorted();
    expect(asked).toHaveLength(18);
    for (const arm of armNames) expect(Object.keys(arms[arm]!.answers).toSorted(), arm).toEqual(asked);
    expect(before.arms.adopted!.model).toBe(adopted.id);
    expect(before.arms.baselineRetrieval!.sections).toEqual(after.arms.tunedRetrieval!.sections);
    for (const found of Object.values(before.arms.baselineRetrieval!.sections)) expect(found).toHaveLength(3);

    const last = (stage: StageId) => events.findLast((each) => each.type === "stageProgress" && each.stage === stage);
    expect(last("baselineAnswers")).toMatchObject({
      done: 3 * 18 + probeQuestions.length,
      total: 3 * 18 + probeQuestions.length,
    });
    expect(last("tunedAnswers")).toMatchObject({
      done: 3 * 18 + probeQuestions.length,
      total: 3 * 18 + probeQuestions.length,
    });
    expect(last("baselineEvaluation")).toMatchObject({ done: 3 * 18, total: 3 * 18 });

    const comparison = await output(root, "comparison");
    const rows = comparison.arms.filter(({ tier, metric }) => tier === "reworded" && metric === "semantic_similarity");
    expect(rows.map(({ arm }) => arm)).toEqual([...armNames]);
    expect(rows[0]!.means).toMatchObject({ difference: null, interval: null });
    const main = comparison.rows.find(({ tier, metric }) => tier === "reworded" && metric === "semantic_similarity");
    const tuned = rows.find(({ arm }) => arm === "tuned")!;
    expect(tuned.means!.mean).toBeCloseTo(main!.means!.tuned, 12);
    expect(tuned.means!.difference).toBeCloseTo(main!.means!.absolute, 12);
    expect(tuned.means!.interval).toEqual(main!.means!.interval);
    expect(comparison.answering.map(({ arm, answers }) => [arm, answers])).toEqual(armNames.map((arm) => [arm, 18]));

    for (const text of [report(root), armsText(comparison)])
      for (const title of ["untuned + retrieval", "fine-tuned + retrieval", "student in use", "teacher"])
        expect(text).toContain(title);
    expect(report(root)).toContain("up to 3 sections by fake-embedder");
  });

  it("an arm that is added later costs its own answers only", async () => {
    const root = freshFolder();
    await play(root, fakeRunFile());
    const store = await openRun(root, fakeRunFile());
    await store.updateFile((file) => ({ ...file, settings: { ...file.settings, arms: ["teacher"] } }));
    await store.close();
    const again = await play(root, fakeRunFile());
    expect(computed(again.events)).toEqual(["1/tunedAnswers", "1/tunedEvaluation", "1/comparison"]);
    expect(again.parts.calls).toMatchObject({ answers: 0, references: 18, trainings: 0 });
  });

  it("stopped in the middle of an arm, the next start does only the rest", async () => {
    const root = freshFolder();
    const stop = new AbortController();
    const first = fakeParts();
    const file = fakeRunFile({ arms: ["retrieval", "teacher"] });
    await expect(
      play(root, file, {
        signal: stop.signal,
        parts: first,
        onEvent: (event) => {
          if (event.type === "stageProgress" && event.stage === "tunedAnswers" && event.done >= 40) stop.abort();
        },
      }),
    ).rejects.toMatchObject({ code: "E_STOPPED" });
    const second = await play(root, file);
    const whole = await play(freshFolder(), file);
    for (const key of ["answers", "references", "scores"] as const)
      expect(first.calls[key] + second.parts.calls[key], key).toBe(whole.parts.calls[key]);
  });

  it("the student in use is left out, with a notice, where there is none or it has another base", async () => {
    for (const given of [null, { ...adopted, id: "other-student+0123456789ab" }]) {
      const root = freshFolder();
      const parts = { ...fakeParts(), adopted: given };
      const { events } = await play(root, fakeRunFile({ arms: ["adopted"] }), { parts });
      expect((await output(root, "baselineAnswers")).arms.adopted).toBeUndefined();
      const notices = events.flatMap((event) => (event.type === "notice" ? [event.text] : []));
      expect(notices.filter((text) => text.includes("student in use"))).toHaveLength(1);
    }
  });
});

it("the default run asks nobody else, and shows how both answer and what was forgotten", async () => {
  const root = freshFolder();
  const { parts } = await play(root, fakeRunFile());
  expect(parts.calls.answers).toBe(2 * 18 + 2 * probeQuestions.length);
  const comparison = await output(root, "comparison");
  expect(comparison.answering.map(({ arm }) => arm)).toEqual(["baseline", "tuned"]);
  expect(comparison.probe).toMatchObject({ questions: probeQuestions.length, before: 0, after: 0, lost: [] });
  expect(armsText(comparison)).not.toContain("against untuned");
  expect(armsText(comparison)).toContain(`Of ${probeQuestions.length} general questions 0 were answered right`);
  expect(report(root)).toContain("| untuned | 18 | 100 % | 5 | 0 | 0 | 0 |");
  expect(report(root)).not.toContain("## All arms");
});

it("without the probe no general question is asked, and turning it on asks only them", async () => {
  const root = freshFolder();
  const { parts } = await play(root, fakeRunFile({ probe: false }));
  expect(parts.calls.answers).toBe(2 * 18);
  expect((await output(root, "comparison")).probe).toBeNull();
  const store = await openRun(root, fakeRunFile());
  await store.updateFile((file) => ({ ...file, settings: { ...file.settings, probe: true } }));
  await store.close();
  const again = await play(root, fakeRunFile());
  expect(again.parts.calls).toMatchObject({ answers: 2 * probeQuestions.length, scores: 0, trainings: 0 });
});

it("a judge that fails for every fifth answer leaves no mean in any arm and any view, and never a 0", async () => {
  const root = freshFolder();
  const parts = { ...fakeParts(), adopted };
  const score = parts.evaluator.score.bind(parts.evaluator);
  let seen = 0;
  parts.evaluator.score = (items, metrics, onScored, signal) =>
    score(
      items,
      metrics,
      (item, scores, overWindow) => {
        seen += 1;
        const failed = { status: "failed", reason: "no use" } as const;
        return onScored(item, seen % 5 === 0 ? { ...scores, factual_correctness: failed } : scores, overWindow);
      },
      signal,
    );
  await play(root, fakeRunFile({ ...all, judge: true }), { parts });
  const comparison = await output(root, "comparison");
  const judged = comparison.arms.filter(({ metric, tier }) => metric === "factual_correctness" && tier !== "unseen");
  expect(judged).toHaveLength(2 * armNames.length);
  for (const row of judged) expect(row.means, `${row.tier} ${row.arm}`).toBeNull();
  // Both arms over the common questions: what failed in one of the two is out for both.
  const evaluations = {
    ...(await output(root, "baselineEvaluation")).arms,
    ...(await output(root, "tunedEvaluation")).arms,
  };
  const { questions } = await output(root, "questions");
  const value = (arm: Arm, id: string) => {
    const found = evaluations[arm]?.scores[id]?.[0]?.factual_correctness;
    return found && "value" in found ? found.value : null;
  };
  for (const { arm, tier, scored, failed } of judged) {
    const group = questions.filter((question) => question.tier === tier && question.part === "test");
    const common = group.filter(({ id }) => value(arm, id) !== null && value("baseline", id) !== null);
    expect([scored, failed], `${tier} ${arm}`).toEqual([common.length, group.length - common.length]);
  }
  // The other metrics were scored throughout, and keep their means.
  for (const row of comparison.arms.filter(({ metric }) => metric === "semantic_similarity"))
    expect(row.means).not.toBeNull();
  const views = [comparisonText(comparison), armsText(comparison), report(root)];
  for (const view of views)
    for (const line of view
      .split("\n")
      .filter((each) => each.includes("factual_correctness") && !/unseen/.test(each))) {
      expect(line).toMatch(/too few scored|\| – \| – \| – \|/);
      expect(line).not.toMatch(/\b0\.00\b/);
    }
});

it("a draft from before there were arms is still one", () => {
  const before = {
    preset: "demo",
    questions: 4,
    cycles: 1,
    topics: [],
    teacher: "offline",
    steps: 20,
    maxNewTokens: 120,
  };
  expect(draftSchema.parse(before).arms).toEqual([]);
  expect(draftSchema.safeParse({ ...before, arms: ["oracle"] }).success).toBe(false);
});
