import { describe, expect, it } from "vitest";
import { earlierSpread } from "../../src/cli/earlierSpread.ts";
import { createCheckpointStore } from "../../src/pipeline/adapters/checkpointStore.ts";
import {
  detectableOf,
  measuredSpread,
  planSentence,
  smallestDetectable,
  testPlan,
} from "../../src/pipeline/detectable.ts";
import type { ComparisonOutput, Question } from "../../src/protocol/model.ts";
import { normalDraws, seededRandom } from "../../bench/seededRandom.ts";
import { clusteredInterval, verdict } from "../../src/pipeline/statistics.ts";
import { fakeRunFile, freshFolder, play } from "../fakes/runs.ts";

describe("smallestDetectable", () => {
  it("is about 0.16 for 20 independent questions, 0.07 for 100 and 0.05 for 200", () => {
    const alone = (questions: number) => smallestDetectable({ questions, topics: questions }) ?? 0;
    expect([20, 100, 200].map((questions) => Number(alone(questions).toFixed(2)))).toEqual([0.17, 0.07, 0.05]);
  });

  it("grows when the questions of a topic are alike, and is nothing below six topics", () => {
    const plan = { questions: 40, topics: 8 };
    const apart = smallestDetectable(plan, { deviation: 0.25, correlation: 0 }) ?? 0;
    const alike = smallestDetectable(plan, { deviation: 0.25, correlation: 0.3 }) ?? 0;
    // Five questions a topic: a design effect of 1 + 4 × 0.3.
    expect(alike / apart).toBeCloseTo(Math.sqrt(2.2), 12);
    expect(smallestDetectable({ questions: 40, topics: 5 })).toBeNull();
  });

  it("is found in 80 % of all runs", () => {
    const [topics, perTopic, correlation, deviation] = [10, 3, 0.2, 0.25];
    const change = smallestDetectable({ questions: topics * perTopic, topics }, { deviation, correlation }) ?? 0;
    const draw = normalDraws(seededRandom("power"));
    const runs = 4000;
    let found = 0;
    for (let run = 0; run < runs; run++) {
      const pairs = Array.from({ length: topics }, (_, topic) => {
        const common = draw();
        return Array.from({ length: perTopic }, () => {
          const each = deviation * (Math.sqrt(correlation) * common + Math.sqrt(1 - correlation) * draw());
          return { cluster: `topic ${topic}`, baseline: 0.5, tuned: 0.5 + change + each };
        });
      }).flat();
      if (verdict(clusteredInterval(pairs), topics) === "better") found += 1;
    }
    // Two standard errors of 4,000 runs are 1.3 %; the sum of two quantiles is itself good to 1 %.
    expect(Math.abs(found / runs - 0.8)).toBeLessThan(0.025);
  });
});

describe("testPlan", () => {
  it("has one question of every family of every cycle, over at most as many topics", () => {
    expect(testPlan({ questions: 20, cycles: 3 }, 20)).toEqual({ questions: 60, topics: 20 });
    expect(testPlan({ questions: 4, cycles: 1 }, 20)).toEqual({ questions: 4, topics: 4 });
  });
});

describe("planSentence", () => {
  it("says what the questions can show, or that they cannot show anything", () => {
    expect(planSentence({ questions: 20, topics: 20 }, null)).toContain("±0.17 or more");
    expect(planSentence({ questions: 20, topics: 20 }, null)).toContain("0.25, assumed");
    expect(planSentence({ questions: 4, topics: 4 }, null)).toContain('"cannot tell", whatever comes out');
  });

  it("names the run it knows the spread from", () => {
    const measured = { run: "run-1", spread: { deviation: 0.1, correlation: 0 } };
    expect(planSentence({ questions: 20, topics: 20 }, measured)).toContain("±0.07");
    expect(planSentence({ questions: 20, topics: 20 }, measured)).toContain("run run-1");
  });
});

describe("measuredSpread", () => {
  const draw = normalDraws(seededRandom("spread"));
  const made = Array.from({ length: 200 }, (_, topic) => {
    const common = draw();
    return Array.from({ length: 5 }, (_each, index) => ({
      id: `q${topic}-${index}`,
      topic: `topic ${topic}`,
      tuned: 0.5 + 0.2 * (Math.sqrt(0.3) * common + Math.sqrt(0.7) * draw()),
    }));
  }).flat();
  const questions = made.map(({ id, topic }) => ({ id, topic, tier: "reworded", part: "test" }) as Question);
  const comparisonOf = (tunedOf: (index: number) => number | null) =>
    ({
      headline: { tier: "reworded", part: "test" },
      perQuestion: Object.fromEntries(
        made.map(({ id }, index) => [id, { baseline: 0.5, tuned: tunedOf(index), change: "same" }]),
      ),
    }) as unknown as ComparisonOutput;

  it("finds the deviation and the correlation that were put in", () => {
    const spread = measuredSpread(
      comparisonOf((index) => made[index]?.tuned ?? null),
      questions,
    );
    expect(spread?.deviation).toBeCloseTo(0.2, 1);
    expect(Math.abs((spread?.correlation ?? 0) - 0.3)).toBeLessThan(0.1);
  });

  it("says nothing where too little was scored or nothing differs", () => {
    expect(
      measuredSpread(
        comparisonOf(() => null),
        questions,
      ),
    ).toBeNull();
    expect(
      measuredSpread(
        comparisonOf(() => 0.5),
        questions,
      ),
    ).toBeNull();
  });
});

describe("earlierSpread", () => {
  it("comes from the newest finished run that is alike, and from no other", async () => {
    const root = freshFolder();
    await play(root, fakeRunFile({ questions: 16 }));
    const store = createCheckpointStore(root);
    const found = await earlierSpread(store, fakeRunFile({}, "run-2"));
    expect(found?.run).toBe("run-1");
    expect(found?.spread.deviation).toBeGreaterThan(0);
    expect(await earlierSpread(store, fakeRunFile({}))).toBeNull();
    expect(await earlierSpread(store, fakeRunFile({ primaryMetric: "rouge_score" }, "run-2"))).toBeNull();
  });
});

describe("detectableOf", () => {
  it("is the sum of both quantiles times the error that was measured", () => {
    const topics = [0.1, 0.3, 0.2, 0.4, 0, 0.2].map((sum) => ({ size: 1, sum }));
    // Deviation √0.02 over six topics, t(0.975; 5) = 2.5706 and t(0.8; 5) = 0.9195.
    expect(detectableOf(topics)).toBeCloseTo((2.5706 + 0.9195) * Math.sqrt(0.02 / 6), 4);
    expect(detectableOf(topics.slice(1))).toBeNull();
  });
});
