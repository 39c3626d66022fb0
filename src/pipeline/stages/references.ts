/** Stage 3: the teacher answers each family once, from the section, with quotes that are checked. */
import type { Question, Reference, Section } from "../../protocol/model.ts";
import { unsupportedSentences } from "../claims.ts";
import { answerDecisions, doubtAbout, judged } from "../review.ts";
import { defineStage, type StageContext } from "../stage.ts";
import { askedAtOnce, inParallel } from "./items.ts";

/** The question a family's reference is asked with: its first wording. */
export function familyLeads(questions: readonly Question[]): Question[] {
  const leads = new Map<string, Question>();
  for (const question of questions) if (!leads.has(question.family)) leads.set(question.family, question);
  return [...leads.values()];
}

const userReference = (text: string): Reference => ({
  status: "answered",
  text,
  quotes: [],
  grounded: false,
  author: "user",
});

export const references = defineStage({
  id: "references",
  version: 2,
  needs: ["questions"],
  needsPrevious: [],
  uses: "network",
  params: ({ teacher, knowledge, review, cycle }) => ({
    teacher: teacher.id,
    domain: knowledge.domain,
    review: answerDecisions(review, cycle),
  }),
  async run({ questions }, context) {
    const { teacher, cycle, signal } = context;
    const sections = new Map<string, Section>(questions.sections.map((section) => [section.id, section]));
    const leads = familyLeads(questions.questions);
    let done = 0;
    context.emit({ type: "stageProgress", cycle, stage: "references", done, total: leads.length });
    const answered = await inParallel(leads, teacher.online ? askedAtOnce : 1, async (lead) => {
      signal.throwIfAborted();
      const section = sections.get(lead.section);
      if (!section) throw new Error(`question ${lead.id} names the unknown section ${lead.section}`);
      const reference = await reviewedReference(lead, section, context);
      done += 1;
      context.emit({ type: "item", cycle, stage: "references", question: lead.text, answer: reference.text });
      context.emit({ type: "stageProgress", cycle, stage: "references", done, total: leads.length });
      return [lead.family, reference] as const;
    });
    return { teacher: teacher.id, references: Object.fromEntries(answered) };
  },
  summary({ references: byFamily }) {
    const all = Object.values(byFamily);
    const grounded = all.filter((reference) => reference.grounded).length;
    const excluded = all.filter(({ status }) => status === "excluded").length;
    const named = all.filter(({ status }) => status !== "answered").length - excluded;
    const doubted = all.filter((reference) => doubtAbout(reference) !== null).length;
    return [
      `${all.length} references, ${grounded} grounded in the knowledge base`,
      named ? `${named} truncated or refused` : "",
      doubted ? `${doubted} unsupported` : "",
      excluded ? `${excluded} excluded` : "",
    ]
      .filter(Boolean)
      .join(", ");
  },
});

/** The teacher's or the user's answer, checked against its section, with what people decided about it. */
async function reviewedReference(lead: Question, section: Section, context: StageContext): Promise<Reference> {
  const { review, knowledge } = context;
  const decision = review.decisions[lead.family];
  if (decision?.action === "exclude" && decision.of === judged(lead.original ?? lead.text))
    return { status: "excluded", text: "", quotes: [], grounded: false, author: "teacher", reason: decision.reason };
  const given = lead.answer ? userReference(lead.answer) : await teacherReference(lead, section, context);
  const fits = decision?.of === judged(given.text);
  if (decision && !fits)
    context.emit({
      type: "notice",
      text: `What was decided about ${lead.family} was about another answer and is not applied.`,
    });
  if (fits && decision.action === "edit") {
    const { askedAgain } = given;
    return { ...userReference(decision.text), original: given.text, ...(askedAgain ? { askedAgain } : {}) };
  }
  const also = [lead.text, knowledge.domain.name, knowledge.domain.version];
  const unsupported = given.author === "teacher" ? unsupportedSentences(given.text, section, also) : [];
  const checked: Reference = unsupported.length > 0 ? { ...given, unsupported } : given;
  if (fits && decision.action === "exclude") return { ...checked, status: "excluded", reason: decision.reason };
  return checked;
}

/** The teacher's answer, or a later one where it was asked again after exactly its first. */
async function teacherReference(lead: Question, section: Section, context: StageContext): Promise<Reference> {
  const { teacher, knowledge, review, signal } = context;
  const ask = async (times: number): Promise<Reference> => {
    const { domain } = knowledge;
    const key = {
      teacher: teacher.id,
      question: lead.text,
      section: section.hash,
      domain,
      ...(times ? { again: times } : {}),
    };
    // Kept by lines of the section, which may move within its file without being changed.
    const kept = await context.item(
      key,
      async () => moved(await teacher.reference(lead.text, section, domain, signal, times), -section.firstLine),
      // Another answer is wanted of a teacher that is asked again, and a better one where it failed.
      ({ status }) => times === 0 && status === "answered",
    );
    return moved(kept, section.firstLine);
  };
  const first = await ask(0);
  const again = review.askedAgain[lead.family];
  if (again?.of !== judged(first.text)) return first;
  const next = await ask(again.times);
  if (next.text === first.text)
    context.emit({ type: "notice", text: `Asked again, the teacher gave the same answer for ${lead.family}.` });
  return { ...next, askedAgain: again.times };
}

const moved = (reference: Reference, by: number): Reference => ({
  ...reference,
  quotes: reference.quotes.map(({ text, line }) => ({ text, line: line === null ? null : line + by })),
});
