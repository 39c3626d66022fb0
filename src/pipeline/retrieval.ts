/** Which sections of the knowledge base go into a prompt: what a user of retrieval would have, and no more. */
import { cosine } from "./duplicates.ts";
import type { StageContext } from "./stage.ts";
import type { Excerpt, PromptTemplate } from "./template.ts";

/** Sections a prompt may hold. */
const most = 3;
/** Tokens left for the system line, the instruction, the titles and the marks of the template. */
const reserved = 200;

/** What retrieved sections depend on, for the params of a checkpoint. */
export const retrievalParams = ({ embedder, knowledge }: Pick<StageContext, "embedder" | "knowledge">) => ({
  k: most,
  embedder: embedder.id,
  knowledge: knowledge.hash,
});

/** A section in a prompt: which one, and how many of its characters had room. */
interface Taken {
  id: string;
  characters: number;
}

export interface Retriever {
  /** The best sections for a question, best first. Each question is looked up once in a run. */
  excerptsFor(question: string): Promise<(Excerpt & { id: string })[]>;
}

/**
 * Searches all sections, the unseen ones included, by the cosine of their vectors. What is taken fits
 * the student's context beside the question and a whole answer; an answer may claim half of it at most.
 */
export function createRetriever(context: StageContext): Retriever {
  const { knowledge, embedder, student, template, settings, signal } = context;
  const room = student.contextSize - Math.min(settings.sampling.maxNewTokens, student.contextSize / 2) - reserved;
  const sections = new Map(
    knowledge.sections.map((section) => [section.id, { ...section, text: asData(section.text, template) }]),
  );
  const tokens = async (text: string): Promise<number> => (await student.tokenize(text, signal)).length;
  const looked = new Map<string, Promise<Taken[]>>();
  let vectors: Promise<number[][]> | undefined;

  async function ranked(question: string): Promise<string[]> {
    vectors ??= embedder.embed(
      knowledge.sections.map(({ topic, heading, text }) => `${topic}, ${heading}. ${text}`),
      signal,
    );
    const [asked = []] = await embedder.embed([question], signal);
    const near = (await vectors).map((vector) => cosine(asked, vector));
    return knowledge.sections
      .map(({ id }, index) => ({ id, near: near[index] ?? 0 }))
      .sort((a, b) => b.near - a.near)
      .map(({ id }) => id);
  }

  async function pick(question: string): Promise<Taken[]> {
    const picks: Taken[] = [];
    let left = room - (await tokens(question));
    for (const id of (await ranked(question)).slice(0, most)) {
      const text = sections.get(id)?.text ?? "";
      const characters = picks.length === 0 ? await fitting(text, left) : text.length;
      const needed = await tokens(text.slice(0, characters));
      // A section that is too long for what is left makes room for the next one.
      if (characters === 0 || needed > left) continue;
      picks.push({ id, characters });
      left -= needed;
    }
    return picks;
  }

  /** How many characters of a text have room; all but an over-long section's are whole. */
  async function fitting(text: string, left: number): Promise<number> {
    let characters = left > 0 ? text.length : 0;
    for (let needed = await tokens(text); characters > 0 && needed > left;) {
      characters = Math.floor(characters * Math.min(0.9, left / needed));
      needed = await tokens(text.slice(0, characters));
    }
    return characters;
  }

  return {
    async excerptsFor(question) {
      const key = { retrieve: question, ...retrievalParams(context), student: student.id, room };
      // The repeats of a question ask at the same time.
      const found = looked.get(question) ?? context.item(key, () => pick(question));
      looked.set(question, found);
      return (await found).flatMap(({ id, characters }) => {
        const section = sections.get(id);
        if (!section) return [];
        return [{ id, title: `${section.topic}: ${section.heading}`, text: section.text.slice(0, characters) }];
      });
    },
  };
}

/** Text that cannot end its section or speak as the template does: stop texts and marks are broken up. */
export function asData(text: string, template: PromptTemplate): string {
  return template.stops
    .reduce((clean, stop) => clean.replaceAll(stop, " "), text)
    .replaceAll("<|", "< |")
    .replace(/<(\/?section)/gi, "< $1");
}
