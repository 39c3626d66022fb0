/** Every arm beside the untuned student: the table that shows what else would have helped. */
import {
  armNames,
  metricNames,
  tiers,
  type Arm,
  type ArmRow,
  type ArmScores,
  type Metric,
  type OfArms,
  type Question,
} from "../../protocol/model.ts";
import { compare } from "../statistics.ts";
import { measuredBy, pairsOf } from "./scores.ts";

export type ScoresByArm = OfArms<ArmScores> & { baseline: ArmScores };

/** Rows by tier, metric and arm; an arm that did not answer, or a metric that nowhere applies, has none. */
export function armRows(arms: ScoresByArm, asked: readonly Question[], part: "dev" | "test"): ArmRow[] {
  return tiers.flatMap((tier) => {
    const group = asked.filter((question) => question.tier === tier && question.part === part);
    return metricNames.flatMap((metric) =>
      armNames.flatMap((arm) => {
        const figures = figuresOf(arm, metric, group, arms);
        return figures ? [{ arm, metric, tier, part, ...figures }] : [];
      }),
    );
  });
}

type Figures = Pick<ArmRow, "scored" | "failed" | "notApplicable" | "means">;

/** One arm over the questions that it and the baseline share; null when there is nothing to compare. */
function figuresOf(arm: Arm, metric: Metric, group: readonly Question[], arms: ScoresByArm): Figures | null {
  const baseline = arms.baseline.scores;
  const scores = arms[arm]?.scores;
  if (!scores) return null;
  const measured = measuredBy(group, metric, baseline, scores);
  if (!measured) return null;
  const { questions, notApplicable } = measured;
  const { scored, failed, means } = compare(pairsOf(questions, metric, baseline, scores), questions.length);
  if (!means) return { scored, failed, notApplicable, means };
  const { tuned: mean, absolute, interval } = means;
  const itself = arm === "baseline";
  return {
    scored,
    failed,
    notApplicable,
    means: { mean, difference: itself ? null : absolute, interval: itself ? null : interval },
  };
}
