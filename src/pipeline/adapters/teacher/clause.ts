/** The main clause of a sentence: subject, verb group, what follows it, and the clauses around it. */
import { nounPhraseEnd, isDeterminer, isNominal, slice, tokensOf, type Token } from "./tokens.ts";
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

export type ElementKind = "thing" | "place" | "adverb" | "quality" | "purpose" | "means" | "other";

/** A piece of the predicate. `preposition` is empty for objects and complements. */
export interface Element {
  kind: ElementKind;
  preposition: string;
  text: string;
}

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

const leadingPrepositions = new Set(`during under between since in on within for after before without with at by behind among from inside`.split(" "));
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
  if (!before || !after || /^(?:and|or|but)\b/.test(after) || leadingPrepositions.has(before.split(" ")[0]?.toLowerCase() ?? "")) return null;
  const tokens = tokensOf(before);
  if (words.subordinators.has(tokens[0]?.lower ?? "") || findVerb(tokens, 0, false) !== null) return null;
  return parseText(`${before} ${after}`);
}

/** Without the capital of a sentence's start, unless its first word is a name or the start of one. */
function withoutCapital(text: string, names: ReadonlySet<string>): string {
  const [first = ""] = /^[\p{L}\p{N}'’-]+/u.exec(text) ?? [];
  if (!/^\p{Lu}/u.test(first)) return text;
  const known = words.determiners.has(first.toLowerCase()) || words.prepositions.has(first.toLowerCase()) || words.subordinators.has(first.toLowerCase());
  if (known) return lowerFirst(text);
  if (names.has(first) || /[\p{Lu}\d]/u.test(first.slice(1)) || first.length === 1) return text;
  // "Linux limits …": a lone word before its verb is a name, unless it looks like a mass noun or a plural.
  const [, second, third] = tokensOf(text);
  const next = second?.lower ?? "";
  const alone = auxiliary(next) || (baseOf(next, "third") !== null && third !== undefined && !auxiliary(third.lower) && baseOf(third.lower, "base") === null);
  return alone && !/(?:ion|ment|ing|ness|ity|ance|ence|ure|age|s)$/.test(first) ? text : lowerFirst(text);
}

function parseText(text: string): Clause | null {
  const tokens = tokensOf(text);
  if (tokens.length < 4 || tokens.length > 60 || /[;:?—–]/.test(text.replace(/`[^`]*`/g, "")) || /["“”]/.test(text)) return null;
  const first = tokens[0]?.lower ?? "";
  const opens = leadingPrepositions.has(first) || words.subordinators.has(first) || first === "to";
  if (!opens) return parseCore(text, tokens, 0, "");
  for (let index = 2; index < tokens.length - 2; index++) {
    const comma = tokens[index]?.text === ",";
    const unmarked = !comma && leadingPrepositions.has(first) && ["the", "a", "an"].includes(tokens[index]?.lower ?? "") && isNominal(tokens[index - 1]);
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
  if (!opening || words.pronouns.has(opening.lower) || !(isNominal(opening) || isDeterminer(opening) || opening.lower === "only")) return null;
  if (["either", "neither", "both"].includes(opening.lower) && tokens[start + 1]?.lower === "of") return null;
  const action = start === 0 && !opening.code && baseOf(opening.lower, "gerund") !== null && !isVerbHere(tokens, start + 1, true);
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
  const tail = tailFirst < tokens.length ? { word: tokens[tailFirst]?.lower ?? "", text: slice(text, tokens, tailFirst, tokens.length), comma } : null;
  const { next: _, ...verb } = group;
  return { lead, subject, ...verb, elements, tail };
}

const auxiliary = (word: string): boolean =>
  words.modals.has(word) || words.beForms.has(word) || words.haveForms.has(word) || word === "do" || word === "does";

/** Index of the finite verb of the clause that starts at `start`. */
function findVerb(tokens: readonly Token[], start: number, action: boolean): number | null {
  for (let index = start + 1; index < tokens.length; index++) {
    const token = tokens[index] as Token;
    if (words.relatives.has(token.lower) || words.subordinators.has(token.lower) && token.lower !== "as" && token.lower !== "since" && token.lower !== "before" && token.lower !== "after") return null;
    if (/^[()]$/.test(token.text) || (token.text === "," && !inList(tokens, index, tokens.length))) return null;
    if (auxiliary(token.lower)) return tokens[index - 1]?.text === "," || words.prepositions.has(tokens[index - 1]?.lower ?? "") ? null : index;
    if (isFinite(tokens, start, index, action)) return index;
  }
  return null;
}

function isVerbHere(tokens: readonly Token[], index: number, third: boolean): boolean {
  const token = tokens[index];
  return token !== undefined && !token.code && baseOf(token.lower, third ? "third" : "base") !== null;
}

/** Whether the word at `index` is the verb that agrees with the subject before it. */
function isFinite(tokens: readonly Token[], start: number, index: number, action: boolean): boolean {
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
  if (!plural && !next.code && /^\p{Ll}/u.test(next.text) && !isDeterminer(next) && baseOf(next.lower, "base") !== null && later && (words.prepositions.has(later.lower) || later.lower === "to")) return false;
  // A noun is followed by its own verb or by "of"; a verb by what it does something to.
  if (auxiliary(next.lower) || next.lower === "of") return false;
  const strong =
    isDeterminer(next) || next.code || words.prepositions.has(next.lower) || next.lower === "to" || words.isAdverb(next.lower) ||
    words.isNumber(next.lower) || words.relatives.has(next.lower) || words.subordinators.has(next.lower) || next.text === ",";
  if (strong) return !laterStronger(tokens, start, index, plural, next);
  return !laterStronger(tokens, start, index, plural, next) && isNominal(next);
}

/** "The network requests limits are …": a later auxiliary without anything between makes this word a noun. */
function laterStronger(tokens: readonly Token[], start: number, index: number, plural: boolean, next: Token): boolean {
  if (isDeterminer(next) || words.isNumber(next.lower)) return false;
  for (let later = index + 1; later < Math.min(tokens.length, index + 6); later++) {
    const token = tokens[later] as Token;
    if (isDeterminer(token) || /^[,]$/.test(token.text) || words.subordinators.has(token.lower) || words.relatives.has(token.lower) || words.conjunctions.has(token.lower)) return false;
    if (auxiliary(token.lower)) return true;
    const following = tokens[later + 1];
    if (!token.code && baseOf(token.lower, plural ? "base" : "third") !== null && baseOf(token.lower, "base") !== token.lower && following && (isDeterminer(following) || following.code) && isNominal(tokens[later - 1])) return true;
  }
  return start > index;
}

const uncountable = /(?:ss|us|is|ics|series|means|news)$/;
const agrees = (token: Token | undefined, form: "third" | "base"): boolean =>
  token !== undefined && (form === "third" ? ["is", "was", "has", "does"].includes(token.lower) : ["are", "were", "have", "do"].includes(token.lower)) ||
  token !== undefined && baseOf(token.lower, form) !== null;

/** Number of the subject from `start` to `end`: by its determiner, else by its head before any preposition. */
function numberOf(tokens: readonly Token[], start: number, end: number): "singular" | "plural" | "either" {
  const first = tokens[start]?.lower ?? "";
  if (["a", "an", "each", "every", "another", "this", "that", "one"].includes(first)) return "singular";
  if (["these", "those", "several", "many", "few", "both"].includes(first)) return "plural";
  let headEnd = start + 1;
  while (headEnd < end && !words.prepositions.has(tokens[headEnd]?.lower ?? "")) headEnd += 1;
  let inHead = tokens.slice(start, headEnd);
  const trailing = inHead.findIndex(({ lower, code }, index) => index > 0 && !code && mayBeParticiple(lower) && baseOf(lower, "base") === null && isNominal(inHead[index - 1]) && /s$/.test(inHead[index - 1]?.lower ?? ""));
  if (trailing > 0) inHead = inHead.slice(0, trailing);
  if (inHead.some(({ lower }) => lower === "and")) return "plural";
  let head = inHead.length - 1;
  while (head > 0 && (words.isAdverb(inHead[head]?.lower ?? "") || isDeterminer(inHead[head]))) head -= 1;
  const noun = inHead[head];
  if (!noun || noun.code) return "singular";
  if (["people", "staff", "data", "criteria"].includes(noun.lower)) return noun.lower === "people" ? "plural" : "either";
  if (personNoun.test(noun.lower)) return noun.lower.endsWith("s") ? "plural" : "singular";
  if (!/s$/.test(noun.lower) || /['’]s$/.test(noun.lower)) return "singular";
  if (/^\p{Lu}/u.test(noun.text) && head === 0) return "either";
  return uncountable.test(noun.lower) ? "singular" : "plural";
}

const personNoun = /^(?:[a-z]*(?:operator|administrator|supervisor|inspector|editor|author|visitor|owner|user|developer|maker|worker|manufacturer|engineer|manager|member|reviewer|customer|merchant|mechanic|technician|person|people|staff|crew|team|admin|clinician|doctor|nurse|patient|pilot|driver|guest|employee|student|teacher|electrician|cook|client|applicant|volunteer|officer|keeper|librarian|archivist|singer|rider|baker|brewer|farmer|gardener|trader))s?$/;

const readerNoun = /^(?:operator|administrator|admin|user|developer|mechanic|technician|owner|engineer|worker|cook|baker|brewer|driver|rider|gardener|farmer|visitor|client|people)s?$/;

function readSubject(text: string, tokens: readonly Token[], start: number, end: number, action: boolean): Subject {
  let last = end;
  while (last > start + 1 && words.isAdverb(tokens[last - 1]?.lower ?? "")) last -= 1;
  const phrase = slice(text, tokens, start, last);
  let head = start;
  while (head + 1 < last && !words.prepositions.has(tokens[head + 1]?.lower ?? "") && !(mayBeParticiple(tokens[head + 1]?.lower ?? "") && head > start)) head += 1;
  const headWord = tokens[head]?.lower ?? "";
  const person = !action && personNoun.test(headWord) && !tokens.slice(start, head).some(({ code }) => code);
  return {
    text: phrase,
    adverbs: slice(text, tokens, last, end),
    plural: !action && (numberOf(tokens, start, end) === "either" ? !agrees(tokens[end], "third") : numberOf(tokens, start, end) === "plural"),
    person,
    reader: person && readerNoun.test(headWord) && last - start <= 2,
    action,
  };
}

interface VerbGroup {
  auxiliary: string;
  manner: string;
  verb: string;
  base: string;
  passive: boolean;
  next: number;
}

function readVerb(text: string, tokens: readonly Token[], at: number, subject: Subject): VerbGroup | null {
  const finite = tokens[at] as Token;
  if (!auxiliary(finite.lower)) {
    const base = baseOf(finite.lower, subject.plural ? "base" : "third");
    return base ? { auxiliary: "", manner: subject.adverbs, verb: base, base, passive: false, next: at + 1 } : null;
  }
  let next = at + 1;
  while (next < tokens.length && (words.isAdverb(tokens[next]?.lower ?? "") || tokens[next]?.lower === "not") && !words.prepositions.has(tokens[next]?.lower ?? "")) next += 1;
  const manner = [subject.adverbs, slice(text, tokens, at + 1, next)].filter(Boolean).join(" ");
  const word = tokens[next]?.lower ?? "";
  const group = (verbEnd: number, base: string, passive: boolean): VerbGroup => ({
    auxiliary: finite.lower, manner, verb: slice(text, tokens, next, verbEnd), base, passive, next: verbEnd,
  });
  if (words.beForms.has(finite.lower)) {
    const following = tokens[next + 1];
    const base = baseOf(word, "participle");
    if (base && !isNominal(following) || base && following && words.isAdverb(following.lower)) return group(next + 1, base, true);
    if (/[a-z]{3}ed$/.test(word) && (!following || !isNominal(following))) return null;
    const going = baseOf(word, "gerund");
    if (going) return group(next + 1, going, false);
    return { auxiliary: finite.lower, manner, verb: "", base: "be", passive: false, next };
  }
  if (words.haveForms.has(finite.lower)) {
    if (word === "been") {
      const base = baseOf(tokens[next + 1]?.lower ?? "", "participle");
      return base ? group(next + 2, base, true) : group(next + 1, "be", false);
    }
    const base = baseOf(word, "participle");
    if (base && finite.lower !== "had" && !isNominal(tokens[next - 1])) return group(next + 1, base, false);
    if (manner.includes("not")) return null;
    return { auxiliary: "", manner, verb: "have", base: "have", passive: false, next };
  }
  if (word === "be") {
    let after = next + 1;
    while (words.isAdverb(tokens[after]?.lower ?? "")) after += 1;
    const base = baseOf(tokens[after]?.lower ?? "", "participle");
    if (base && !isNominal(tokens[after + 1])) return group(after + 1, base, true);
    return group(next + 1, "be", false);
  }
  const base = baseOf(word, "base");
  return base ? group(next + 1, base, false) : null;
}

const timeOrCause = new Set(`when whenever if while because unless although though whereas where once so which who whose that until how whether what why whatever whichever except namely`.split(" "));

/** Index where the clause after the main one begins, at its comma if it has one. */
function tailStart(tokens: readonly Token[], from: number, end: number): number {
  for (let index = from; index < end; index++) {
    const token = tokens[index] as Token;
    const next = tokens[index + 1];
    if (timeOrCause.has(token.lower)) {
      const opening = index > from && words.prepositions.has(tokens[index - 1]?.lower ?? "") ? index - 1 : index;
      return opening > from && tokens[opening - 1]?.text === "," ? opening - 1 : opening;
    }
    if (["before", "after", "since", "as"].includes(token.lower) && hasVerbAfter(tokens, index + 1, end)) return tokens[index - 1]?.text === "," ? index - 1 : index;
    if (["and", "or", "but"].includes(token.lower) && next && words.prepositions.has(next.lower)) return tokens[index - 1]?.text === "," ? index - 1 : index;
    if (["and", "or", "but"].includes(token.lower) && next && opensVerb(tokens, index + 1, end)) return tokens[index - 1]?.text === "," ? index - 1 : index;
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
  if (!token.code && !isDeterminer(token) && (baseOf(token.lower, "third") || baseOf(token.lower, "base") || baseOf(token.lower, "past"))) {
    if (!next || isDeterminer(next) || next.code || words.prepositions.has(next.lower) || words.isAdverb(next.lower) || next.lower === "to" || words.isNumber(next.lower)) return true;
    return baseOf(token.lower, "third") !== null && isNominal(next);
  }
  return hasVerbAfter(tokens, at, end);
}

/** Whether a subject and its finite verb begin at `from`. */
function hasVerbAfter(tokens: readonly Token[], from: number, end: number): boolean {
  if (words.pronouns.has(tokens[from]?.lower ?? "") && from + 1 < end) return true;
  for (let index = from + 1; index < end; index++) {
    const token = tokens[index] as Token;
    if (token.text === "," || words.conjunctions.has(token.lower) || timeOrCause.has(token.lower)) return false;
    if (auxiliary(token.lower)) return true;
    if (index + 1 < end && isFinite(tokens, from, index, false)) return true;
  }
  return false;
}

const purposeVerb = (token: Token | undefined): boolean => token !== undefined && (baseOf(token.lower, "base") !== null || token.lower === "be");

/** The predicate from `from` to `end` in pieces; null when a piece is not understood. */
function readElements(text: string, tokens: readonly Token[], from: number, end: number): Element[] | null {
  const elements: Element[] = [];
  let index = from;
  const add = (kind: ElementKind, preposition: string, first: number, last: number) => {
    elements.push({ kind, preposition, text: slice(text, tokens, first, last) });
    index = last;
  };
  while (index < end) {
    const token = tokens[index] as Token;
    const phrase = nounPhraseEnd(tokens, index, end);
    const following = tokens[index + 1]?.lower ?? "";
    if (words.isAdverb(token.lower) && index + 2 < end && ["of", "than"].includes(following) && nounPhraseEnd(tokens, index + 2, end) > index + 2) {
      // "Instead of the sum", "out of the machine"
      const last = nounPhraseEnd(tokens, index + 2, end);
      elements.push({ kind: "place", preposition: `${token.lower} ${following}`, text: slice(text, tokens, index + 2, last) });
      index = last;
    } else if (words.isAdverb(token.lower) && !(phrase > index && token.lower === "only")) add("adverb", "", index, index + 1);
    else if (token.lower === "to" && purposeVerb(tokens[index + 1]) && !(isNominal(tokens[index + 1]) && nounPhraseEnd(tokens, index + 1, end) === end && index + 2 === end)) add("purpose", "", index, end);
    else if (phrase > index && mayBeParticiple(token.lower) && !token.code && index > from && (phrase === index + 1)) add("other", "", index, end);
    else if (phrase > index && index > from && hasVerbAfter(tokens, index, Math.min(end, phrase + 2)) && elements.length > 0) {
      // "The moment the plate touches the fog": the clause belongs to the piece before it.
      const last = elements.at(-1) as Element;
      last.text = `${last.text} ${slice(text, tokens, index, end)}`;
      index = end;
    } else if (phrase > index) add(quality(tokens, index, phrase) ? "quality" : "thing", "", index, phrase);
    else if (words.prepositions.has(token.lower) || token.lower === "to") {
      const compound = ["of", "to", "from"].includes(tokens[index + 1]?.lower ?? "") ? 2 : 1;
      if (!tokens[index + compound]) return null;
      const preposition = slice(text, tokens, index, index + compound).toLowerCase();
      const object = nounPhraseEnd(tokens, index + compound, end);
      if (token.lower === "by" && baseOf(tokens[index + 1]?.lower ?? "", "gerund")) add("means", "", index, end);
      else if (baseOf(tokens[index + compound]?.lower ?? "", "gerund") && !isDeterminer(tokens[index + compound])) add("other", "", index, end);
      else if (object > index + compound) {
        const start = index + compound;
        elements.push({ kind: "place", preposition, text: slice(text, tokens, start, object) });
        index = object;
      } else return null;
    } else if (mayBeParticiple(token.lower) || baseOf(token.lower, "gerund") !== null) add("other", "", index, end);
    else return null;
  }
  return elements;
}

/** A bare word that is no plural and no name: most likely an adjective after "is" or an odd object. */
function quality(tokens: readonly Token[], first: number, last: number): boolean {
  const token = tokens[first] as Token;
  return last === first + 1 && !token.code && !isDeterminer(token) && !words.isNumber(token.lower) && !/^\p{Lu}/u.test(token.text) && !/s$/.test(token.lower);
}
