/** How each arm answers, and which of them a run has. */
import {
  armNames,
  armTitles,
  type Answer,
  type ArmAnswers,
  type OfArms,
  type Question,
  type Reference,
  type RetrievalAnswers,
  type Section,
} from "../../protocol/model.ts";
import type { AdoptedStudent, LanguageModel } from "../ports.ts";
import { probeMessages, probeOptions, probeParams, probeQuestions } from "../probe.ts";
import { createRetriever, retrievalParams } from "../retrieval.ts";
import type { StageContext } from "../stage.ts";
import { retrievalMessages, studentMessages } from "../template.ts";
import { answerAll, answersAtOnce, askedAtOnce, inParallel, type Tell } from "./items.ts";

/** The params all answers of a student depend on. */
export const answerParams = ({
  settings,
  cycle,
  student,
  embedder,
  knowledge,
}: Pick<StageContext, "settings" | "cycle" | "student" | "embedder" | "knowledge">) => ({
  student: student.id,
  domain: knowledge.domain,
  template: settings.template,
  sampling: settings.sampling,
  seed: settings.seed,
  repeats: settings.repeats,
  last: cycle === settings.cycles,
  retrieval: settings.arms.includes("retrieval") ? retrievalParams({ embedder, knowledge }) : null,
  probe: probeParams({ settings, cycle }),
});

/** A model under the name that says which adapter it has. */
export const named = (id: string, model: LanguageModel): LanguageModel => ({
  id,
  generate: (messages, options) => model.generate(messages, options),
});

/** One arm: the model with the question alone, as in training. */
export const answerPlainly = (
  questions: readonly Question[],
  model: LanguageModel,
  tell: Tell,
  context: StageContext,
): Promise<ArmAnswers> =>
  answerAll(questions, model, ({ text }) => studentMessages(context.knowledge.domain, text), tell, context);

/** One arm: the model with the best sections of the knowledge base beside the question. */
export async function answerWithRetrieval(
  questions: readonly Question[],
  model: LanguageModel,
  tell: Tell,
  context: StageContext,
): Promise<RetrievalAnswers> {
  const retriever = createRetriever(context);
  const sections: RetrievalAnswers["sections"] = {};
  const ask = async ({ id, text }: Question) => {
    const excerpts = await retriever.excerptsFor(text);
    sections[id] = excerpts.map((excerpt) => excerpt.id);
    return retrievalMessages(context.knowledge.domain, text, excerpts);
  };
  return { ...(await answerAll(questions, model, ask, tell, context)), sections };
}

/** The student in use, when it can be compared: an adapter of the base model that answers here. */
export function adoptedArm({
  settings,
  adopted,
  student,
}: Pick<StageContext, "settings" | "adopted" | "student">): AdoptedStudent | null {
  const wanted = settings.arms.includes("adopted");
  return wanted && adopted?.id.startsWith(`${student.id}+`) ? adopted : null;
}

/** Why the student in use is missing though it was asked for; null when it is not. */
export function missingAdopted(context: StageContext): string | null {
  const { settings, adopted } = context;
  if (!settings.arms.includes("adopted") || adoptedArm(context)) return null;
  return adopted
    ? "The student in use was tuned on another base model or template, so it does not answer in this comparison."
    : "There is no student in use yet, so it does not answer in this comparison.";
}

/**
 * One arm: the teacher, from the section as it wrote the references, but each question by itself. What
 * it refuses or garbles is an empty answer. Its answers are not repeated, as it is asked with one seed.
 */
export async function answerByTeacher(
  questions: readonly Question[],
  sectionsOfRun: readonly Section[],
  tell: Tell,
  context: StageContext,
): Promise<ArmAnswers> {
  const { teacher, knowledge, signal } = context;
  const sections = new Map(sectionsOfRun.map((section) => [section.id, section]));
  const answered = await inParallel(questions, teacher.online ? askedAtOnce : 1, async ({ id, text, section: of }) => {
    signal.throwIfAborted();
    const section = sections.get(of);
    if (!section) throw new Error(`question ${id} names the unknown section ${of}`);
    const key = { teacher: teacher.id, question: text, section: section.hash, domain: knowledge.domain };
    const answer = await context.item(key, async () => {
      const began = Date.now();
      return asAnswer(await teacher.reference(text, section, knowledge.domain, signal), Date.now() - began);
    });
    tell(text, answer);
    return { id, answer };
  });
  return { model: teacher.id, answers: Object.fromEntries(answered.map(({ id, answer }) => [id, [answer]])) };
}

/** Tokens of the teacher are not the student's and are not counted here. */
const asAnswer = ({ status, text }: Reference, milliseconds: number): Answer => ({
  text: status === "answered" ? text : "",
  stop: status === "truncated" ? "length" : "stop",
  tokens: 0,
  milliseconds,
});

/** The general questions, each answer a resume point. */
export async function answerProbe(
  model: LanguageModel,
  tell: Tell,
  { template, signal, item }: StageContext,
): Promise<Record<string, Answer>> {
  const answers = await inParallel(probeQuestions, answersAtOnce, async ({ id, question }) => {
    signal.throwIfAborted();
    const messages = probeMessages(question);
    const key = { model: model.id, prompt: template.render(messages), options: probeOptions };
    const answer = await item(key, () => model.generate(messages, { ...probeOptions, signal }));
    tell(question, answer);
    return [id, answer] as const;
  });
  return Object.fromEntries(answers);
}

/** "45 questions answered", with the names of the arms when there are several. */
export function armsSummary(arms: OfArms<ArmAnswers>): string {
  const names = armNames.filter((arm) => arms[arm]);
  const count = Object.keys((names[0] && arms[names[0]]?.answers) ?? {}).length;
  return `${count} questions answered${names.length > 1 ? ` by ${names.map((arm) => armTitles[arm]).join(", ")}` : ""}`;
}
