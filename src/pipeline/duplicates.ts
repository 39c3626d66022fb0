/**
 * Tells when two questions are the same one. Between families exact and near duplicates are refused;
 * inside a family, whose wordings are meant to be alike, only wordings of equal word sets are.
 *
 * Between families, questions with the same words of content are one, in whatever order and however
 * polite; so are those over either threshold, unless they are one sentence about two things: without these two
 * rules the thresholds refuse every fifth good question of test/fixtures/duplicatesCalibration.json, on
 * which the rules were made, and miss some of another order. test/models/duplicates.test.ts shows what all
 * do to another set. What they cannot see: two facts told apart by order alone ("which valve
 * feeds the tank" and "which tank feeds the valve" count as one), and one fact asked in other words.
 */
import { asksOfAnother, askedWords, contentKey, questionWords, sameWords } from "./askedWords.ts";

/** Share of common word 5-grams from which two texts are near duplicates. */
const nearJaccard = 0.6;
/** Cosine of two unit-length sentence vectors from which their texts are near duplicates. */
const nearCosine = 0.95;
const gramSize = 5;

export type Likeness = "exact" | "near" | "different";

/** Jaccard index of the word 5-grams, 0..1. Texts of fewer than five words count as one gram. */
export function gramOverlap(a: string, b: string): number {
  return jaccard(grams(questionWords(a)), grams(questionWords(b)));
}

/** Cosine of two unit-length vectors of equal length, -1..1. */
export function cosine(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += (a[index] ?? 0) * (b[index] ?? 0);
  return sum;
}

function grams(words: readonly string[]): Set<string> {
  if (words.length <= gramSize) return new Set([words.join(" ")]);
  return new Set(words.slice(0, 1 - gramSize).map((_, start) => words.slice(start, start + gramSize).join(" ")));
}

function jaccard(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  let common = 0;
  for (const gram of a) if (b.has(gram)) common += 1;
  return common / (a.size + b.size - common);
}

/** A question with its unit-length sentence vector. */
export interface Embedded {
  text: string;
  vector: readonly number[];
}

/** What is compared of a question. */
interface Compared {
  words: string;
  content: string[];
  key: string | null;
  grams: Set<string>;
  vector: readonly number[];
}
type Known = Compared & { family: string };

function compared({ text, vector }: Embedded): Compared {
  const words = questionWords(text);
  const content = askedWords(text);
  return { words: words.join(" "), content, key: contentKey(content), grams: grams(words), vector };
}

/** Whether two questions of different families are the same one, exactly or nearly. */
export function asksTheSame(a: Embedded, b: Embedded): boolean {
  const [first, second] = [compared(a), compared(b)];
  return first.words === second.words || isNear(first, second);
}

function isNear(a: Compared, b: Compared): boolean {
  if (a.key !== null && a.key === b.key) return true;
  // In this order for speed: a question of the tenth cycle is held against some thousands.
  const near = jaccard(a.grams, b.grams) >= nearJaccard || cosine(a.vector, b.vector) >= nearCosine;
  return near && !asksOfAnother(a.content, b.content);
}

/** Keeps every accepted question, and refuses families that repeat one. */
export class DuplicateFilter {
  /** Refused families so far, by the likeness that refused them. */
  readonly dropped = { exact: 0, near: 0 };
  readonly #known: Known[] = [];
  readonly #embed: (texts: readonly string[]) => Promise<number[][]>;
  #families = 0;

  /** @param embed gives one unit-length vector a text. */
  constructor(embed: (texts: readonly string[]) => Promise<number[][]>) {
    this.#embed = embed;
  }

  /** Takes questions of earlier cycles as they are. */
  async seed(questions: readonly { text: string; family: string }[]): Promise<void> {
    const known = await this.#prepare(
      questions.map(({ text }) => text),
      "",
    );
    known.forEach((entry, index) => this.#known.push({ ...entry, family: questions[index]?.family ?? "" }));
  }

  /** Whether the family is new and its wordings differ from each other; if so, it is kept. */
  async accept({
    wordings,
    rewordings,
  }: {
    wordings: readonly string[];
    rewordings: readonly string[];
  }): Promise<boolean> {
    const texts = [...wordings, ...rewordings];
    if (texts.some((text, index) => texts.slice(0, index).some((other) => sameWords(text, other)))) {
      this.dropped.exact += 1;
      return false;
    }
    this.#families += 1;
    const candidates = await this.#prepare(texts, `new-${this.#families}`);
    const likeness = candidates.map((candidate) => this.#likeness(candidate));
    if (likeness.includes("exact")) this.dropped.exact += 1;
    else if (likeness.includes("near")) this.dropped.near += 1;
    else {
      this.#known.push(...candidates);
      return true;
    }
    return false;
  }

  async #prepare(texts: readonly string[], family: string): Promise<Known[]> {
    if (texts.length === 0) return [];
    const vectors = await this.#embed(texts);
    return texts.map((text, index) => ({ family, ...compared({ text, vector: vectors[index] ?? [] }) }));
  }

  #likeness(candidate: Known): Likeness {
    let found: Likeness = "different";
    for (const other of this.#known) {
      if (other.words === candidate.words) return "exact";
      if (found !== "near" && isNear(candidate, other)) found = "near";
    }
    return found;
  }
}
