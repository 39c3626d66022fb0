/** Tokens of a sentence, and noun phrases over them. */
import { mayBeParticiple, baseOf } from "./verbs.ts";
import * as words from "./words.ts";

export interface Token {
  text: string;
  lower: string;
  start: number;
  end: number;
  code: boolean;
}

const tokenPattern = /`[^`]+`|"[^"]+"|[\p{L}\p{N}]+(?:[-'’./:@_+,](?=[\p{L}\p{N}])[\p{L}\p{N}]+)*%?|[^\s]/gu;

export function tokensOf(text: string): Token[] {
  return [...text.matchAll(tokenPattern)].map((match) => ({
    text: match[0],
    lower: match[0].toLowerCase(),
    start: match.index,
    end: match.index + match[0].length,
    code: /^[`"]/.test(match[0]),
  }));
}

/** The tokens from `first` up to, not including, `last`, as the sentence has them. */
export function slice(text: string, tokens: readonly Token[], first: number, last: number): string {
  if (first >= last) return "";
  return text.slice(tokens[first]?.start ?? 0, tokens[last - 1]?.end ?? 0);
}

const functionWord = (word: string): boolean =>
  words.prepositions.has(word) ||
  words.conjunctions.has(word) ||
  words.subordinators.has(word) ||
  words.relatives.has(word) ||
  words.modals.has(word) ||
  words.beForms.has(word) ||
  words.haveForms.has(word) ||
  words.pronouns.has(word) ||
  word === "to" ||
  word === "be" ||
  word === "been" ||
  word === "being" ||
  word === "do" ||
  word === "does" ||
  word === "how";

