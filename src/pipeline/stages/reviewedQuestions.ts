/** Decisions about the wordings of questions, applied to the questions of one cycle. */
import type { Question, StageOutputs } from "../../protocol/model.ts";
import { sameWords } from "../askedWords.ts";
import { asksTheSame } from "../duplicates.ts";
import { judged, questionDecisions } from "../review.ts";
import type { StageContext } from "../stage.ts";

type Excluded = StageOutputs["questions"]["excluded"][number];

export interface Reviewed {
  kept: Question[];
  excluded: Excluded[];
  /** For people: decisions that could not be applied. */
  notes: string[];
}

/**
 * Leaves out and rewords what people decided about. An edited question keeps its id, tier and part.
 * @param earlier questions of former cycles, which no new wording may repeat.
 */
export async function reviewedQuestions(
  made: readonly Question[],
  earlier: readonly Question[],
  { review, cycle, embedder, signal }: Pick<StageContext, "review" | "cycle" | "embedder" | "signal">,
): Promise<Reviewed> {
  const decisions = questionDecisions(review, cycle);
  const notes: string[] = [];
  const excluded: Excluded[] = [];
  let kept: Question[] = [];
  const edits: Question[] = [];
  for (const question of made) {
    const decision = decisions[question.id];
    if (decision && decision.of !== judged(question.text))
      notes.push(`What was decided about ${question.id} was about another wording and is not applied.`);
    else if (decision?.action === "exclude") {
      excluded.push({ ...question, reason: decision.reason });
      continue;
    } else if (decision?.action === "edit") edits.push({ ...question, text: decision.text, original: question.text });
    kept.push(question);
  }
  for (const edit of edits) {
    const others = [...earlier, ...kept].filter(({ id }) => id !== edit.id);
    const twin = await repeated(edit, others, (texts) => embedder.embed(texts, signal));
    if (twin) notes.push(`The new wording of ${edit.id} repeats ${twin.id} and is not used.`);
    else kept = kept.map((question) => (question.id === edit.id ? edit : question));
  }
  // A fact that is no longer trained on cannot be tested as a trained one.
  const trained = new Set(kept.flatMap(({ tier, family }) => (tier === "train" ? family : [])));
  const orphaned = kept.filter(({ tier, family }) => tier === "reworded" && !trained.has(family));
  for (const question of orphaned) excluded.push({ ...question, reason: "no training wording of its family is left" });
  return { kept: kept.filter((question) => !orphaned.includes(question)), excluded, notes };
}

/** The question that a wording repeats: nearly, in another family; word for word, in its own. */
async function repeated(
  { text, family }: Question,
  others: readonly Question[],
  embed: (texts: string[]) => Promise<number[][]>,
): Promise<Question | undefined> {
  const [own = [], ...vectors] = await embed([text, ...others.map((other) => other.text)]);
  return others.find(
    (other, index) =>
      sameWords(other.text, text) ||
      (other.family !== family &&
        asksTheSame({ text: other.text, vector: vectors[index] ?? [] }, { text, vector: own })),
  );
}
