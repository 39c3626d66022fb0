/** The sentences of a section that answer a question, found by words and meaning. */
import type { Section } from "../../../protocol/model.ts";
import { cosine } from "../../duplicates.ts";
import type { Embedder } from "../../ports.ts";
import { sentencesOf, type Sentence } from "./sentences.ts";
import { contentWords } from "./english/words.ts";

export interface Match {
  sentence: Sentence;
  /** 0..1, of the question's content words weighted by their rarity in the section. */
  words: number;
  /** -1..1 */
  meaning: number;
}

/** All sentences, the best match first; equal ones in the section's order. */
export async function matchSentences(
  question: string,
  section: Section,
  embedder: Embedder,
  signal: AbortSignal,
): Promise<Match[]> {
  const sentences = sentencesOf(section);
  if (sentences.length === 0) return [];
  const [asked = [], ...vectors] = await embedder.embed([question, ...sentences.map(({ text }) => text)], signal);
  const bags = sentences.map(({ text }) => new Set(contentWords(text)));
  const weights = new Map(contentWords(question).map((word) => [word, rarity(word, bags)]));
  const total = [...weights.values()].reduce((sum, weight) => sum + weight, 0) || 1;
  return sentences
    .map((sentence, index) => {
      const shared = [...weights]
        .filter(([word]) => bags[index]?.has(word))
        .reduce((sum, [, weight]) => sum + weight, 0);
      return { sentence, words: shared / total, meaning: cosine(asked, vectors[index] ?? []) };
    })
    .sort((a, b) => b.words + b.meaning - (a.words + a.meaning));
}

/** A word of every sentence tells little, a word of one sentence much. */
const rarity = (word: string, bags: readonly Set<string>[]): number =>
  Math.log((1 + bags.length) / (0.5 + bags.filter((bag) => bag.has(word)).length));
