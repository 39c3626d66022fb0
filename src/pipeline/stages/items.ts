/** Which questions a cycle asks, and the pieces of work the stages share. */
import type { Answer, ArmAnswers, Question } from "../../protocol/model.ts";
import { seedOf } from "../hash.ts";
import type { LanguageModel, Message } from "../ports.ts";
import type { StageContext } from "../stage.ts";

/**
 * The questions all arms answer in a cycle: the dev part in every cycle, and the test part only in
 * the last one, so that no choice between cycles can have seen it.
 */
export function askedIn(questions: readonly Question[], cycle: number, cycles: number): Question[] {
  return questions.filter(({ part }) => part === "dev" || (part === "test" && cycle === cycles));
}

/** More than any student computes at once; it lets the rest wait until a lane is free. */
export const answersAtOnce = 8;

/** More than any online teacher is asked at once; its limiter decides what is really sent. */
export const askedAtOnce = 100;

/** Says that one more answer of the stage is there, whichever arm gave it. */
export type Tell = (question: string, answer: Answer) => void;

/** Counts the answers of all arms of a stage together. */
export function countAnswers(stage: "baselineAnswers" | "tunedAnswers", total: number, context: StageContext): Tell {
  const { cycle } = context;
  let done = 0;
  context.emit({ type: "stageProgress", cycle, stage, done, total });
  return (question, { text }) => {
    done += 1;
    context.emit({ type: "item", cycle, stage, question, answer: text });
    context.emit({ type: "stageProgress", cycle, stage, done, total });
  };
}

/**
 * Answers of one arm, each a resume point. All arms get the same questions, seeds and limits; `ask`
 * makes the prompt. Resolves to one array of `repeats` answers a question id.
 */
export async function answerAll(
  questions: readonly Question[],
  model: LanguageModel,
  ask: (question: Question) => readonly Message[] | Promise<readonly Message[]>,
  tell: Tell,
  context: StageContext,
): Promise<ArmAnswers> {
  const { settings, signal, template } = context;
  const asked = questions.flatMap((question) =>
    Array.from({ length: settings.repeats }, (_, repeat) => ({ question, repeat })),
  );
  const texts = await inParallel(asked, answersAtOnce, async ({ question, repeat }) => {
    signal.throwIfAborted();
    const messages = await ask(question);
    const seed = seedOf(settings.seed, question.id, repeat);
    const key = { model: model.id, prompt: template.render(messages), sampling: settings.sampling, seed };
    const answer = await context.item(key, () => model.generate(messages, { ...settings.sampling, seed, signal }));
    tell(question.text, answer);
    return answer;
  });
  const answers: ArmAnswers["answers"] = {};
  asked.forEach(({ question }, index) => (answers[question.id] ??= []).push(texts[index] as Answer));
  return { model: model.id, answers };
}

/**
 * Runs `work` over all items, at most `limit` at a time; the results keep the items' order. After a
 * failure no further item is begun, and those in work are waited for, so that nothing writes later.
 */
export async function inParallel<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = Array.from({ length: items.length });
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < items.length; index = next++) {
      try {
        results[index] = await work(items[index] as T, index);
      } catch (error) {
        next = items.length;
        throw error;
      }
    }
  };
  const workers = await Promise.allSettled(Array.from({ length: Math.min(limit, items.length) }, worker));
  for (const each of workers) if (each.status === "rejected") throw each.reason;
  return results;
}
