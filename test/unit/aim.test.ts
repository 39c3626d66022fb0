import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { aimedSpread, aimNote, failuresOf, quotas, type TopicFailures } from "../../src/pipeline/stages/aim.ts";
import { spread } from "../../src/pipeline/stages/sections.ts";
import type { Question, Section, StageOutputs } from "../../src/protocol/model.ts";
import { seededRandom } from "../fakes/random.ts";
import { createCheckpointStore } from "../../src/pipeline/adapters/checkpointStore.ts";
import { fakeKnowledge, spoiltParts } from "../fakes/parts.ts";
import { fakeRunFile, freshFolder, play } from "../fakes/runs.ts";

const { sections } = fakeKnowledge(6);
const topics = [...new Set(sections.map(({ topic }) => topic))];
const total = (values: Iterable<number>) => [...values].reduce((sum, value) => sum + value, 0);

describe("quotas", () => {
  it("add up, keep every topic its share of the first half, and grow with the failures", () => {
    const random = seededRandom(7);
    for (let round = 0; round < 300; round++) {
      const count = 1 + Math.floor(random() * 50);
      const cycle = 2 + Math.floor(random() * 9);
      const failures = Array.from({ length: 1 + Math.floor(random() * 20) }, (_, index): TopicFailures => {
        const asked = Math.floor(random() * 6);
        return { topic: `t${index}`, asked, failed: Math.floor(random() * (asked + 1)) };
      });
      failures.push({ topic: "sure", asked: 2, failed: 1 });
      const dealt = quotas(failures, count, cycle);
      expect(total(dealt.values())).toBe(count);
      const floor = Math.floor(Math.ceil(count / 2) / failures.length);
      expect(Math.min(...dealt.values())).toBeGreaterThanOrEqual(floor);
      // The aimed half never gives a topic with a larger share of failures less, but for one of rounding and one of the round.
      for (const a of failures)
        for (const b of failures)
          if (a.asked === b.asked && a.failed > b.failed)
            expect((dealt.get(a.topic) ?? 0) + 1).toBeGreaterThanOrEqual(dealt.get(b.topic) ?? 0);
    }
  });

  it("are in proportion to the share of failed questions, and a topic never asked counts as the average", () => {
    const failures = [
      { topic: "bad", asked: 9, failed: 9 },
      { topic: "half", asked: 9, failed: 4 },
      { topic: "good", asked: 9, failed: 0 },
      { topic: "new", asked: 0, failed: 0 },
    ];
    const dealt = quotas(failures, 40, 2);
    // Five each of the first half; weights of the rest: 0.948, 0.448, 0.048, 0.481.
    expect(Object.fromEntries(dealt)).toEqual({ bad: 15, half: 10, good: 5, new: 10 });
  });

  it("the half that goes round reaches every topic within two cycles of as many questions as topics", () => {
    const failures = topics.map((topic, index) => ({ topic, asked: 5, failed: index === 0 ? 5 : 0 }));
    const reached = new Set(
      [2, 3].flatMap((cycle) => [...quotas(failures, 6, cycle)].filter(([, n]) => n > 0).map(([topic]) => topic)),
    );
    expect([...reached].sort()).toEqual([...topics].sort());
  });
});

const question = (section: Section, index: number, part: Question["part"]): Question => ({
  id: `c1-f0${index}-${part}`,
  family: `c1-f0${index}`,
  cycle: 1,
  topic: section.topic,
  section: section.id,
  text: "What?",
  tier: "reworded",
  part,
  origin: "sentence",
});
const headline = {
  metric: "semantic_similarity",
  tier: "reworded",
  part: "dev",
  verdict: "cannot tell",
  sentence: "",
  detectable: null,
} as const;

