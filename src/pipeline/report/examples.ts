/** Questions with their answers before and after, for people. */
import type { StageId, StageOutputs } from "../../protocol/model.ts";
import { firstLacks } from "../details.ts";
import { sameWithin } from "../statistics.ts";

/** One question with its answers, for people. Scores are of the primary metric. */
export interface Example {
  question: string;
  tier: string;
  topic: string;
  baseline: string;
  tuned: string;
  reference: string;
  before: number | null;
  after: number | null;
  /** Which details of the reference the answers lack, in words; empty when none. */
  lacks: { baseline: string; tuned: string };
}

type Outputs = {
  [Id in StageId]: { output: StageOutputs[Id] };
};

/** All compared questions with their first answers, most improved first. */
export function examplesOf(outputs: Outputs): Example[] {
  const { comparison, baselineAnswers, baselineEvaluation, tunedAnswers, tunedEvaluation, references } = outputs;
  return outputs.questions.output.questions
    .flatMap((question): Example[] => {
      const scores = comparison.output.perQuestion[question.id];
      const baseline = baselineAnswers.output.arms.baseline.answers[question.id]?.[0];
      const tuned = tunedAnswers.output.arms.tuned.answers[question.id]?.[0];
      if (!scores || !baseline || !tuned) return [];
      return [
        {
          question: question.text,
          tier: question.tier,
          topic: question.topic,
          baseline: baseline.text,
          tuned: tuned.text,
          reference: references.output.references[question.family]?.text ?? "",
          before: scores.baseline,
          after: scores.tuned,
          lacks: {
            baseline: firstLacks(baselineEvaluation.output.arms.baseline.scores, question.id),
            tuned: firstLacks(tunedEvaluation.output.arms.tuned.scores, question.id),
          },
        },
      ];
    })
    .sort((a, b) => gain(b) - gain(a));
}

const gain = ({ before, after }: Example): number => (before === null || after === null ? 0 : after - before);

/** The largest gains. */
export const gains = (examples: readonly Example[], most: number): Example[] =>
  examples.filter((example) => gain(example) > 0).slice(0, most);

/** Those that became worse by more than sampling alone moves a score, the worst first. */
export const regressions = (examples: readonly Example[]): Example[] =>
  examples.filter((example) => gain(example) < -sameWithin).reverse();
