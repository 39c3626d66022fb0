/** Which questions a cycle asks, and the pieces of work the stages share. */
import type { Question } from "../../protocol/model.ts";
import { seedOf } from "../hash.ts";
import type { LanguageModel } from "../ports.ts";
import type { StageContext } from "../stage.ts";
import { studentMessages } from "../template.ts";
import type { Answer } from "../../protocol/model.ts";

/**
 * The questions both arms answer in a cycle: the dev part in every cycle, and the test part only in
 * the last one, so that no choice between cycles can have seen it.
 */
export function askedIn(questions: readonly Question[], cycle: number, cycles: number): Question[] {
  return questions.filter(({ part }) => part === "dev" || (part === "test" && cycle === cycles));
}

/**
 * Answers of one arm, each a resume point. Both arms get the same prompts, seeds and limits.
 * Resolves to one array of `repeats` answers a question id.
 */
export async function answerAll(
  questions: readonly Question[],
  model: LanguageModel,
  stage: "baselineAnswers" | "tunedAnswers",
  context: StageContext,
): Promise<Record<string, Answer[]>> {
  const { settings, cycle, knowledge, signal, template } = context;
  const total = questions.length * settings.repeats;
  const answers: Record<string, Answer[]> = {};
  let done = 0;
  context.emit({ type: "stageProgress", cycle, stage, done, total });
  for (const question of questions) {
    const repeats: Answer[] = [];
    for (let repeat = 0; repeat < settings.repeats; repeat++) {
      signal.throwIfAborted();
      const messages = studentMessages(knowledge.domain, question.text);
      const seed = seedOf(settings.seed, question.id, repeat);
      const key = { model: model.id, prompt: template.render(messages), sampling: settings.sampling, seed };
      const answer = await context.item(key, () =>
        model.generate(messages, { ...settings.sampling, seed, signal }),
      );
      repeats.push(answer);
      done += 1;
      context.emit({ type: "item", cycle, stage, question: question.text, answer: answer.text });
      context.emit({ type: "stageProgress", cycle, stage, done, total });
    }
    answers[question.id] = repeats;
  }
  return answers;
}

/** Runs `work` over all items, at most `limit` at a time; the results keep the items' order. */
export async function inParallel<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = new Array(items.length);
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < items.length; index = next++) results[index] = await work(items[index] as T, index);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}
