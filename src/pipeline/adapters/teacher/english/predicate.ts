/** What follows the verb, in pieces. */
import { hasVerbAfter } from "./clauseEdges.ts";
import { isDeterminer, isNominal, nounPhraseEnd, slice, type Token } from "./tokens.ts";
import { baseOf, mayBeParticiple } from "./verbs.ts";
import * as words from "./words.ts";

export type ElementKind = "thing" | "place" | "adverb" | "quality" | "purpose" | "means" | "other";

/** A piece of the predicate. `preposition` is empty for objects and complements. */
export interface Element {
  kind: ElementKind;
  preposition: string;
  text: string;
}

const purposeVerb = (token: Token | undefined): boolean =>
  token !== undefined && (baseOf(token.lower, "base") !== null || token.lower === "be");

/** The predicate from `from` to `end` in pieces; null when a piece is not understood. */
export function readElements(text: string, tokens: readonly Token[], from: number, end: number): Element[] | null {
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
    if (
      words.isAdverb(token.lower) &&
      index + 2 < end &&
      ["of", "than"].includes(following) &&
      nounPhraseEnd(tokens, index + 2, end) > index + 2
    ) {
      // "Instead of the sum", "out of the machine"
      const last = nounPhraseEnd(tokens, index + 2, end);
      elements.push({
        kind: "place",
        preposition: `${token.lower} ${following}`,
        text: slice(text, tokens, index + 2, last),
      });
      index = last;
    } else if (words.isAdverb(token.lower) && !(phrase > index && token.lower === "only"))
      add("adverb", "", index, index + 1);
    else if (
      token.lower === "to" &&
      purposeVerb(tokens[index + 1]) &&
      !(isNominal(tokens[index + 1]) && nounPhraseEnd(tokens, index + 1, end) === end && index + 2 === end)
    )
      add("purpose", "", index, end);
    else if (token.lower === "in" && following === "order" && tokens[index + 2]?.lower === "to")
      add("purpose", "", index, end);
    else if (phrase > index && mayBeParticiple(token.lower) && !token.code && index > from && phrase === index + 1)
      add("other", "", index, end);
    else if (
      phrase > index &&
      index > from &&
      hasVerbAfter(tokens, index, Math.min(end, phrase + 2)) &&
      elements.length > 0
    ) {
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
      else if (baseOf(tokens[index + compound]?.lower ?? "", "gerund") && !isDeterminer(tokens[index + compound]))
        add("other", "", index, end);
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
  return (
    last === first + 1 &&
    !token.code &&
    !isDeterminer(token) &&
    !words.isNumber(token.lower) &&
    !/^\p{Lu}/u.test(token.text) &&
    !token.lower.endsWith("s")
  );
}
