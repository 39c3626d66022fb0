/** Answers that are none by their form alone, whatever a metric makes of them. */
import type { Answer, Answering, AnswerMark, Arm, ArmAnswers } from "../protocol/model.ts";
import { mean } from "./statistics.ts";

/** Words in a row that count as said again. */
const run = 4;
/** Below this many words nothing is called looping: a short list may well begin its items alike. */
const fewestWords = 12;
/** The sections of the bundled knowledge base come to 0.06 at most. */
const loopingShare = 0.3;

/**
 * The share of a text's runs of four words that occurred in it before, 0 for a text too short to tell:
 * seq-rep-4 of Welleck et al. 2019, "Neural Text Generation with Unlikelihood Training". Case and
 * punctuation do not count.
 */
export function repetition(text: string): number {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  if (words.length < fewestWords) return 0;
  const runs = words.slice(run - 1).map((_, index) => words.slice(index, index + run).join(" "));
  return 1 - new Set(runs).size / runs.length;
}

/** `empty`: no word in it. `looping`: above the share of repeated runs. `cut`: a limit ended it, not the model. */
export function marksOf({ text, stop }: Pick<Answer, "text" | "stop">): AnswerMark[] {
  const marks: AnswerMark[] = [];
  if (!/[\p{L}\p{N}]/u.test(text)) marks.push("empty");
  if (repetition(text) > loopingShare) marks.push("looping");
  if (stop !== "stop") marks.push("cut");
  return marks;
}

/** How an arm answers, over all its answers, repeats included. */
export function answeringOf(arm: Arm, { answers }: ArmAnswers): Answering {
  const all = Object.values(answers).flat();
  const marks = all.map(marksOf);
  const count = (mark: AnswerMark) => marks.filter((each) => each.includes(mark)).length;
  return {
    arm,
    answers: all.length,
    empty: count("empty"),
    looping: count("looping"),
    cut: count("cut"),
    stopRate: all.length === 0 ? 0 : 1 - count("cut") / all.length,
    meanTokens: arm === "teacher" || all.length === 0 ? null : mean(all.map(({ tokens }) => tokens)),
  };
}
