/** Finds quotes in the section they are said to come from. */
import type { Section } from "../../../protocol/model.ts";

/** A quote with the line of the file it begins on; null when the section does not hold it. */
export interface MatchedQuote {
  text: string;
  line: number | null;
}

/**
 * Matches each quote against the section's text, character by character, but for white space (line breaks
 * of the file are not those of a quote), code marks, and quotation marks or dots put around the quote.
 * Quotes of one or two words match anything and so count as not found.
 */
export function matchQuotes(quotes: readonly string[], section: Pick<Section, "text" | "firstLine">): MatchedQuote[] {
  const { folded, lines } = fold(section.text);
  return quotes.map((quote) => {
    const wanted = fold(quote.trim().replace(/^(["'“”‘’«»]|\.\.\.|…)+|(["'“”‘’«»]|\.\.\.|…)+$/gu, "")).folded.trim();
    const found = tooShort(wanted) ? -1 : folded.indexOf(wanted);
    return { text: quote.trim(), line: found === -1 ? null : section.firstLine + (lines[found] ?? 0) };
  });
}

/** True when there is at least one quote and every quote was found. */
export function isGrounded(quotes: readonly MatchedQuote[]): boolean {
  return quotes.length > 0 && quotes.every(({ line }) => line !== null);
}

/** Writing without spaces between words is measured by its letters. */
const tooShort = (text: string): boolean => text.split(" ").length < 3 && text.length < 12;

/** The text with each run of white space as one space and without code marks; and the line each character comes from, from 0. */
function fold(text: string): { folded: string; lines: number[] } {
  let folded = "";
  let line = 0;
  const lines: number[] = [];
  for (let index = 0; index < text.length; index++) {
    const character = text.charAt(index);
    if (character !== "`") {
      const space = /\s/.test(character);
      if (!space || (folded !== "" && !folded.endsWith(" "))) {
        folded += space ? " " : character;
        lines.push(line);
      }
    }
    if (character === "\n") line += 1;
  }
  return { folded, lines };
}
