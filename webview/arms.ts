/** The arms by their names on screen. Types only cross over from the protocol; a test holds the two lists together. */
import type { AnswerMark, Arm, ExtraArm } from "../src/protocol/model.ts";

export const armTitles: Readonly<Record<Arm, string>> = {
  baseline: "untuned",
  baselineRetrieval: "untuned + retrieval",
  tuned: "fine-tuned",
  tunedRetrieval: "fine-tuned + retrieval",
  adopted: "student in use",
  teacher: "teacher",
};

/** What a run may add, with what it means and costs. */
export const extraArms: readonly [ExtraArm, string, string][] = [
  ["retrieval", "Retrieval", "both students also answer with the best sections before them; twice the answers"],
  ["adopted", "Student in use", "the one an earlier run left; another answer a question"],
  ["teacher", "Teacher", "as a ceiling; a request a question"],
];

/** "empty, cut" for people; nothing for a sound answer. */
export const markWords = (marks: readonly AnswerMark[]): string => (marks.length === 0 ? "" : ` (${marks.join(", ")})`);
