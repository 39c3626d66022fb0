/** Questions with some of their words left out, to train on beside the whole ones. */
import { seedOf } from "./hash.ts";

/** Fewer words than this are left as they are. */
const fewestWords = 4;
/** Names carry what is asked about; they are dropped this much more seldom. */
const nameShare = 0.3;

/**
 * Word dropout (Iyyer et al. 2015, "Deep Unordered Composition Rivals Syntactic Methods for Text Classification"): each
 * word goes with the given chance, names with less of it. Half of the results are in small letters, half without the
 * closing mark, as people type. A student that has only met whole questions learns their wording with the answer, and
 * is lost when somebody words them otherwise.
 * @param chance of a word to be left out, 0 to 1
 */
export function thinned(question: string, chance: number, seed: number): string {
  const text = question.trim();
  const mark = /[?.!]$/.exec(text)?.[0] ?? "";
  const words = text.slice(0, text.length - mark.length).split(/\s+/);
  if (words.length < fewestWords) return question;
  const draw = (what: number | string): number => seedOf(seed, question, what) / 2 ** 31;
  const kept = words.filter((word, index) => {
    const isName = index > 0 && /^\p{Lu}/u.test(word);
    return draw(index) >= chance * (isName ? nameShare : 1);
  });
  if (kept.length < 2) return question;
  const joined = kept.join(" ");
  const cased = draw("case") < 0.5 ? joined.toLowerCase() : joined.charAt(0).toUpperCase() + joined.slice(1);
  return cased + (draw("mark") < 0.5 ? mark : "");
}
