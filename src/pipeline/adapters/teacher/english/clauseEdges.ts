/** Where a clause has its verb, where it ends, and what begins after it. */
import { auxiliary, isFinite } from "./finiteVerb.ts";
import { isDeterminer, isNominal, nounPhraseEnd, type Token } from "./tokens.ts";
import { baseOf } from "./verbs.ts";
import * as words from "./words.ts";

/** Index of the finite verb of the clause that starts at `start`. */
export function findVerb(tokens: readonly Token[], start: number, action: boolean): number | null {
  for (let index = start + 1; index < tokens.length; index++) {
    const token = tokens[index] as Token;
    if (
      words.relatives.has(token.lower) ||
      (words.subordinators.has(token.lower) &&
        token.lower !== "as" &&
        token.lower !== "since" &&
        token.lower !== "before" &&
        token.lower !== "after")
    )
      return null;
    if (/^[()]$/.test(token.text) || (token.text === "," && !inList(tokens, index, tokens.length))) return null;
    if (auxiliary(token.lower))
      return tokens[index - 1]?.text === "," || words.prepositions.has(tokens[index - 1]?.lower ?? "") ? null : index;
    if (isFinite(tokens, start, index, action)) return index;
  }
  return null;
}

const timeOrCause = new Set(
  `when whenever if while because unless although though whereas where once so which who whose that until how whether what why whatever whichever except namely`.split(
    " ",
  ),
);

/** Index where the clause after the main one begins, at its comma if it has one. */
export function tailStart(tokens: readonly Token[], from: number, end: number): number {
  for (let index = from; index < end; index++) {
    const token = tokens[index] as Token;
    const next = tokens[index + 1];
    if (timeOrCause.has(token.lower)) {
      const opening = index > from && words.prepositions.has(tokens[index - 1]?.lower ?? "") ? index - 1 : index;
      return opening > from && tokens[opening - 1]?.text === "," ? opening - 1 : opening;
    }
    if (["before", "after", "since", "as"].includes(token.lower) && hasVerbAfter(tokens, index + 1, end))
      return tokens[index - 1]?.text === "," ? index - 1 : index;
    if (["and", "or", "but"].includes(token.lower) && next && words.prepositions.has(next.lower))
      return tokens[index - 1]?.text === "," ? index - 1 : index;
    if (["and", "or", "but"].includes(token.lower) && next && opensVerb(tokens, index + 1, end))
      return tokens[index - 1]?.text === "," ? index - 1 : index;
    if (token.text === "," && next) {
      if (timeOrCause.has(next.lower) || next.lower === "but" || next.lower === "then") return index;
      if (["and", "or"].includes(next.lower) && opensVerb(tokens, index + 2, end)) return index;
      if (!inList(tokens, index, end)) return index;
    }
  }
  return end;
}

/** "Carries a lamp, a cloth and chalk": a comma inside a list of things. */
function inList(tokens: readonly Token[], comma: number, end: number): boolean {
  if (["and", "or"].includes(tokens[comma + 1]?.lower ?? "")) return true;
  const item = nounPhraseEnd(tokens, comma + 1, end, false);
  if (item === comma + 1) return false;
  const follows = tokens[item];
  if (follows?.text === ",") return inList(tokens, item, end);
  return ["and", "or"].includes(follows?.lower ?? "") && !opensVerb(tokens, item + 1, end);
}

/** After "and": a second verb, or a clause of its own. */
function opensVerb(tokens: readonly Token[], index: number, end: number): boolean {
  let at = index;
  while (words.isAdverb(tokens[at]?.lower ?? "")) at += 1;
  const token = tokens[at];
  if (!token || at >= end) return false;
  if (auxiliary(token.lower) || words.pronouns.has(token.lower)) return true;
  const next = tokens[at + 1];
  if (
    !token.code &&
    !isDeterminer(token) &&
    (baseOf(token.lower, "third") || baseOf(token.lower, "base") || baseOf(token.lower, "past"))
  ) {
    if (
      !next ||
      isDeterminer(next) ||
      next.code ||
      words.prepositions.has(next.lower) ||
      words.isAdverb(next.lower) ||
      next.lower === "to" ||
      words.isNumber(next.lower)
    )
      return true;
    return baseOf(token.lower, "third") !== null && isNominal(next);
  }
  return hasVerbAfter(tokens, at, end);
}

/** Whether a subject and its finite verb begin at `from`. */
export function hasVerbAfter(tokens: readonly Token[], from: number, end: number): boolean {
  if (words.pronouns.has(tokens[from]?.lower ?? "") && from + 1 < end) return true;
  for (let index = from + 1; index < end; index++) {
    const token = tokens[index] as Token;
    if (token.text === "," || words.conjunctions.has(token.lower) || timeOrCause.has(token.lower)) return false;
    if (auxiliary(token.lower)) return true;
    if (index + 1 < end && isFinite(tokens, from, index, false)) return true;
  }
  return false;
}
