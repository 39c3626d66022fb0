/** Which sections of the knowledge base an answer can be checked against: by shared words, rare ones first. */
import { contentWords } from "../../pipeline/adapters/teacher/english/words.ts";
import type { Section } from "../../protocol/model.ts";

/**
 * Up to three sections that share the most telling words with the question. A name that the question says whole counts
 * more than one it says half of: "Services" rather than "Service Accounts".
 */
export function bestSections(sections: readonly Section[], question: string): Section[] {
  const asked = contentWords(question);
  const words = sections.map(
    ({ topic, heading, text }) => new Set([topic, heading, text].flatMap((each) => contentWords(each))),
  );
  const weight = new Map<string, number>();
  for (const word of asked) {
    const count = words.filter((each) => each.has(word)).length;
    if (count > 0) weight.set(word, Math.log(1 + sections.length / count));
  }
  const sum = (shared: readonly string[]) => shared.reduce((total, word) => total + (weight.get(word) ?? 0), 0);
  const inName = (name: string) => {
    const parts = contentWords(name);
    const shared = parts.filter((word) => weight.has(word));
    return parts.length === 0 ? 0 : (sum(shared) * shared.length) / parts.length;
  };
  const scored = sections.map((section, index) => {
    const shared = asked.filter((word) => words[index]?.has(word));
    return { section, score: sum(shared) + inName(section.topic) + inName(section.heading) };
  });
  const best = scored.toSorted((a, b) => b.score - a.score)[0]?.score ?? 0;
  return scored
    .filter(({ score }) => score > 0 && score >= best * 0.6)
    .toSorted((a, b) => b.score - a.score)
    .slice(0, 3)
    .map(({ section }) => section);
}
