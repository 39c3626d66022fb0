/** The ledger: every question's life over the cycles of a run, what is frozen of it, and who may look. */
import type { ComparisonOutput, Question, StageOutputs } from "../protocol/model.ts";
import { UserError } from "../protocol/errors.ts";
import { hashOf } from "./hash.ts";
import type { RunStore } from "./ports.ts";

/** One question's life so far. */
export interface LedgerEntry {
  id: string;
  family: string;
  topic: string;
  section: string;
  tier: Question["tier"];
  part: Question["part"];
  origin: Question["origin"];
  text: string;
  /** The cycle it was made in. */
  made: number;
  /** The cycles whose training had it; every one trains anew on all that was collected. */
  trained: number[];
  /** The cycles in which both arms answered it: dev in each, test in the last one only. */
  tested: number[];
  /** Why a person took it out; null for all others. */
  excluded: string | null;
}

/**
 * The questions in the order they were made, then those that were taken out.
 * @param done the latest cycle that was compared, 0 before the first
 * @param cycles of the whole run; the test part is opened in the last
 */
export function ledgerOf(
  { questions, excluded }: Pick<StageOutputs["questions"], "questions" | "excluded">,
  done: number,
  cycles: number,
): LedgerEntry[] {
  const entry = (question: Question, reason: string | null): LedgerEntry => {
    const { id, family, topic, section, tier, part, origin, text, cycle } = question;
    const lived = reason === null ? Math.max(0, done - cycle + 1) : 0;
    const since = Array.from({ length: lived }, (_, index) => cycle + index);
    return {
      id,
      family,
      topic,
      section,
      tier,
      part,
      origin,
      text,
      made: cycle,
      trained: tier === "train" ? since : [],
      tested: part === "dev" ? since : part === "test" ? since.filter((each) => each === cycles) : [],
      excluded: reason,
    };
  };
  return [
    ...questions.map((question) => entry(question, null)),
    ...excluded.map(({ reason, ...question }) => entry(question, reason)),
  ];
}

/** What a later cycle must not change of a question: what it asks, and what it is for. */
const frozen = ({ id, family, cycle, topic, section, text, tier, part, origin }: Question) =>
  hashOf({ id, family, cycle, topic, section, text, tier, part, origin });

/** How many questions a ledger holds, in their order, and the hash of what is frozen of them. */
type Seal = ComparisonOutput["seal"];

export const sealOf = (questions: readonly Question[]): Seal => ({
  questions: questions.length,
  hash: hashOf(questions.map(frozen)),
});

/**
 * Checks that the questions only extend those that an earlier cycle has sealed.
 * @param earlier the earlier cycle's questions, to name the one that changed
 * @throws UserError E_LEDGER
 */
export function checkExtends(seal: Seal, earlier: readonly Question[], now: readonly Question[]): void {
  if (sealOf(now.slice(0, seal.questions)).hash === seal.hash) return;
  const known = new Map(now.map((question) => [question.id, frozen(question)]));
  const changed = earlier.find((question) => known.get(question.id) !== frozen(question));
  const which = changed ? `the question ${changed.id} ("${changed.text}")` : "a question";
  throw new UserError("E_LEDGER", `An earlier cycle was compared with ${which}, which was changed or removed since.`);
}

/**
 * Notes in `run.json` that results of the test part were computed. The same work done again after a crash
 * has the same fingerprint and counts once; a re-run or a changed setting has another.
 * @returns how many different looks there were so far
 */
export async function noteLook(store: RunStore, fingerprint: string): Promise<number> {
  const known = store.file.looks ?? [];
  const look = fingerprint.slice(0, 16);
  if (known.includes(look)) return known.length;
  await store.updateFile((file) => ({ ...file, looks: [...(file.looks ?? []), look] }));
  return known.length + 1;
}

/** Says what several looks mean; empty after the first, which is what the test part is for. */
export const looksSentence = (looks: number): string =>
  looks > 1
    ? `The test part has been looked at ${looks} times: with every look, a good result by chance becomes likelier than the interval says.`
    : "";
