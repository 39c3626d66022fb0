/** Paired comparison of two arms over the same questions, clustered by topic. */
import type { ComparisonRow } from "../protocol/model.ts";
import { clusteredMean, type Cluster } from "./clusterRobust.ts";
import { tQuantile } from "./studentT.ts";

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

/** Topic by topic, how many pairs there are and what their differences add up to. */
export function topicSums(pairs: readonly Pair[]): Cluster[] {
  const sums = new Map<string, Cluster>();
  for (const { cluster, baseline, tuned } of pairs) {
    const known = sums.get(cluster) ?? { size: 0, sum: 0 };
    sums.set(cluster, { size: known.size + 1, sum: known.sum + (tuned - baseline) });
  }
  return [...sums.values()];
}

/**
 * 95 % interval of the mean paired difference, with an error that allows for questions of one topic
 * being alike ({@link clusteredMean}) and Student's t. Null below two topics.
 *
 * Chosen by measurement over two others (`npm run bench -- coverage`; its own figures are in coverageFigures.ts).
 * With equally many questions in every topic it is the t interval with the plain error and G − 1 degrees of
 * freedom; with 1 to 10 questions a topic that one held normal effects in 91.6 to 94.1 % only. A studentised
 * bootstrap over topics (Cameron, Gelbach and Miller 2008) held them in 93.2 to 94.4 % there; on skewed
 * differences it mostly does better, by 1.3 points at most, on tied ones mostly worse, and it needs a seed.
 */
export function clusteredInterval(pairs: readonly Pair[]): { low: number; high: number } | null {
  const found = clusteredMean(topicSums(pairs));
  if (!found) return null;
  const margin = tQuantile(0.975, found.degrees) * found.error;
  return { low: found.mean - margin, high: found.mean + margin };
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
