/** All question families a section's sentences give, in the same order whoever asks. */
import type { Domain, Section } from "../../../protocol/model.ts";
import { asksOf, type Ask } from "./asks.ts";
import { parseClause } from "./english/clause.ts";
import { namesIn } from "./names.ts";
import { sentencesOf, type Sentence } from "./sentences.ts";
import type { About } from "./wordingPatterns.ts";
import { wordingsOf } from "./wordings.ts";
import { contentWords } from "./english/words.ts";

export interface SentenceFamily {
  sentence: Sentence;
  kind: Ask["kind"];
  /** How well the sentence can be asked about; facts come first. */
  score: number;
  training: string[];
  rewording: string[];
}

/** Families of all sentences, several a sentence, best first; no question stands in two families. */
export function sentenceFamilies(section: Section, domain: Domain): SentenceFamily[] {
  const names = namesIn(section, domain);
  const found: SentenceFamily[] = [];
  for (const sentence of sentencesOf(section)) {
    const clause = parseClause(sentence.plain, names);
    if (!clause) continue;
    for (const ask of asksOf(clause, nameIn(section, sentence))) {
      const made = wordingsOf(ask, aboutOf(section, sentence, ask));
      const clear = (text: string): boolean => standsAlone(text, section) && isSpecific(text, ask, domain);
      const [lead] = made.training;
      if (!lead || !clear(lead)) continue;
      const training = made.training.filter(clear);
      const rewording = made.rewording.filter(clear);
      found.push({ sentence, kind: ask.kind, score: ask.score - tooLong(lead), training, rewording });
    }
  }
  const count = new Map<string, number>();
  for (const { training, rewording } of found)
    for (const text of [...training, ...rewording]) count.set(text, (count.get(text) ?? 0) + 1);
  const own = (texts: string[]) => texts.filter((text) => count.get(text) === 1);
  return found
    .map((family) => ({ ...family, training: own(family.training), rewording: own(family.rewording) }))
    .filter(({ training }) => training.length > 0)
    .sort((a, b) => b.score - a.score);
}

const tooLong = (question: string): number => Math.max(0, (question.split(" ").length - 18) * 0.5);

/** The heading in lower case, where the sentence names it; else an empty text. */
function nameIn({ heading }: Section, { plain }: Sentence): string {
  const name = heading.replace(/`/g, "").toLowerCase();
  return plain.replace(/`/g, "").toLowerCase().includes(name) ? name : "";
}

/** The heading, where the sentence names it, with the article the section gives it; else a short subject. */
function aboutOf({ heading: title, text }: Section, { plain }: Sentence, { clause, gap }: Ask): About {
  const heading = title.replace(/`/g, "");
  const escaped = heading.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const named = new RegExp(`(?<![\\p{L}-])${escaped}(?![\\p{L}-])`, "iu");
  if (heading.split(" ").length <= 4 && named.test(plain.replace(/`/g, ""))) {
    const withArticle = new RegExp(`\\bthe ${escaped}(?![\\p{L}-])`, "i").test(text);
    return { entity: withArticle ? `the ${heading}` : heading, isHeading: true };
  }
  const { subject } = clause;
  const unfit = gap.at === "subject" || subject.action || subject.person || subject.text.split(" ").length > 7;
  return { entity: unfit ? "" : subject.text.replace(/^(?:each|every|only) /, "a "), isHeading: false };
}

const selfContained = new Set<Ask["kind"]>(["definition", "identity", "default", "effect", "outcome", "key"]);

/** "Which volume does Kubernetes create?" fits too much: beside the noun asked for, a question needs two words of its own. */
function isSpecific(question: string, { kind, noun }: Ask, domain: Domain): boolean {
  if (selfContained.has(kind)) return true;
  const known = new Set([...contentWords(noun), ...contentWords(domain.name)]);
  const own = contentWords(question).filter((word) => !known.has(word));
  return (
    own.length >= (kind === "actor" && noun === "" ? 3 : 2) ||
    own.some((word) => /[-._/]/.test(word)) ||
    /\p{Ll}\p{Lu}/u.test(question)
  );
}

/** Whether a question says what it is about without its section: by a name, a code word, the heading's words, or enough of its own. */
function standsAlone(question: string, section: Section): boolean {
  const words = contentWords(question);
  if (words.length < 2) return /\p{Ll}\p{Lu}|[._/]\w/u.test(question);
  const about = new Set([...contentWords(section.heading), ...contentWords(section.topic)]);
  return (
    /\s\p{Lu}[\p{L}\d]*|\w[._/-]\w|\p{Ll}\p{Lu}/u.test(question.slice(1)) ||
    words.some((word) => about.has(word)) ||
    words.length > 2
  );
}
