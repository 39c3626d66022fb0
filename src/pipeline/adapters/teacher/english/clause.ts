/** The main clause of a sentence: subject, verb group, what follows it, and the clauses around it. */
import { findVerb, tailStart } from "./clauseEdges.ts";
import { auxiliary } from "./finiteVerb.ts";
import { readElements, type Element } from "./predicate.ts";
import { readSubject, type Subject } from "./subject.ts";
import { isDeterminer, isNominal, slice, tokensOf, type Token } from "./tokens.ts";
import { baseOf } from "./verbs.ts";
import { readVerb } from "./verbGroup.ts";
import * as words from "./words.ts";

export interface Clause {
  /** "During the Dawn Draw": an adverbial before the subject, without its comma. */
  lead: string;
  subject: Subject;
  /** The auxiliary the sentence has, or an empty text when do-support is needed. */
  auxiliary: string;
  /** Adverbs between auxiliary and verb, "not" included. */
  manner: string;
  /** The verb after the auxiliary as the sentence has it; empty after a plain "is". */
  verb: string;
  /** Base of the verb: "hold", "be". */
  base: string;
  passive: boolean;
  elements: Element[];
  /** The subordinate clause after the main one, with the word that opens it. */
  tail: { word: string; text: string; comma: boolean } | null;
}

const leadingPrepositions = new Set(
  `during under between since in on within for after before without with at by behind among from inside`.split(" "),
);
const stripEnd = (text: string): string => text.trim().replace(/[.!]+$/, "");

/**
 * Null when the grammar does not read the sentence with confidence.
 * @param names words that keep their capital at the start of a sentence.
 */
export function parseClause(sentence: string, names: ReadonlySet<string>): Clause | null {
  const text = withoutCapital(stripEnd(sentence), names);
  return parseText(text) ?? withoutAside(text);
}

/** "The field, stable since v1.25, holds …" without what stands between the commas. */
function withoutAside(text: string): Clause | null {
  const [, before, , after] = /^([^,`]*(?:`[^`]*`[^,`]*)*), ([^,]+), (.+)$/.exec(text) ?? [];
  if (
    !before ||
    !after ||
    /^(?:and|or|but)\b/.test(after) ||
    leadingPrepositions.has(before.split(" ")[0]?.toLowerCase() ?? "")
  )
    return null;
  const tokens = tokensOf(before);
  if (words.subordinators.has(tokens[0]?.lower ?? "") || findVerb(tokens, 0, false) !== null) return null;
  return parseText(`${before} ${after}`);
}

/** Without the capital of a sentence's start, unless its first word is a name or the start of one. */
function withoutCapital(text: string, names: ReadonlySet<string>): string {
  const [first = ""] = /^[\p{L}\p{N}'’-]+/u.exec(text) ?? [];
  if (!/^\p{Lu}/u.test(first)) return text;
  const known =
    words.determiners.has(first.toLowerCase()) ||
    words.prepositions.has(first.toLowerCase()) ||
    words.subordinators.has(first.toLowerCase());
  if (known || baseOf(first, "gerund") !== null) return lowerFirst(text);
  if (names.has(first) || /[\p{Lu}\d]/u.test(first.slice(1)) || first.length === 1) return text;
  // "Linux limits …": a lone word before its verb is a name, unless it looks like a mass noun or a plural.
  const [, second, third] = tokensOf(text);
  const next = second?.lower ?? "";
  const alone =
    auxiliary(next) ||
    (baseOf(next, "third") !== null &&
      third !== undefined &&
      !auxiliary(third.lower) &&
      baseOf(third.lower, "base") === null);
  return alone && !/(?:ion|ment|ing|ness|ity|ance|ence|ure|age|s)$/.test(first) ? text : lowerFirst(text);
}

/** Contractions hide a verb, and a full stop inside means that two sentences were taken for one. */
const unreadable = /\b(?:it|that|there|what|who|he|she|let|here)['’]s\b|n['’]t\b|['’](?:re|ve|ll|d|m)\b|[.!?]\s/i;

function parseText(text: string): Clause | null {
  if (unreadable.test(text.replace(/`[^`]*`/g, "x"))) return null;
  const tokens = tokensOf(text);
  if (tokens.length < 4 || tokens.length > 60 || /[;:?—–]/.test(text.replace(/`[^`]*`/g, "")) || /["“”]/.test(text))
    return null;
  const first = tokens[0]?.lower ?? "";
  const opens = leadingPrepositions.has(first) || words.subordinators.has(first) || first === "to";
  if (!opens) return parseCore(text, tokens, 0, "");
  for (let index = 2; index < tokens.length - 2; index++) {
    const comma = tokens[index]?.text === ",";
    const unmarked =
      !comma &&
      leadingPrepositions.has(first) &&
      ["the", "a", "an"].includes(tokens[index]?.lower ?? "") &&
      isNominal(tokens[index - 1]);
    if (!comma && !unmarked) continue;
    const core = parseCore(text, tokens, comma ? index + 1 : index, slice(text, tokens, 0, index));
    if (core) return core;
    if (comma && !/`/.test(tokens[index - 1]?.text ?? "")) return null;
  }
  return null;
}

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);

function parseCore(text: string, tokens: readonly Token[], start: number, lead: string): Clause | null {
  const opening = tokens[start];
  if (
    !opening ||
    words.pronouns.has(opening.lower) ||
    !(isNominal(opening) || isDeterminer(opening) || opening.lower === "only")
  )
    return null;
  if (["either", "neither", "both"].includes(opening.lower) && tokens[start + 1]?.lower === "of") return null;
  const action =
    start === 0 && !opening.code && baseOf(opening.lower, "gerund") !== null && !isVerbHere(tokens, start + 1, true);
  const verbAt = findVerb(tokens, start, action);
  if (verbAt === null) return null;
  const subject = readSubject(text, tokens, start, verbAt, action);
  const group = readVerb(text, tokens, verbAt, subject);
  if (!group) return null;
  const end = tailStart(tokens, group.next, tokens.length);
  const elements = readElements(text, tokens, group.next, end);
  if (!elements) return null;
  const comma = tokens[end]?.text === ",";
  const tailFirst = comma ? end + 1 : end;
  const tail =
    tailFirst < tokens.length
      ? { word: tokens[tailFirst]?.lower ?? "", text: slice(text, tokens, tailFirst, tokens.length), comma }
      : null;
  const { next: _, ...verb } = group;
  return { lead, subject, ...verb, elements, tail };
}

function isVerbHere(tokens: readonly Token[], index: number, third: boolean): boolean {
  const token = tokens[index];
  return token !== undefined && !token.code && baseOf(token.lower, third ? "third" : "base") !== null;
}
