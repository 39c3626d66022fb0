import { expect, it } from "vitest";
import { fakeRunFile, freshFolder, openRun, play } from "../fakes/runs.ts";

it("averages the samples of a question, each with a seed of its own, and counts the question once", async () => {
  const root = freshFolder();
  const file = fakeRunFile({ repeats: 3 });
  await play(root, file);
  const store = await openRun(root, file);
  const output = async <Id extends "tunedAnswers" | "tunedEvaluation" | "comparison">(stage: Id) => {
    const found = await store.readCheckpoint(1, stage);
    if (!found) throw new Error(`no ${stage}`);
    return found.output;
  };
  const { answers } = (await output("tunedAnswers")).arms.tuned;
  const { scores } = (await output("tunedEvaluation")).arms.tuned;
  const comparison = await output("comparison");
  await store.close();

  for (const [id, samples] of Object.entries(answers)) {
    expect(new Set(samples.map(({ text }) => text)).size, id).toBe(3);
    const values = (scores[id] ?? []).map((each) => {
      const score = each.semantic_similarity;
      return score && "value" in score ? score.value : Number.NaN;
    });
    expect(values).toHaveLength(3);
    const average = values.reduce((sum, value) => sum + value, 0) / 3;
    expect(comparison.perQuestion[id]?.tuned, id).toBeCloseTo(average, 12);
  }
  const reworded = comparison.rows.find(
    ({ metric, tier, part }) => metric === "semantic_similarity" && tier === "reworded" && part === "test",
  );
  expect(reworded?.scored).toBe(8);
});