describe("failures", () => {
  const [first, second, third] = [sections[0]!, sections[3]!, sections[6]!];
  const asked = [
    question(first, 1, "dev"),
    question(second, 2, "dev"),
    question(third, 3, "dev"),
    question(first, 4, "test"),
  ];
  const score = (tuned: number | null, change: "better" | "same" | "worse" | "unscored" | "not applicable") => ({
    baseline: 0.9,
    tuned,
    change,
  });

  it("count dev questions that got worse, were not scored, or lie below the threshold; test questions never", () => {
    const perQuestion = {
      "c1-f01-dev": score(0.85, "worse"),
      "c1-f02-dev": score(null, "unscored"),
      "c1-f03-dev": score(0.79, "better"),
      "c1-f04-test": score(0.1, "worse"),
    };
    const found = failuresOf(asked, { perQuestion, headline }, sections);
    expect(found?.map(({ failed }) => failed)).toEqual([1, 1, 1, 0, 0, 0]);
    expect(found?.map(({ asked: of }) => of)).toEqual([1, 1, 1, 0, 0, 0]);
    const rouge = failuresOf(asked, { perQuestion, headline: { ...headline, metric: "rouge_score" } }, sections);
    expect(rouge?.[2]?.failed).toBe(0);
  });

  it("leave out what the metric says nothing about", () => {
    const perQuestion = { "c1-f01-dev": score(null, "not applicable"), "c1-f02-dev": score(0.5, "better") };
    const found = failuresOf(asked, { perQuestion, headline }, sections);
    expect(found?.slice(0, 2)).toMatchObject([
      { asked: 0, failed: 0 },
      { asked: 1, failed: 1 },
    ]);
  });

  it("are null when nothing failed, so that the next cycle is spread evenly", () => {
    const perQuestion = { "c1-f01-dev": score(0.9, "same") };
    expect(failuresOf(asked, { perQuestion, headline }, sections)).toBeNull();
  });
});

describe("the aimed plan", () => {
  const failures = topics.map((topic, index) => ({ topic, asked: 2, failed: index < 2 ? 2 : 0 }));

  it("has as many families as wanted, most where it failed, the least asked sections first", () => {
    const earlier = [
      question(sections[0]!, 1, "dev"),
      question(sections[0]!, 1, "test"),
      question(sections[1]!, 2, "dev"),
    ];
    const { plan, spare } = aimedSpread(sections, 12, 2, 42, failures, earlier);
    expect(total(plan.map(({ count }) => count))).toBe(12);
    const of = (topic: string) => plan.filter(({ section }) => section.topic === topic);
    expect(total(of(topics[0]!).map(({ count }) => count))).toBeGreaterThanOrEqual(3);
    for (const topic of topics) expect(of(topic).length, topic).toBeGreaterThan(0);
    expect(of(topics[0]!)[0]?.section.id).toBe(sections[2]!.id);
    const planned = plan.map(({ section }) => section.id);
    expect(new Set([...planned, ...spare.map(({ id }) => id)]).size).toBe(sections.length);
    expect(spare.some(({ id }) => planned.includes(id))).toBe(false);
  });

  it("is the same for the same seed, and empty when nothing is wanted", () => {
    expect(aimedSpread(sections, 9, 3, 1, failures, [])).toEqual(aimedSpread(sections, 9, 3, 1, failures, []));
    expect(aimedSpread(sections, 0, 2, 1, failures, [])).toEqual(spread(sections, 0, 2, 1));
  });

  it("is told in one sentence", () => {
    const told = aimNote({ cycle: 2, topics: failures.map((each, index) => ({ ...each, families: 6 - index })) });
    expect(told).toBe(
      "Cycle 2 was aimed by the failures of cycle 1 on the dev part, 21 families in all: valve 6 (2 of 2 failed), rotor 5 (2 of 2 failed).",
    );
  });
});

describe("a run of two cycles whose tuned student fails everywhere", () => {
  const questionsOf = async (settings: Record<string, unknown>) => {
    const root = freshFolder();
    const { events } = await play(root, fakeRunFile(settings), { parts: spoiltParts() });
    const entries = await createCheckpointStore(root).checkpoints("run-1");
    const outputs = entries.flatMap((entry) =>
      entry.state === "ok" && entry.stage === "questions" ? [entry.frame.output as StageOutputs["questions"]] : [],
    );
    return { outputs, events, report: readFileSync(join(root, "runs/run-1/report.md"), "utf8") };
  };

  it("is aimed in the second one, recorded and reported; the first one and a run that is not aimed stay as they were", async () => {
    const aimed = await questionsOf({ cycles: 2 });
    const [first, second] = aimed.outputs;
    expect(first?.aims).toEqual([]);
    expect(second?.aims).toHaveLength(1);
    expect(total(second?.aims[0]?.topics.map(({ families }) => families) ?? [])).toBe(8);
    expect(second?.aims[0]?.topics.every(({ asked, failed }) => asked === 1 && failed === 1)).toBe(true);
    expect(second?.notes.join()).toContain("Cycle 2 was aimed by the failures of cycle 1");
    expect(aimed.report).toContain("## Where the cycles were aimed");
    expect(aimed.report).toMatch(/\| valve \| \d \(1 of 1 failed\) \|/);
    const even = await questionsOf({ cycles: 2, aimed: false });
    expect(even.outputs[0]).toEqual(first);
    expect(even.outputs[1]?.aims).toEqual([]);
    expect(even.report).not.toContain("were aimed");
  });
});
