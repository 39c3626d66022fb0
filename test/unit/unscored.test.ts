/** Scored, failed and not applicable are told apart, and means are over the questions scored in both arms. */
import { expect, test } from "vitest";
import { createCheckpointStore } from "../../src/pipeline/adapters/checkpointStore.ts";
import type { Metric, Score } from "../../src/protocol/model.ts";
import { fakeParts } from "../fakes/parts.ts";
import { computed, fakeRunFile, freshFolder, play } from "../fakes/runs.ts";

const failed: Score = { status: "failed", reason: "planted" };
const silent: Score = { status: "not_applicable", reason: "planted" };

/** Plays a run in which some answers to new wordings get no score; which, `plant` says by arm and turn. */
async function rowsWith(questions: number, plant: (arm: "poor" | "good", turn: number) => Score | null) {
  const parts = fakeParts();
  const { evaluator } = parts;
  const turns = { poor: 0, good: 0 };
  parts.evaluator = {
    ...evaluator,
    score: (items, metrics, onScored, signal) =>
      evaluator.score(
        items,
        metrics,
        async (item, scores, overWindow) => {
          const request = items.find((each) => each.item === item);
          const arm = request?.answer.startsWith("good") ? "good" : "poor";
          const planted = request?.question.startsWith("Tell ") ? plant(arm, turns[arm]++) : null;
          await onScored(item, planted ? { ...scores, semantic_similarity: planted } : scores, overWindow);
        },
        signal,
      ),
  };
  const root = freshFolder();
  await play(root, fakeRunFile({ questions }), { parts });
  const store = await createCheckpointStore(root).open("run-1");
  const compared = (await store.readCheckpoint(1, "comparison"))?.output;
  await store.close();
  const row = (metric: Metric) => compared?.rows.find((each) => each.metric === metric && each.tier === "reworded");
  return { row, perQuestion: Object.values(compared?.perQuestion ?? {}), sentence: compared?.headline.sentence };
}

test("one failure in twenty keeps the mean, of both arms over the questions both have", async () => {
  const { row, perQuestion } = await rowsWith(20, (arm, turn) => (arm === "good" && turn === 7 ? failed : null));
  const similarity = row("semantic_similarity");
  expect(similarity).toMatchObject({ scored: 19, failed: 1, notApplicable: 0 });
  expect(row("rouge_score")).toMatchObject({ scored: 20, failed: 0 });
  // The baseline's score of the question without a tuned one is in no mean: this metric gives both the same values.
  const lone = perQuestion.filter(({ baseline, tuned }) => (baseline === null) !== (tuned === null));
  expect(lone).toHaveLength(1);
  const all = (row("rouge_score")?.means?.baseline ?? 0) * 20;
  expect((similarity?.means?.baseline ?? 0) * 19).toBeCloseTo(all - (lone[0]?.baseline ?? 0), 6);
  expect((similarity?.better ?? 0) + (similarity?.same ?? 0) + (similarity?.worse ?? 0)).toBe(19);
});

test("a metric that does not apply to some answers is no failure, and is counted", async () => {
  const { row, sentence } = await rowsWith(20, (arm, turn) => {
    if (arm === "good" && turn < 8) return silent;
    return arm === "poor" && turn === 0 ? silent : null;
  });
  const similarity = row("semantic_similarity");
  expect(similarity?.failed).toBe(0);
  expect((similarity?.scored ?? 0) + (similarity?.notApplicable ?? 0)).toBe(20);
  expect(similarity?.notApplicable).toBeGreaterThanOrEqual(8);
  expect(similarity?.means).not.toBeNull();
  expect(sentence).toContain("semantic_similarity on reworded questions went from");
});

test("a fifth of failures leaves no mean, and no 0", async () => {
  const { row, sentence } = await rowsWith(20, (arm, turn) => (arm === "good" && turn % 5 === 0 ? failed : null));
  expect(row("semantic_similarity")).toMatchObject({ scored: 16, failed: 4, means: null });
  expect(sentence).toBe("Cannot tell: only 16 of 20 reworded questions were scored in both arms.");
});

test("a run of which nothing is scored ends with a named error, and no answer is generated again", async () => {
  const root = freshFolder();
  const parts = fakeParts();
  const { evaluator } = parts;
  parts.evaluator = {
    ...evaluator,
    async score(items, metrics, onScored) {
      for (const { item } of items)
        await onScored(item, Object.fromEntries(metrics.map((metric) => [metric, failed])), false);
      return { versions: {}, prompts: {} };
    },
  };
  await expect(play(root, fakeRunFile(), { parts })).rejects.toMatchObject({
    code: "E_EVAL_NOTHING_SCORED",
    message: expect.stringContaining("planted") as string,
  });
  const { events } = await play(root, fakeRunFile(), { parts: { ...parts, evaluator } });
  expect(computed(events)).not.toContain("1/baselineAnswers");
  expect(events.at(-1)).toMatchObject({ type: "runFinished" });
});

test("a teacher that finds nothing to ask, or nothing to answer with, ends the run with a named error", async () => {
  const mute = fakeParts();
  mute.teacher = { ...mute.teacher, questions: async () => ({ families: [], unusable: 0 }) };
  await expect(play(freshFolder(), fakeRunFile(), { parts: mute })).rejects.toMatchObject({ code: "E_NO_QUESTIONS" });
  const ignorant = fakeParts();
  ignorant.teacher = {
    ...ignorant.teacher,
    reference: async () => ({ status: "refused", text: "", quotes: [], grounded: false, author: "teacher" }),
  };
  await expect(play(freshFolder(), fakeRunFile(), { parts: ignorant })).rejects.toMatchObject({
    code: "E_NO_QUESTIONS",
  });
});
