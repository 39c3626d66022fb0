/**
 * Which sentences of an answer say something that their section does not. Only what can be checked without
 * understanding is: numbers, identifiers, names, and sentences of which hardly a word occurs. It stays silent
 * where it is not sure, so a sentence it passes may still be wrong.
 */
import type { Section, UnsupportedSentence } from "../protocol/model.ts";

/** Sentences with fewer content words than this say too little for a share of them to mean anything. */
const fewestContentWords = 4;
/** A sentence of which fewer content words than this occur in the section is about something else. */
const leastShare = 1 / 3;
const shownWords = 5;

/** @param also further texts that may be repeated in an answer: the question, the domain's name and version. */
export function unsupportedSentences(
  answer: string,
  section: Pick<Section, "topic" | "heading" | "text">,
  also: readonly string[] = [],
): UnsupportedSentence[] {
  const source = sourceOf([section.topic, section.heading, section.text, ...also].join("\n"));
  return sentencesIn(answer).flatMap((text) => {
    const missing = missingFrom(text, source);
    return missing.length > 0 ? [{ text, missing }] : [];
  });
}

interface Source {
  /** Lower-case letters and digits only, so that "ReplicaSet" is found in "replica set". */
  squashed: string;
  numbers: Set<string>;
  /** The numbers that stand before a word: "times" → 3, 5. */
  counts: Map<string, Set<string>>;
  words: Set<string>;
  stems: Set<string>;
}

