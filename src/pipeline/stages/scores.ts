/** One question's score in one arm, and the pairs that arms are compared by. */
import type { ArmScores, Metric, Question, Score } from "../../protocol/model.ts";
import { mean, type Pair } from "../statistics.ts";

type Scores = ArmScores["scores"];

/** A question's mean over its repeats; null when any repeat has no value. */
export function scoreOf(scores: Scores, question: string, metric: Metric): number | null {
  const repeats = scores[question]?.map((each): Score | undefined => each[metric]) ?? [];
  const values = repeats.flatMap((score) => (score && "value" in score ? [score.value] : []));
  return values.length > 0 && values.length === repeats.length ? mean(values) : null;
}

/** True when the metric was tried on the question at all, so that a missing value counts as a failure. */
export const applies = (scores: Scores, question: string, metric: Metric): boolean =>
  (scores[question] ?? []).some((each) => {
    const score = each[metric];
    return score !== undefined && !("status" in score && score.status === "not_applicable");
  });

/** The questions scored in both arms; `tuned` is the second arm's score, whichever that is. */
export function pairsOf(asked: readonly Question[], metric: Metric, first: Scores, second: Scores): Pair[] {
  return asked.flatMap(({ id, topic }) => {
    const before = scoreOf(first, id, metric);
    const after = scoreOf(second, id, metric);
    return before === null || after === null ? [] : [{ cluster: topic, baseline: before, tuned: after }];
  });
}

/** The scores of the questions that have one. */
export function valuesOf(asked: readonly Question[], metric: Metric, scores: Scores): Record<string, number> {
  return Object.fromEntries(
    asked.flatMap(({ id }) => {
      const value = scoreOf(scores, id, metric);
      return value === null ? [] : [[id, value] as const];
    }),
  );
}
