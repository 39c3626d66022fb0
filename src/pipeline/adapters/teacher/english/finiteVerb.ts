/** Which word of a clause is its verb. */
import { agrees, numberOf } from "./subject.ts";
import { isDeterminer, isNominal, type Token } from "./tokens.ts";
import { baseOf } from "./verbs.ts";
import * as words from "./words.ts";

export const auxiliary = (word: string): boolean =>
  words.modals.has(word) || words.beForms.has(word) || words.haveForms.has(word) || word === "do" || word === "does";

/** Whether the word at `index` is the verb that agrees with the subject before it. */
export function isFinite(tokens: readonly Token[], start: number, index: number, action: boolean): boolean {
  const token = tokens[index] as Token;
  const before = tokens[index - 1] as Token;
  if (token.code || /^\p{Lu}/u.test(token.text)) return false;
  if (!isNominal(before) && !words.isAdverb(before.lower) && !/['’]s$/.test(before.lower)) return false;
  if (isDeterminer(before) && !["each", "all", "both"].includes(before.lower)) return false;
  const number = action ? "singular" : numberOf(tokens, start, index);
  const plural = number === "plural" || (number === "either" && !agrees(token, "third"));
  if (baseOf(token.lower, plural ? "base" : "third") === null) return false;
  const next = tokens[index + 1];
  if (!next) return true;
  if (["how", "whether", "what", "why", "that", "which"].includes(next.lower)) return true;
  // "The search limits come from …": the word before a plain verb is its plural subject.
  const later = tokens[index + 2];
  if (
    !plural &&
    !next.code &&
    /^\p{Ll}/u.test(next.text) &&
    !isDeterminer(next) &&
    baseOf(next.lower, "base") !== null &&
    later &&
    (words.prepositions.has(later.lower) || later.lower === "to")
  )
    return false;
  // A noun is followed by its own verb or by "of"; a verb by what it does something to.
  if (auxiliary(next.lower) || next.lower === "of") return false;
  const strong =
    isDeterminer(next) ||
    next.code ||
    words.prepositions.has(next.lower) ||
    next.lower === "to" ||
    words.isAdverb(next.lower) ||
    words.isNumber(next.lower) ||
    words.relatives.has(next.lower) ||
    words.subordinators.has(next.lower) ||
    next.text === ",";
  if (strong) return !laterStronger(tokens, start, index, plural, next);
  return !laterStronger(tokens, start, index, plural, next) && isNominal(next);
}

/** "The network requests limits are …": a later auxiliary without anything between makes this word a noun. */
function laterStronger(tokens: readonly Token[], start: number, index: number, plural: boolean, next: Token): boolean {
  if (isDeterminer(next) || words.isNumber(next.lower)) return false;
  for (let later = index + 1; later < Math.min(tokens.length, index + 6); later++) {
    const token = tokens[later] as Token;
    if (
      isDeterminer(token) ||
      /^[,]$/.test(token.text) ||
      words.subordinators.has(token.lower) ||
      words.relatives.has(token.lower) ||
      words.conjunctions.has(token.lower)
    )
      return false;
    if (auxiliary(token.lower)) return true;
    const following = tokens[later + 1];
    if (
      !token.code &&
      baseOf(token.lower, plural ? "base" : "third") !== null &&
      baseOf(token.lower, "base") !== token.lower &&
      following &&
      (isDeterminer(following) || following.code) &&
      isNominal(tokens[later - 1])
    )
      return true;
  }
  return start > index;
}