const squash = (text: string): string => text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "");
const withoutThousands = (text: string): string => text.replace(/(?<=\d),(?=\d{3}(?!\d))/g, "");
export const wordsIn = (text: string): string[] => text.toLowerCase().match(/\p{L}[\p{L}\p{N}]*/gu) ?? [];
const stem = (word: string): string => word.slice(0, 5);
const singular = (word: string): string =>
  word.replace(/['’]s$/, "").replace(/(?<=..(?:s|x|ch|sh))es$|(?<=..[^s])s$/, "");

/** "080" and "80.0" are 80. */
const numeral = (digits: string): string => digits.replace(/^0+(?=\d)/, "").replace(/^(\d+)\.0+$/, "$1");
/** "1,000" is 1000, "v1.17" is 1.17. */
export const numbersIn = (text: string): string[] =>
  (withoutThousands(text).match(/\d+(?:\.\d+)*/g) ?? []).map(numeral);

const named =
  "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty".split(
    " ",
  );
/** "three" → "3". */
export const numberWords = new Map<string, string>([
  ...named.map((word, value) => [word, String(value)] as const),
  ...["thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"].map(
    (word, index) => [word, String((index + 3) * 10)] as const,
  ),
  ["once", "1"],
  ["single", "1"],
  ["twice", "2"],
  ["both", "2"],
  ["hundred", "100"],
  ["thousand", "1000"],
]);

/** Each number, as a word or in digits, with the word after it. */
function countsIn(text: string): { number: string; word: string; said: string; inWords: boolean }[] {
  const tokens = withoutThousands(text.toLowerCase()).match(/\p{L}+|\d+(?:\.\d+)*/gu) ?? [];
  return tokens.flatMap((said, index) => {
    const number = numberWords.get(said) ?? (/^\d/.test(said) ? numeral(said) : null);
    const word = tokens[index + 1];
    if (number === null || word === undefined || /^\d/.test(word)) return [];
    return [{ number, word: singular(word), said: `${said} ${word}`, inWords: !/^\d/.test(said) }];
  });
}

function sourceOf(text: string): Source {
  const words = wordsIn(text);
  const counts = new Map<string, Set<string>>();
  for (const { number, word } of countsIn(text)) counts.set(word, (counts.get(word) ?? new Set()).add(number));
  return {
    squashed: squash(text),
    numbers: new Set([...numbersIn(text), ...words.flatMap((word) => numberWords.get(word) ?? [])]),
    counts,
    words: new Set(words.flatMap((word) => [word, singular(word)])),
    stems: new Set(words.map(stem)),
  };
}

const sentenceEnd =
  /\n+|(?<=[.!?])(?<!\b(?:e\.g|i\.e|E\.g|I\.e|vs|cf|approx|No|no|Fig|resp)\.)\s+(?=[\p{Lu}\p{N}"'“(`*-])/u;

/** The sentences and list items of an answer, without list marks. */
export function sentencesIn(answer: string): string[] {
  return answer
    .split(sentenceEnd)
    .map((text) => text.trim().replace(/^(?:\d+[.)]|[-*•#]+)(?:\s+|$)/, ""))
    .filter((text) => /\p{L}|\p{N}/u.test(text));
}

function missingFrom(sentence: string, source: Source): string[] {
  const { code: parts, plain } = codeIn(sentence);
  const code = parts.filter((part) => !source.squashed.includes(squash(singular(part))));
  const numbers = numbersIn(sentence).filter((number) => !source.numbers.has(number));
  const counts = countsIn(plain)
    .filter(({ number, word, inWords }) => inWords && source.counts.get(word)?.has(number) === false)
    .map(({ said }) => said);
  const missing = [
    ...new Set([...numbers, ...code, ...namesIn(plain).filter((name) => !isKnown(name, source)), ...counts]),
  ];
  return missing.length > 0 ? missing : foreignWords(sentence, source);
}

/** The words in code, by their marks or their form, and the text without what is marked. */
export function codeIn(text: string): { code: string[]; plain: string } {
  const spans = [...text.matchAll(/`([^`]+)`/g)].map(([, span]) => span ?? "");
  const plain = text.replace(/`[^`]+`/g, " ");
  const tokens = plain.match(/[^\s"“”‘()[\]{},;!?<>*]+/gu)?.map((token) => token.replace(/[.:'’]+$/, "")) ?? [];
  const code = [...spans.flatMap((span) => span.split(/\s+/)), ...tokens.filter(isCode)];
  return { code: code.filter((part) => squash(part).length > 1 && !/^[\d.]+$/.test(part)), plain };
}

/** Written as only identifiers, paths, flags and host names are. */
function isCode(token: string): boolean {
  if (/^(?:e\.g|i\.e)$/i.test(token)) return false;
  return (
    /\p{L}_\p{L}|\p{Ll}\p{Lu}\p{Ll}/u.test(token) ||
    /^--\p{L}/u.test(token) ||
    /^\/\p{L}/u.test(token) ||
    /^[\p{L}\p{N}-]+(?:\.[\p{L}][\p{L}\p{N}-]+)+$/u.test(token)
  );
}

/** Capitalised words that do not begin a sentence or a clause. */
function namesIn(plain: string): string[] {
  const found = plain.matchAll(/(?<=[^\s:.!?“"(—–-]\s+)\p{Lu}[\p{L}\p{N}]{2,}/gu);
  return [...found].map(([word]) => word);
}

const isKnown = (name: string, { words, squashed }: Source): boolean =>
  words.has(name.toLowerCase()) || words.has(singular(name.toLowerCase())) || squashed.includes(squash(singular(name)));

const ordinary = new Set(
  "about above after again allows because become before being below between called cannot could during either every first following having however inside instead itself later makes means might never often other rather second should since still their there these they thing things third those through under until using usually where which while whose within without would example".split(
    " ",
  ),
);

/** The content words of a sentence when most of them are foreign to the section; else none. */
function foreignWords(sentence: string, { stems }: Source): string[] {
  const content = [...new Set(wordsIn(sentence))].filter((word) => word.length >= 5 && !ordinary.has(word));
  const foreign = content.filter((word) => !stems.has(stem(word)));
  const share = 1 - foreign.length / Math.max(1, content.length);
  return content.length >= fewestContentWords && share < leastShare ? foreign.slice(0, shownWords) : [];
}
