/** What a question asks about, without its politeness, its grammar and its order. English only; other text stays as it is. */

/** Lower-case words and numbers in order; punctuation, quotes and code marks do not count. */
export function questionWords(text: string): string[] {
  return rawWords(text).map((word) => word.toLowerCase());
}

const rawWords = (text: string): string[] =>
  text.normalize("NFKC").match(/[\p{L}\p{N}]+(?:[-._/:'’][\p{L}\p{N}]+)*/gu) ?? [];

/** Runs of words that ask for an answer without saying for which. */
const phrases = [
  "(?:can|could|would|will) (?:you|someone|anyone|anybody)(?: please| kindly)? (?:tell|say|explain|remind|show)(?: to)?(?: me| us)?",
  "(?:(?:can|could|would|will) (?:you|someone|anyone|anybody) )?(?:please )?let (?:me|us) know",
  "do (?:you|we)(?: happen to)? know",
  "(?:i would|i'd|i want|we would|we'd|we want|i need|we need)(?: like)? to (?:know|ask|hear|learn|find out|understand)",
  "(?:i was|i am|i'm|we were|we are) (?:just )?wondering",
  "(?:i|we) (?:just )?wonder",
  "(?:tell|remind|show) (?:me|us)",
  "(?:may|can) i ask(?: you)?",
  "if (?:i|you) (?:may|can|could|might|(?:do not|don't) mind)(?: ask| tell me| tell us)?",
  "(?:(?:one|a) )?(?:more |quick |last |simple )+question",
  "i have (?:a|one) (?:more |quick |last |simple )*question",
  "just to (?:be sure|be clear|check|double-check|confirm|make sure)",
  "to be (?:exact|precise|clear|sure)",
  "out of curiosity",
  "as a matter of fact",
  "by the way",
  "in fact",
  "of course",
  "for (?:me|us)",
  "thank you",
  "any idea",
  "hey there",
];
const phrasing = new RegExp(`(?<![^ ])(?:${phrases.join("|")})(?![^ ])`, "g");

const wordSet = (words: string): ReadonlySet<string> => new Set(words.split(" "));
const fillers = wordSet(
  "please kindly exactly precisely actually really just simply basically indeed perhaps maybe anyway thanks right again",
);
/** Only in front of a question do these say nothing. */
const openers = wordSet("so well okay ok hello hi hey now then and but also");
const grammar = wordSet(
  "a an the is are was were be been being am of that this these those it its i you we my our your",
);
const auxiliaries = wordSet("do does did has have had");

/** "presses" and "press's" count as "press": the ending changes with the order of words. */
function stem(word: string): string {
  const bare = word.replace(/['’]s$/, "");
  if (bare === "which") return "what";
  if (bare.length < 4 || !bare.endsWith("s") || /(?:ss|us|is)$/.test(bare)) return bare;
  if (/(?:ss|x|zz|ch|sh)es$/.test(bare)) return bare.slice(0, -2);
  return /[^aeiou]ies$/.test(bare) ? `${bare.slice(0, -3)}y` : bare.slice(0, -1);
}

/** The words that tell one question from another, in their order. An "A" that is a name ("press A") is kept. */
export function askedWords(text: string): string[] {
  const raw = rawWords(text);
  const named = (word: string, index: number) => index > 0 && word === "A" && /\p{Ll}/u.test(text);
  const joined = raw
    .map((word, index) => (named(word, index) ? "a-" : word.toLowerCase().replaceAll("’", "'")))
    .join(" ");
  const words = joined.replace(phrasing, " ").split(" ").filter(Boolean);
  while (words[0] !== undefined && (openers.has(words[0]) || fillers.has(words[0]))) words.shift();
  // The first "do" helps to ask, a later one is what is asked about: "What does the siren do?"
  const auxiliary = words.findIndex((word) => auxiliaries.has(word));
  return words.filter((word, index) => index !== auxiliary && !grammar.has(word) && !fillers.has(word)).map(stem);
}

const sameSet = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
  a.size === b.size && [...a].every((word) => b.has(word));

/** Whether two texts use the same set of words, in whatever order. */
export function sameWords(a: string, b: string): boolean {
  return sameSet(new Set(questionWords(a)), new Set(questionWords(b)));
}

/** Equal for questions that ask with the same words of content, in whatever order; null for fewer than two words. */
export function contentKey(words: readonly string[]): string | null {
  return words.length < 2 ? null : [...new Set(words)].sort().join(" ");
}

/**
 * Whether two questions are one sentence about two things: "How hot may press A get?" and the same of
 * press B. Each has words that the other lacks, and what is left when they are taken out, at least as
 * much, is the same in the same order.
 */
export function asksOfAnother(a: readonly string[], b: readonly string[]): boolean {
  const [first, second] = [new Set(a), new Set(b)];
  const [rest, otherRest] = [a.filter((word) => second.has(word)), b.filter((word) => first.has(word))];
  const most = Math.max(a.length - rest.length, b.length - otherRest.length);
  const least = Math.min(a.length - rest.length, b.length - otherRest.length);
  return least > 0 && rest.length >= most && rest.join(" ") === otherRest.join(" ");
}
