import { describe, expect, it } from "vitest";
import {
  changeOf,
  clusteredInterval,
  compare,
  standardDeviation,
  tQuantile95,
  verdict,
} from "../../src/pipeline/statistics.ts";

const topics = ["a", "a", "b", "b", "c", "d", "d", "e", "f", "g"];
const baseline = [0.42, 0.55, 0.61, 0.38, 0.7, 0.52, 0.49, 0.66, 0.58, 0.41];
const tuned = [0.8, 0.62, 0.79, 0.71, 0.69, 0.88, 0.48, 0.9, 0.81, 0.6];
const pairs = topics.map((cluster, index) => ({ cluster, baseline: baseline[index] ?? 0, tuned: tuned[index] ?? 0 }));

describe("tQuantile95", () => {
  it.each([
    [1, 12.7062],
    [19, 2.09302],
    [30, 2.04227],
    [31, 2.03951],
    [60, 2.0003],
    [500, 1.96472],
  ])("agrees with scipy.stats.t.ppf(0.975, %i)", (degrees, expected) => {
    expect(tQuantile95(degrees)).toBeCloseTo(expected, 3);
  });
});

describe("clusteredInterval", () => {
  it("agrees with statsmodels OLS with clustered covariance and t", () => {
    const interval = clusteredInterval(pairs);
    expect(interval?.low).toBeCloseTo(0.12881663, 4);
    expect(interval?.high).toBeCloseTo(0.26318337, 4);
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