export const isDeterminer = (token: Token | undefined): boolean =>
  token !== undefined && (words.determiners.has(token.lower) || /['’]s$/.test(token.lower));

/** A word that can stand in a noun phrase as noun, adjective, number or name. */
export function isNominal(token: Token | undefined): boolean {
  if (!token) return false;
  if (token.code) return true;
  if (!/[\p{L}\p{N}]/u.test(token.text)) return false;
  if (functionWord(token.lower) || words.determiners.has(token.lower)) return false;
  return !words.isAdverb(token.lower);
}

/** A verb form in -ed that follows its noun: "rules used by …", "fields listed". */
function trailsNoun(tokens: readonly Token[], index: number, end: number): boolean {
  const token = tokens[index];
  const next = tokens[index + 1];
  if (!token || token.code) return false;
  const last = index + 1 >= end || !next || /^[,;]$/.test(next.text);
  const opened =
    last ||
    words.prepositions.has(next?.lower ?? "") ||
    next?.lower === "to" ||
    isDeterminer(next) ||
    next?.code ||
    words.isAdverb(next?.lower ?? "");
  if (!opened || (next?.lower === "of" && tokens[index - 1]?.lower === "and")) return false;
  if (/^\p{Lu}/u.test(token.text)) return false;
  if (token.lower === "set" && next?.lower === "to" && tokens[index - 1]?.code) return true;
  if (baseOf(token.lower, "base") !== null && baseOf(token.lower, "participle") === token.lower) return false;
  return mayBeParticiple(token.lower) || (!last && baseOf(token.lower, "gerund") !== null);
}

const naming = new Set(["called", "named", "marked", "labelled", "labeled", "titled"]);
/** Adverbs that are adjectives before a noun: "a long handle". */
const bothWays = new Set([
  "long",
  "fast",
  "straight",
  "hard",
  "flat",
  "best",
  "better",
  "online",
  "offline",
  "back",
  "inside",
  "outside",
  "only",
  "later",
]);
const measures = new Set(["most", "least"]);

/** Quantity words before a number: "at most", "up to", "more than", "about". Returns the index after them. */
function afterQuantifier(tokens: readonly Token[], index: number): number {
  const word = tokens[index]?.lower ?? "";
  const next = tokens[index + 1]?.lower ?? "";
  if (
    (word === "at" && measures.has(next)) ||
    (word === "up" && next === "to") ||
    ((word === "more" || word === "less" || word === "fewer") && next === "than")
  )
    return index + 2;
  if (["about", "exactly", "nearly", "roughly", "only", "almost", "precisely"].includes(word)) return index + 1;
  return index;
}

/**
 * The index after the noun phrase that begins at `first`; `first` itself when none does.
 * "of" phrases and lists joined by "and" or "or" belong to it; relative clauses and participles do not.
 */
export function nounPhraseEnd(tokens: readonly Token[], first: number, end: number, lists = true): number {
  let index = simpleEnd(tokens, first, end);
  if (index === first) return first;
  for (;;) {
    if (tokens[index]?.lower === "of") {
      const after = simpleEnd(tokens, index + 1, end);
      if (after === index + 1) return index;
      index = after;
      continue;
    }
    if (naming.has(tokens[index]?.lower ?? "") && isNominal(tokens[index + 1])) {
      index = simpleEnd(tokens, index + 1, end);
      continue;
    }
    if (tokens[index]?.lower === "such" && tokens[index + 1]?.lower === "as") {
      const after = nounPhraseEnd(tokens, index + 2, end);
      return after > index + 2 ? after : index;
    }
    const listed = lists ? listEnd(tokens, index, end) : index;
    if (listed === index) return index;
    index = listed;
  }
}

function simpleEnd(tokens: readonly Token[], first: number, end: number): number {
  let index = afterQuantifier(tokens, first);
  let seen = false;
  while (index < end && isDeterminer(tokens[index])) {
    // "all" and "each" alone, as in "each uses", are no phrase.
    index += 1;
    seen ||= /['’]s$/.test(tokens[index - 1]?.lower ?? "");
  }
  index = afterQuantifier(tokens, index);
  const start = index;
  while (index < end) {
    const token = tokens[index] as Token;
    if (index > start && trailsNoun(tokens, index, end)) break;
    const manner =
      words.isAdverb(token.lower) &&
      token.lower.endsWith("ly") &&
      isNominal(tokens[index + 1]) &&
      isDeterminer(tokens[index - 1]);
    const adjective = bothWays.has(token.lower) && isNominal(tokens[index + 1]);
    if (
      !isNominal(token) &&
      !manner &&
      !adjective &&
      !(isDeterminer(token) && /['’]s$/.test(token.lower) && index > start)
    )
      break;
    index += 1;
  }
  return index > start || seen ? index : first;
}

/** After ", b, and c" or "and b", when a phrase of the same kind follows; else `index`. */
function listEnd(tokens: readonly Token[], index: number, end: number): number {
  let at = index;
  while (tokens[at]?.text === ",") {
    if (["and", "or"].includes(tokens[at + 1]?.lower ?? "")) return listTail(tokens, at + 1, end, index);
    const next = simpleEnd(tokens, at + 1, end);
    if (next === at + 1 || at + 1 >= end) return index;
    at = next;
  }
  return listTail(tokens, at, end, index);
}

function listTail(tokens: readonly Token[], at: number, end: number, otherwise: number): number {
  if (!["and", "or"].includes(tokens[at]?.lower ?? "")) return otherwise;
  const next = simpleEnd(tokens, at + 1, end);
  const first = tokens[at + 1];
  if (!first || next === at + 1 || next > end || first.lower === "only") return otherwise;
  // "and spreads oil" is a second verb; "an A and a B is" or "and the record resolves to" a second clause.
  if (trailsNoun(tokens, at + 1, end) || secondVerb(tokens, at + 1, next)) return otherwise;
  const follows = tokens[next];
  if (!follows || next >= end) return next;
  if (words.modals.has(follows.lower) || words.beForms.has(follows.lower) || words.haveForms.has(follows.lower))
    return otherwise;
  return isVerbForm(tokens[next - 1]) && !first.code && next > at + 2 && isDeterminer(follows) ? otherwise : next;
}

const isVerbForm = (token: Token | undefined): boolean =>
  token !== undefined &&
  !token.code &&
  /^\p{Ll}/u.test(token.text) &&
  (baseOf(token.lower, "third") !== null || baseOf(token.lower, "base") !== null);

/** Whether the words after "and", from `first` to `last`, begin with a verb or hold one after a subject. */
function secondVerb(tokens: readonly Token[], first: number, last: number): boolean {
  const word = tokens[first] as Token;
  const after = tokens[first + 1];
  const parallel = (tokens[first - 2]?.lower ?? "").endsWith("s");
  if (isVerbForm(word) && !isDeterminer(word)) {
    if (isDeterminer(after) || after?.code) return true;
    const third = baseOf(word.lower, "third") !== null;
    if (third && !parallel && (!after || after.text !== ",")) return true;
    if (third && last > first + 1) return true;
  }
  // A subject of its own and its verb: "and heavier bricks need …", "and the record resolves to …".
  for (let index = first + 1; index < last; index++) {
    const next = tokens[index + 1];
    const third = baseOf((tokens[index] as Token).lower, "third") !== null;
    if (
      isVerbForm(tokens[index]) &&
      third &&
      next &&
      (isDeterminer(next) ||
        next.code ||
        next.lower === "to" ||
        (words.prepositions.has(next.lower) && next.lower !== "of") ||
        words.pronouns.has(next.lower))
    )
      return true;
  }
  return false;
}
