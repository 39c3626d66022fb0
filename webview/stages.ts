/** The seven stages by their names on screen. Types only cross over from the protocol; a test holds the two lists together. */
import type { StageId } from "../src/protocol/model.ts";

export const screenStages: readonly { title: string; stages: readonly StageId[] }[] = [
  { title: "Question generation", stages: ["questions"] },
  { title: "Baseline answers", stages: ["baselineAnswers"] },
  { title: "Reference answers", stages: ["references"] },
  { title: "Baseline evaluation", stages: ["baselineEvaluation"] },
  { title: "Fine-tuning", stages: ["fineTuning"] },
  { title: "Fine-tuned evaluation", stages: ["tunedAnswers", "tunedEvaluation"] },
  { title: "Comparison", stages: ["comparison"] },
];
