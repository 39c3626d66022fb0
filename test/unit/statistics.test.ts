import { describe, expect, it } from "vitest";
import { clusteredMean } from "../../src/pipeline/clusterRobust.ts";
import { changeOf, clusteredInterval, compare, standardDeviation, verdict } from "../../src/pipeline/statistics.ts";
import { tQuantile } from "../../src/pipeline/studentT.ts";

const topics = ["a", "a", "b", "b", "c", "d", "d", "e", "f", "g"];
const baseline = [0.42, 0.55, 0.61, 0.38, 0.7, 0.52, 0.49, 0.66, 0.58, 0.41];
const tuned = [0.8, 0.62, 0.79, 0.71, 0.69, 0.88, 0.48, 0.9, 0.81, 0.6];
const pairs = topics.map((cluster, index) => ({ cluster, baseline: baseline[index] ?? 0, tuned: tuned[index] ?? 0 }));

describe("tQuantile", () => {
  it.each([
    [0.975, 1, 12.706204736432095],
    [0.975, 19, 2.093024054408263],
    [0.975, 30, 2.042272456301238],
    [0.975, 500, 1.964719837467],
    [0.8, 19, 0.860950550269],
    [0.5, 7, 0],
  ])("agrees with scipy.stats.t.ppf(%d, %d)", (probability, degrees, expected) => {
    expect(tQuantile(probability, degrees)).toBeCloseTo(expected, 9);
  });
});

describe("clusteredMean", () => {
  it("is the t test of the topics' means where topics have equally many questions", () => {
    const means = [0.1, 0.25, -0.05, 0.3, 0.12];
    const found = clusteredMean(means.map((each) => ({ size: 3, sum: each * 3 })));
    expect(found?.mean).toBeCloseTo(0.144, 12);
    expect(found?.error).toBeCloseTo((standardDeviation(means) ?? 0) / Math.sqrt(5), 12);
    expect(found?.degrees).toBeCloseTo(4, 12);
  });

  it("has fewer degrees of freedom where one topic holds most of the questions", () => {
    const found = clusteredMean([10, 1, 1, 1, 1, 1, 1, 1].map((size) => ({ size, sum: 0.1 * size })));
    expect(found?.degrees).toBeGreaterThan(1);
    expect(found?.degrees).toBeLessThan(3);
  });
});

describe("clusteredInterval", () => {
  it("holds the mean difference in its middle", () => {
    const interval = clusteredInterval(pairs);
    expect(((interval?.low ?? 0) + (interval?.high ?? 0)) / 2).toBeCloseTo(0.196, 12);
  });

  it("has nothing to say about a single topic", () => {
    expect(clusteredInterval(pairs.slice(0, 2))).toBeNull();
  });
});

describe("verdict", () => {
  it("needs an interval on one side of zero and six topics", () => {
    expect(verdict({ low: 0.01, high: 0.2 }, 6)).toBe("better");
    expect(verdict({ low: -0.2, high: -0.01 }, 6)).toBe("worse");
    expect(verdict({ low: -0.01, high: 0.2 }, 20)).toBe("cannot tell");
    expect(verdict({ low: 0.01, high: 0.2 }, 5)).toBe("cannot tell");
    expect(verdict(null, 20)).toBe("cannot tell");
  });
});

describe("compare", () => {
  it("counts changes and shows means, difference and percent", () => {
    const row = compare(pairs, 10);
    expect(row).toMatchObject({ scored: 10, failed: 0, better: 8, same: 2, worse: 0 });
    expect(row.means?.absolute).toBeCloseTo(0.196, 6);
    expect(row.means?.percent).toBeCloseTo(36.84, 1);
  });

  it("shows no mean when fewer than 95 % were scored in both arms", () => {
    expect(compare(pairs, 11).means).toBeNull();
    expect(compare(pairs, 11).failed).toBe(1);
    expect(compare([], 0).means).toBeNull();
  });

  it("has no percentage of a zero baseline", () => {
    expect(compare([{ cluster: "a", baseline: 0, tuned: 0.4 }], 1).means?.percent).toBeNull();
  });
});

it("calls small changes the same", () => {
  expect([changeOf(0.5, 0.515), changeOf(0.5, 0.53), changeOf(0.5, 0.4)]).toEqual(["same", "better", "worse"]);
});

it("has no standard deviation of one value", () => {
  expect(standardDeviation([0.3])).toBeNull();
  expect(standardDeviation([1, 2, 3, 4])).toBeCloseTo(1.29099, 4);
});
