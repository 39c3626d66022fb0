/** The pipeline on one screen: its stages in order. What each one needs is declared in its own file. */
import type { StageId } from "../protocol/model.ts";
import type { Stage } from "./stage.ts";
import { baselineAnswers } from "./stages/baselineAnswers.ts";
import { comparison } from "./stages/comparison.ts";
import { baselineEvaluation, tunedEvaluation } from "./stages/evaluation.ts";
import { fineTuning } from "./stages/fineTuning.ts";
import { questions } from "./stages/questions.ts";
import { references } from "./stages/references.ts";
import { tunedAnswers } from "./stages/tunedAnswers.ts";

/** A stage as the runner sees it: which outputs it reads was checked where it was defined. */
export type AnyStage = { [Id in StageId]: Stage<Id, StageId, StageId> }[StageId];

export const pipeline = [
  questions,
  baselineAnswers,
  references,
  baselineEvaluation,
  fineTuning,
  tunedAnswers,
  tunedEvaluation,
  comparison,
] as unknown as readonly AnyStage[];

/** The stages that read the output of `stage`, directly or through others, and `stage` itself. */
export function dependents(stage: StageId): StageId[] {
  const found = new Set<StageId>([stage]);
  for (const each of pipeline) if (each.needs.some((need) => found.has(need))) found.add(each.id);
  return pipeline.map(({ id }) => id).filter((id) => found.has(id));
}
