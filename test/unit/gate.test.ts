import { describe, expect, it } from "vitest";
import { decideGate, measuredOf, standingBefore, type Measured, type Standing } from "../../src/pipeline/gate.ts";
import type { ComparisonRow, GateRule, Question } from "../../src/protocol/model.ts";

const row = (baseline: number, tuned: number, scored = 10): ComparisonRow => ({
  metric: "semantic_similarity",
  tier: "reworded",
  part: "dev",
  scored,
  failed: 0,
  means: { baseline, tuned, absolute: tuned - baseline, percent: null, interval: null },
  better: 0,
  same: scored,
  worse: 0,
  notApplicable: 0,
});

function measured(change: Partial<Measured> = {}): Measured {
  const scores = { a: 0.6, b: 0.8 };
  return {
    cycle: 2,
    part: "dev",
    metric: "semantic_similarity",
    verdict: "better",
    topics: 8,
    row: row(0.5, 0.7),
    scores,
    ...change,
  };
}
const adopted = (scores: Record<string, number>, cycle: number | null = 1): Standing => ({ cycle, scores });

describe("the gate", () => {
  const worse = { verdict: "worse", row: row(0.7, 0.5) } as const;
  const unsure = { verdict: "cannot tell" } as const;
  it.each<[string, GateRule, Partial<Measured>, Standing | null, boolean, RegExp]>([
    ["better", "default", {}, null, true, /at least the 0\.500 of the baseline, n = 10/],
    ["better", "strict", {}, null, true, /Gate passed/],
    ["better, but set to never", "never", {}, null, false, /only a person adopts/],
    ["worse", "default", worse, null, false, /the verdict on the dev part is “worse”/],
    ["worse", "strict", worse, null, false, /demands “better”/],
    ["cannot tell, mean above", "default", unsure, null, true, /cannot tell whether the change is more than chance/],
    ["cannot tell, mean above", "strict", unsure, null, false, /“cannot tell”, and the strict rule demands “better”/],
    ["cannot tell, mean equal", "default", { ...unsure, row: row(0.7, 0.7) }, null, true, /at least/],
    ["cannot tell, mean below", "default", { ...unsure, row: row(0.7, 0.69) }, null, false, /below the 0\.700/],
    ["few topics", "default", { ...unsure, topics: 1 }, null, true, /1 topic is too few for a verdict/],
    ["equal to the adopted", "default", {}, adopted({ a: 0.8, b: 0.6 }), true, /in use \(cycle 1\), n = 2/],
    ["below the adopted", "default", {}, adopted({ a: 0.7, b: 0.8 }), false, /below the 0\.750 of the student in use/],
    ["below the adopted", "strict", {}, adopted({ a: 0.7, b: 0.8 }), false, /below the 0\.750 of the student in use/],
    [
      "better than an adopted of an earlier run",
      "default",
      {},
      adopted({ a: 0.1 }, null),
      true,
      /earlier run\), n = 1/,
    ],
    ["no question in common", "default", {}, adopted({ z: 1 }), true, /of the baseline/],
    [
      "too few scored",
      "default",
      { row: { ...row(0, 0), scored: 3, failed: 5, means: null } },
      null,
      false,
      /only 3 of 8/,
    ],
    ["nothing asked", "default", { row: undefined, scores: {} }, null, false, /no reworded question of the dev part/],
    [
      "one cycle",
      "default",
      { part: "test" },
      null,
      true,
      /judged on the test part, as a run of one cycle has no dev part/,
    ],
  ])("%s, %s", (_name, rule, change, before, passes, sentence) => {
    const given = measured(change);
    const gate = decideGate(rule, given, before);
    expect(gate).toMatchObject({ rule, passed: passes, part: given.part });
    expect(gate.sentence).toMatch(sentence);
    expect(gate.sentence).toMatch(passes ? /^Gate passed: / : /^Gate not passed: /);
    // Whoever stands after the cycle is what the next one is measured against.
    expect(gate.standing).toEqual(passes ? { cycle: 2, scores: given.scores } : before);
    expect(gate.reasons.length).toBeGreaterThan(0);
  });

  it("measures against a student of its own run first, then the one in use before it, then nobody", () => {
    const [own, former] = [adopted({ a: 0.5 }), adopted({ a: 0.9 }, null)];
    expect(standingBefore(own, { a: 0.7 })).toBe(own);
    expect(standingBefore(former, { b: 0.7 })).toEqual(adopted({ b: 0.7 }, null));
    expect(standingBefore(null, { b: 0.7 })).toEqual(adopted({ b: 0.7 }, null));
    expect(standingBefore(former, null)).toBe(former);
    expect(standingBefore(null, null)).toBeNull();
  });

  it("is measured on the reworded questions of dev with several cycles, and of test with one", () => {
    const question = (id: string, part: "dev" | "test", topic: string) =>
      ({ id, part, topic, tier: "reworded" }) as Question;
    const asked = [question("a", "dev", "Pods"), question("b", "dev", "Jobs"), question("c", "test", "Pods")];
    const comparison = {
      rows: [row(0.5, 0.7), { ...row(0.6, 0.6), part: "test" as const }],
      perQuestion: {
        a: { baseline: 0.5, tuned: 0.7, change: "better" as const },
        b: { baseline: 0.5, tuned: null, change: "unscored" as const },
        c: { baseline: 0.6, tuned: 0.6, change: "same" as const },
      },
    };
    const metric = "semantic_similarity";
    const several = measuredOf(comparison, asked, { cycle: 1, cycles: 2, metric });
    expect(several).toMatchObject({ part: "dev", topics: 1, verdict: "cannot tell", scores: { a: 0.7 } });
    expect(Object.keys(several.scores)).toEqual(["a"]);
    const one = measuredOf(comparison, asked, { cycle: 1, cycles: 1, metric });
    expect(one).toMatchObject({ part: "test", topics: 1, scores: { c: 0.6 } });
  });
});
