/**
 * Which exact details of a reference an answer has: its numbers and its words in code, which have one right form and can be
 * looked for without understanding. Embedding similarity hardly notices when one of them is wrong: it gives 1.00 to
 * "stable since v1.23" where the reference says v1.17.
 */
import type { ArmScores, Score } from "../protocol/model.ts";
import { codeIn, numbersIn, numberWords, sentencesIn, wordsIn } from "./claims.ts";

/** Words that count rather than point, as "one of them" and "once the Pod runs" do. */
const isCount = (word: string): boolean => numberWords.has(word) && numberWords.get(word) !== "1";

/** Without the marks of a list, whose numbers say nothing. */
const withoutListMarks = (text: string): string => sentencesIn(text).join("\n");

/** The digits of "IPv4" and "sha256" are a part of a name; those of "v1" are a number. */
const withoutNames = (text: string): string =>
  text.replace(/(?<![\p{L}\p{N}_])\p{L}[\p{L}_]*\d[\p{L}\p{N}_]*/gu, (word) => (/^[vV]\d+$/.test(word) ? word : " "));

/** In digits, whether written so or in words. */
function numbersOf(text: string): Set<string> {
  const words = wordsIn(text).filter(isCount);
  return new Set([...numbersIn(withoutNames(text)), ...words.flatMap((word) => numberWords.get(word) ?? [])]);
}

/** "`--grace-period`" → "grace-period", "$(VAR_NAME)" → "VAR_NAME". */
const bare = (code: string): string => code.match(/[\p{L}\p{N}](?:.*[\p{L}\p{N}])?/su)?.[0] ?? "";

/** As a word of its own: "apps/v1" is not in "apps/v1beta1", and "v1.2" not in "v1.2.3". Both in lower case. */
function says(text: string, code: string): boolean {
  for (let at = text.indexOf(code); at >= 0; at = text.indexOf(code, at + 1)) {
    const goesOn = /^(?:[\p{L}\p{N}_]|\.\p{N})/u.test(text.slice(at + code.length, at + code.length + 4));
    if (!goesOn && !/[\p{L}\p{N}_]$/u.test(text.slice(Math.max(0, at - 2), at))) return true;
  }
  return false;
}

/** Characters of a word in code; what is longer is no name. */
const longestCode = 200;

/**
 * The share of the details of a reference that an answer has, in 0..1, and those it lacks. It says nothing about a reference
 * without any.
 * @param given what every student was told: the question, the domain's name and version; to repeat it proves nothing
 */
export function detailRecall(reference: string, answer: string, given: readonly string[]): Score {
  const { code, plain } = codeIn(withoutListMarks(reference));
  const known = withoutListMarks(given.join("\n")).toLowerCase();
  const said = withoutListMarks(answer).toLowerCase();
  const [knownNumbers, saidNumbers] = [numbersOf(known), numbersOf(said)];
  const parts = [...new Set(code.map(bare))].filter(
    (part) => part.length > 1 && part.length <= longestCode && !says(known, part.toLowerCase()),
  );
  const numbers = [...numbersOf(plain)].filter((number) => !knownNumbers.has(number));
  const details = parts.length + numbers.length;
  if (details === 0)
    return { status: "not_applicable", reason: "the reference has no number and no word in code that was not given" };
  const missing = [
    ...parts.filter((part) => !says(said, part.toLowerCase())),
    ...numbers.filter((each) => !saidNumbers.has(each)),
  ];
  return { value: 1 - missing.length / details, ...(missing.length > 0 ? { missing } : {}) };
}

const shownDetails = 4;

/** "lacks 1.17 and ssh-privatekey", for people; empty when an answer has all details or there are none. */
export function lacks(score: Score | undefined): string {
  const missing = (score && "value" in score && score.missing) || [];
  const more = missing.length - shownDetails;
  const named = more > 0 ? [...missing.slice(0, shownDetails), `${more} more`] : missing;
  return named.length === 0 ? "" : `lacks ${inWords.format(named)}`;
}

/** Of the first answer to a question, in the scores of one arm. */
export const firstLacks = (scores: ArmScores["scores"] | undefined, question: string): string =>
  lacks(scores?.[question]?.[0]?.detail_recall);

const inWords = new Intl.ListFormat("en-GB", { type: "conjunction" });
