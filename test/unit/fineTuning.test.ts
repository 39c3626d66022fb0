import { describe, expect, it } from "vitest";
import type { Question } from "../../src/protocol/model.ts";
import { planSteps, splitRows } from "../../src/pipeline/stages/fineTuning.ts";

describe("planSteps", () => {
  it("keeps the recipe's 100 steps where they make six passes", () => {
    expect(planSteps("recipe", 60, 4)).toMatchObject({ steps: { rule: "fixed", count: 100 } });
  });

  it("goes by passes, and says why, where 100 steps are too few", () => {
    const { steps, rule } = planSteps("recipe", 150, 4);
    expect(steps).toMatchObject({ rule: "auto", passes: 10 });
    expect(rule).toContain("2.7 passes");
  });

  it("does as told with a number", () => {
    expect(planSteps(7, 1000, 4)).toMatchObject({ steps: { rule: "fixed", count: 7 } });
  });
});

describe("splitRows", () => {
  const questions = Array.from({ length: 12 }, (_, family) =>
    [1, 2, 3].map((wording): Question => ({
      id: `c1-f${family}-t${wording}`,
      family: `c1-f${family}`,
      cycle: 1,
      topic: "T",
      section: "s",
      text: `q${family} ${wording}`,
      tier: "train",
      part: wording === 1 ? "test" : "none",
      origin: "sentence",
    })),
  ).flat();

  it("holds nothing back for a fixed number of steps", () => {
    expect(splitRows(questions, false, 1)).toEqual({ train: questions, heldBack: [] });
  });

  it("holds back one wording of a quarter of the families, never the one scored as recall", () => {
    const { train, heldBack } = splitRows(questions, true, 1);
    expect(heldBack).toHaveLength(3);
    expect(train).toHaveLength(33);
    expect(heldBack.every(({ part }) => part === "none")).toBe(true);
    expect(new Set(heldBack.map(({ family }) => family)).size).toBe(3);
  });
});
