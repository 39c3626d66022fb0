/**
 * General questions with answers a rule can check, asked before and after fine-tuning: what a student
 * lost that nobody taught it to lose. They have nothing to do with the knowledge base.
 */
import { probeQuestionsSchema, type Answer, type ProbeResult } from "../protocol/model.ts";
import { hashOf } from "./hash.ts";
import type { Message } from "./ports.ts";
import stored from "./probe.json" with { type: "json" };
import type { StageContext } from "./stage.ts";

/** The embedded student answers 13 of the 16 right before any tuning; with none right there would be nothing to lose. */
export const probeQuestions = probeQuestionsSchema.parse(stored);

/** Greedy and short: the question is what the student knows, not how it is sampled. */
export const probeOptions = {
  maxNewTokens: 24,
  temperature: 0,
  topP: 1,
  topK: 1,
  repetitionPenalty: 1,
  maxTime: 60,
  seed: 1,
};
const system = "You are a helpful assistant.";

export const probeMessages = (question: string): Message[] => [
  { role: "system", content: system },
  { role: "user", content: question },
];

/** What probe answers depend on; null in a cycle that asks none: before the last, or where it is off. */
export const probeParams = ({ settings, cycle }: Pick<StageContext, "settings" | "cycle">): unknown =>
  settings.probe && cycle === settings.cycles ? { set: hashOf(probeQuestions), system, ...probeOptions } : null;

/** Whether an answer is right, by the question's pattern; case does not count. */
export const isRight = (accept: string, text: string): boolean => new RegExp(accept, "i").test(text);

/** Before against after over the questions both students were asked; null when there are none. */
export function compareProbe(
  before: Readonly<Record<string, Answer>> | null,
  after: Readonly<Record<string, Answer>> | null,
): ProbeResult | null {
  const both = probeQuestions.flatMap(({ id, question, accept }) => {
    const [first, second] = [before?.[id], after?.[id]];
    if (!first || !second) return [];
    const right = { before: isRight(accept, first.text), after: isRight(accept, second.text) };
    return [{ right, shown: { question, before: first.text, after: second.text } }];
  });
  if (both.length === 0) return null;
  return {
    questions: both.length,
    before: both.filter(({ right }) => right.before).length,
    after: both.filter(({ right }) => right.after).length,
    lost: both.filter(({ right }) => right.before && !right.after).map(({ shown }) => shown),
    gained: both.filter(({ right }) => !right.before && right.after).map(({ shown }) => shown),
  };
}
