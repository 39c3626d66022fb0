/** What the report says of people's decisions: how many, and why something was left out. */
import type { StageOutputs } from "../../protocol/model.ts";
import { doubtAbout } from "../review.ts";

/** One sentence each; none when nothing was decided and nothing is in doubt. */
export function reviewSentences(
  { questions, excluded }: Pick<StageOutputs["questions"], "questions" | "excluded">,
  { references }: StageOutputs["references"],
): string[] {
  const answers = Object.entries(references);
  const leftOut = answers.filter(([, { status }]) => status === "excluded");
  const reworded = questions.filter(({ original }) => original !== undefined).length;
  const rewritten = answers.filter(([, { original }]) => original !== undefined).length;
  const doubted = answers.filter(([, reference]) => doubtAbout(reference) !== null).length;
  const reasons = [
    ...leftOut.map(([family, { reason }]) => `${family} (${reason ?? ""})`),
    ...excluded.map(({ id, reason }) => `${id} (${reason})`),
  ];
  return [
    ...(reasons.length > 0
      ? [
          `Left out by review: ${count(leftOut.length, "question family", "question families")} and ${count(excluded.length, "wording", "wordings")}, neither trained on nor compared: ${reasons.join("; ")}.`,
        ]
      : []),
    ...(reworded + rewritten > 0
      ? [
          `Edited by review: ${count(reworded, "question", "questions")} and ${count(rewritten, "reference", "references")}.`,
        ]
      : []),
    ...(doubted > 0
      ? [
          `${count(doubted, "reference", "references")} in use say or quote something that was not found in the section.`,
        ]
      : []),
  ];
}

const count = (number: number, one: string, several: string): string => `${number} ${number === 1 ? one : several}`;
