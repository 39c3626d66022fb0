/** Paired comparison of two arms over the same questions, clustered by topic. */
import type { ComparisonRow } from "../protocol/model.ts";

/** Two-sided 95 % points of Student's t for 1 to 30 degrees of freedom (NIST/SEMATECH e-Handbook, 1.3.6.7.2). */
const t95 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/** The 97.5 % quantile of Student's t; above 30 degrees of freedom by the Cornish-Fisher expansion (error < 1e-4). */
export function tQuantile95(degrees: number): number {
  const tabled = t95[degrees - 1];
  if (tabled !== undefined) return tabled;
  const z = 1.959964;
  return z + (z ** 3 + z) / (4 * degrees) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * degrees ** 2);
}

/** One question's score in both arms; the cluster is its topic. */
export interface Pair {
  cluster: string;
  baseline: number;
  tuned: number;
}

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Sample standard deviation; null below two values. */
export function standardDeviation(values: readonly number[]): number | null {
  if (values.length < 2) return null;
  const centre = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1));
}

/**
 * 95 % interval of the mean paired difference. Questions of one topic are not independent, so the
 * variance sums the residuals within each cluster first, with the G/(G−1) correction, and t has
 * G−1 degrees of freedom (Cameron and Miller 2015, "A Practitioner's Guide to Cluster-Robust Inference").
 * Null below two clusters.
 */
export function clusteredInterval(pairs: readonly Pair[]): { low: number; high: number } | null {
  const differences = pairs.map(({ baseline, tuned }) => tuned - baseline);
  const centre = mean(differences);
  const residuals = new Map<string, number>();
  pairs.forEach(({ cluster }, index) => {
    residuals.set(cluster, (residuals.get(cluster) ?? 0) + (differences[index] ?? 0) - centre);
  });
  const clusters = residuals.size;
  if (clusters < 2) return null;
  const squares = [...residuals.values()].reduce((sum, value) => sum + value ** 2, 0);
  const error = Math.sqrt((clusters / (clusters - 1)) * squares) / pairs.length;
  const margin = tQuantile95(clusters - 1) * error;
  return { low: centre - margin, high: centre + margin };
}

/** Below this many topics an interval clustered by topic says too little for a verdict. */
export const fewestTopics = 6;

export function verdict(
  interval: { low: number; high: number } | null,
  topics: number,
): "better" | "worse" | "cannot tell" {
  if (!interval || topics < fewestTopics) return "cannot tell";
  if (interval.low > 0) return "better";
  return interval.high < 0 ? "worse" : "cannot tell";
}

/** A change of a single question below this is called the same: sampling alone moves scores that far. */
export const sameWithin = 0.02;

export function changeOf(baseline: number, tuned: number): "better" | "same" | "worse" {
  if (Math.abs(tuned - baseline) <= sameWithin) return "same";
  return tuned > baseline ? "better" : "worse";
}

/** A mean is shown only when at least this share of the questions was scored in both arms. */
export const fewestScored = 0.95;

/** The numbers of one comparison row. `asked` counts all questions, scored or not. */
export function compare(
  pairs: readonly Pair[],
  asked: number,
): Pick<ComparisonRow, "scored" | "failed" | "means" | "better" | "same" | "worse"> {
  const changes = pairs.map(({ baseline, tuned }) => changeOf(baseline, tuned));
  const count = (change: string) => changes.filter((each) => each === change).length;
  const counts = {
    scored: pairs.length,
    failed: asked - pairs.length,
    better: count("better"),
    same: count("same"),
    worse: count("worse"),
  };
  if (pairs.length === 0 || pairs.length < fewestScored * asked) return { ...counts, means: null };
  const baseline = mean(pairs.map((pair) => pair.baseline));
  const tuned = mean(pairs.map((pair) => pair.tuned));
  const absolute = tuned - baseline;
  const percent = baseline === 0 ? null : (absolute / baseline) * 100;
  return { ...counts, means: { baseline, tuned, absolute, percent, interval: clusteredInterval(pairs) } };
}
