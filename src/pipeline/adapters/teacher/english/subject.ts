/** The subject of a clause: its words, its number, and whether it is a person. */
import { isDeterminer, isNominal, slice, type Token } from "./tokens.ts";
import { baseOf, mayBeParticiple } from "./verbs.ts";
import * as words from "./words.ts";

export interface Subject {
  text: string;
  /** Adverbs between subject and verb. */
  adverbs: string;
  plural: boolean;
  /** People who act: "Operators", "an administrator". */
  person: boolean;
  /** People the reader may be one of, so that "you" can stand for them. */
  reader: boolean;
  /** "Setting `x` to 0": an action as the subject. */
  action: boolean;
}

const uncountable = /(?:ss|us|is|ics|series|means|news)$/;
export const agrees = (token: Token | undefined, form: "third" | "base"): boolean =>
  (token !== undefined &&
    (form === "third"
      ? ["is", "was", "has", "does"].includes(token.lower)
      : ["are", "were", "have", "do"].includes(token.lower))) ||
  (token !== undefined && baseOf(token.lower, form) !== null);

/** Number of the subject from `start` to `end`: by its determiner, else by its head before any preposition. */
export function numberOf(tokens: readonly Token[], start: number, end: number): "singular" | "plural" | "either" {
  const first = tokens[start]?.lower ?? "";
  if (["a", "an", "each", "every", "another", "this", "that", "one"].includes(first)) return "singular";
  if (["these", "those", "several", "many", "few", "both"].includes(first)) return "plural";
  let headEnd = start + 1;
  while (headEnd < end && !words.prepositions.has(tokens[headEnd]?.lower ?? "")) headEnd += 1;
  let inHead = tokens.slice(start, headEnd);
  const trailing = inHead.findIndex(
    ({ lower, code }, index) =>
      index > 0 &&
      !code &&
      mayBeParticiple(lower) &&
      baseOf(lower, "base") === null &&
      isNominal(inHead[index - 1]) &&
      (inHead[index - 1]?.lower ?? "").endsWith("s"),
  );
  if (trailing > 0) inHead = inHead.slice(0, trailing);
  if (inHead.some(({ lower }) => lower === "and")) return "plural";
  let head = inHead.length - 1;
  while (head > 0 && (words.isAdverb(inHead[head]?.lower ?? "") || isDeterminer(inHead[head]))) head -= 1;
  const noun = inHead[head];
  if (!noun || noun.code) return "singular";
  if (["people", "staff", "data", "criteria"].includes(noun.lower))
    return noun.lower === "people" ? "plural" : "either";
  if (personNoun.test(noun.lower)) return noun.lower.endsWith("s") ? "plural" : "singular";
  if (!noun.lower.endsWith("s") || /['’]s$/.test(noun.lower)) return "singular";
  if (/^\p{Lu}/u.test(noun.text) && head === 0) return "either";
  return uncountable.test(noun.lower) ? "singular" : "plural";
}

const personNoun =
  /^(?:[a-z]*(?:operator|administrator|supervisor|inspector|editor|author|visitor|owner|user|developer|maker|worker|manufacturer|engineer|manager|member|reviewer|customer|merchant|mechanic|technician|person|people|staff|crew|team|admin|clinician|doctor|nurse|patient|pilot|driver|guest|employee|student|teacher|electrician|cook|client|applicant|volunteer|officer|keeper|librarian|archivist|singer|rider|baker|brewer|farmer|gardener|trader))s?$/;

const readerNoun =
  /^(?:operator|administrator|admin|user|developer|mechanic|technician|owner|engineer|worker|cook|baker|brewer|driver|rider|gardener|farmer|visitor|client|people)s?$/;

export function readSubject(
  text: string,
  tokens: readonly Token[],
  start: number,
  end: number,
  action: boolean,
): Subject {
  let last = end;
  while (last > start + 1 && words.isAdverb(tokens[last - 1]?.lower ?? "")) last -= 1;
  const phrase = slice(text, tokens, start, last);
  let head = start;
  while (
    head + 1 < last &&
    !words.prepositions.has(tokens[head + 1]?.lower ?? "") &&
    !(mayBeParticiple(tokens[head + 1]?.lower ?? "") && head > start)
  )
    head += 1;
  const headWord = tokens[head]?.lower ?? "";
  const person = !action && personNoun.test(headWord) && !tokens.slice(start, head).some(({ code }) => code);
  return {
    text: phrase,
    adverbs: slice(text, tokens, last, end),
    plural:
      !action &&
      (numberOf(tokens, start, end) === "either"
        ? !agrees(tokens[end], "third")
        : numberOf(tokens, start, end) === "plural"),
    person,
    reader: person && readerNoun.test(headWord) && last - start <= 2,
    action,
  };
}
