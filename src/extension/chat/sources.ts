/** Which sections of the knowledge base an answer can be checked against: by shared words, rare ones first. */
import type { Section } from "../../protocol/model.ts";

const wordsOf = (text: string): Set<string> =>
  new Set((text.toLowerCase().match(/[\p{L}\p{N}]{3,}/gu) ?? []).map((word) => word.replace(/s$/, "")));

/** Up to three sections that share the most telling words with the question. */
export function bestSections(sections: readonly Section[], question: string): Section[] {
  const asked = wordsOf(question);
  const words = sections.map((section) => wordsOf(`${section.topic} ${section.heading} ${section.text}`));
  const weight = new Map<string, number>();
  for (const word of asked) {
    const count = words.filter((each) => each.has(word)).length;
    if (count > 0) weight.set(word, Math.log(1 + sections.length / count));
  }
  const scored = sections.map((section, index) => {
    const shared = [...weight].filter(([word]) => words[index]?.has(word));
    const inHeading = shared.filter(([word]) => wordsOf(`${section.topic} ${section.heading}`).has(word));
    return { section, score: [...shared, ...inHeading].reduce((sum, [, each]) => sum + each, 0) };
  });
  const best = scored.toSorted((a, b) => b.score - a.score)[0]?.score ?? 0;
  return scored
    .filter(({ score }) => score > 0 && score >= best * 0.6)
    .toSorted((a, b) => b.score - a.score)
    .slice(0, 3)
    .map(({ section }) => section);
}
