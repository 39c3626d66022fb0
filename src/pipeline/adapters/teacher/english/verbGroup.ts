/** The verb of a clause with its auxiliary and the adverbs between. */
import { auxiliary } from "./finiteVerb.ts";
import type { Subject } from "./subject.ts";
import { isNominal, slice, type Token } from "./tokens.ts";
import { baseOf } from "./verbs.ts";
import * as words from "./words.ts";

export interface VerbGroup {
  auxiliary: string;
  manner: string;
  verb: string;
  base: string;
  passive: boolean;
  next: number;
}

export function readVerb(text: string, tokens: readonly Token[], at: number, subject: Subject): VerbGroup | null {
  const finite = tokens[at] as Token;
  if (!auxiliary(finite.lower)) {
    const base = baseOf(finite.lower, subject.plural ? "base" : "third");
    return base ? { auxiliary: "", manner: subject.adverbs, verb: base, base, passive: false, next: at + 1 } : null;
  }
  let next = at + 1;
  while (
    next < tokens.length &&
    (words.isAdverb(tokens[next]?.lower ?? "") || tokens[next]?.lower === "not") &&
    !words.prepositions.has(tokens[next]?.lower ?? "")
  )
    next += 1;
  const manner = [subject.adverbs, slice(text, tokens, at + 1, next)].filter(Boolean).join(" ");
  const word = tokens[next]?.lower ?? "";
  const group = (verbEnd: number, base: string, passive: boolean): VerbGroup => ({
    auxiliary: finite.lower,
    manner,
    verb: slice(text, tokens, next, verbEnd),
    base,
    passive,
    next: verbEnd,
  });
  if (words.beForms.has(finite.lower)) {
    const following = tokens[next + 1];
    const base = baseOf(word, "participle");
    if ((base && !isNominal(following)) || (base && following && words.isAdverb(following.lower)))
      return group(next + 1, base, true);
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
