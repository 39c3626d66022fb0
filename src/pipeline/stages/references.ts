/** Stage 3: the teacher answers each family once, from the section, with quotes that are checked. */
import type { Question, Reference, Section } from "../../protocol/model.ts";
import { defineStage } from "../stage.ts";
import { inParallel } from "./items.ts";

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

/** How many references an online teacher may work on at once; its own limiter decides what is really sent. */
const atOnce = 16;

export const references = defineStage({
  id: "references",
  version: 1,
  needs: ["questions"],
  needsPrevious: [],
  uses: "network",
  params: ({ teacher, knowledge }) => ({ teacher: teacher.id, domain: knowledge.domain }),
  async run({ questions }, context) {
    const { teacher, cycle, signal } = context;
    const sections = new Map<string, Section>(questions.sections.map((section) => [section.id, section]));
    const leads = familyLeads(questions.questions);
    let done = 0;
    context.emit({ type: "stageProgress", cycle, stage: "references", done, total: leads.length });
    const answered = await inParallel(leads, teacher.online ? atOnce : 1, async (lead) => {
      signal.throwIfAborted();
      const section = sections.get(lead.section);
      if (!section) throw new Error(`question ${lead.id} names the unknown section ${lead.section}`);
      const reference = lead.answer
        ? userReference(lead.answer)
        : await context.item({ teacher: teacher.id, question: lead.text, section: section.hash }, () =>
            teacher.reference(lead.text, section, questions.domain, signal),
          );
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
    const named = all.filter((reference) => reference.status !== "answered").length;
    return `${all.length} references, ${grounded} grounded in the knowledge base${named ? `, ${named} truncated or refused` : ""}`;
  },
});
