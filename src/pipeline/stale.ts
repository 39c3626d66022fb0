/** What rests on sections whose text changed since. */
import type { Knowledge, Question, Section, StageOutputs } from "../protocol/model.ts";

export interface StaleSection {
  /** As it was when it was asked about. */
  section: Section;
  /** As it is now; null when it is gone. */
  now: Section | null;
  change: "edited" | "removed";
  /** The questions that were made from it. */
  questions: Question[];
}

/** The sections that questions rest on and that changed or went; sections without questions do not matter. */
export function staleSections(
  { sections, questions }: Pick<StageOutputs["questions"], "sections" | "questions">,
  knowledge: Pick<Knowledge, "sections">,
): StaleSection[] {
  const current = new Map(knowledge.sections.map((section) => [section.id, section]));
  const bySection = Map.groupBy(questions, ({ section }) => section);
  return sections.flatMap((section): StaleSection[] => {
    const now = current.get(section.id) ?? null;
    const resting = bySection.get(section.id) ?? [];
    if (now?.hash === section.hash || resting.length === 0) return [];
    return [{ section, now, change: now ? "edited" : "removed", questions: resting }];
  });
}
