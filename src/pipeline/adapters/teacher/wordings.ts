/**
 * Wordings of an ask. Those to train on and those kept for testing come from two lists of patterns
 * that share none, so a student is never tested on a form it was trained on.
 */
import { questionWords, sameWords } from "../../askedWords.ts";
import type { Ask } from "./asks.ts";
import { patternsFor, type About } from "./wordingPatterns.ts";

const longestQuestion = 30;
const shortestQuestion = 3;

/** Every wording the ask gives, the plain question first, none with the word set of another. */
export function wordingsOf(ask: Ask, about: About): { training: string[]; rewording: string[] } {
  const patterns = patternsFor(ask);
  const taken: string[] = [];
  const made = (list: typeof patterns.training): string[] =>
    list.flatMap((pattern) => {
      const text = pattern(ask, about);
      if (!text) return [];
      const words = questionWords(text).length;
      if (words > longestQuestion || words < shortestQuestion || taken.some((other) => sameWords(text, other)))
        return [];
      taken.push(text);
      return [text];
    });
  return { training: made(patterns.training), rewording: made(patterns.rewording) };
}
