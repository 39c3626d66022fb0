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

/** What came of a metric on one question in one arm: the worst of its repeats; null when it was not asked for. */
function outcome(scores: Scores, question: string, metric: Metric): "scored" | "failed" | "not applicable" | null {
  const repeats = scores[question]?.flatMap((each) => each[metric] ?? []) ?? [];
  if (repeats.length === 0) return null;
  if (repeats.some((score) => "status" in score && score.status === "failed")) return "failed";
  return repeats.every((score) => "value" in score) ? "scored" : "not applicable";
}

/**
 * The questions a metric applies to in both arms, so that a missing value is a failure, and how many it says
 * nothing about. Null when it was asked of neither arm.
 */
export function measuredBy(
  asked: readonly Question[],
  metric: Metric,
  first: Scores,
  second: Scores,
): { questions: Question[]; notApplicable: number } | null {
  const tried = asked
    .map((question) => ({ question, both: [first, second].map((arm) => outcome(arm, question.id, metric)) }))
    .filter(({ both }) => both.some((each) => each !== null));
  if (tried.length === 0) return null;
  // A failure stays one, whatever the metric says about the other answer.
  const questions = tried.filter(({ both }) => both.includes("failed") || !both.includes("not applicable"));
  return { questions: questions.map(({ question }) => question), notApplicable: tried.length - questions.length };
}

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
