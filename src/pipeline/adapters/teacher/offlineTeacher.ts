/**
 * The teacher that needs no key and no network: it forms questions from the section's sentences and
 * headings, and answers with the section's own sentences, so its answers are grounded by construction.
 */
import type { Domain, FamilyDraft, Reference, Section } from "../../../protocol/model.ts";
import { gramOverlap } from "../../duplicates.ts";
import { shuffled } from "../../hash.ts";
import type { Embedder, LanguageModel, QuestionRequest, Teacher } from "../../ports.ts";
import { headingFamily } from "./headings.ts";
import { matchSentences } from "./matching.ts";
import { proposedFamilies } from "./proposals.ts";
import { isGrounded, matchQuotes } from "./quotes.ts";
import { sentenceFamilies, type SentenceFamily } from "./sectionAsks.ts";
import { sentencesOf } from "./sentences.ts";

export interface OfflineTeacherOptions {
  /** Needed for proposals only. */
  student?: LanguageModel;
  embedder: Embedder;
  /** Whether the student proposes a question a section; see proposals.ts for what that yields. */
  proposals?: boolean;
}

/** A heading's answer: so many sentences, and no more words than this. */
const headingSentences = 3;
const headingWords = 60;

export function createOfflineTeacher({ student, embedder, proposals = false }: OfflineTeacherOptions): Teacher {
  const proposer = proposals ? student : undefined;
  // At most half of a run's families may come from headings.
  const made = { all: 0, heading: 0 };

  async function questions(request: QuestionRequest): ReturnType<Teacher["questions"]> {
    const { section, count, domain, signal } = request;
    const proposed = proposer ? await proposedFamilies(request, proposer, embedder) : { families: [], unusable: 0 };
    const formed = fromSentences(
      sentenceFamilies(section, domain),
      request,
      proposed.families.map(({ sentence }) => sentence),
    );
    const families = [...proposed.families.map(({ draft }) => draft), ...formed].slice(0, count);
    made.all += families.length;
    if (families.length < count && made.heading + 1 <= (made.all + 1) / 2) {
      const heading = fromHeading(request);
      if (heading) {
        families.push(heading);
        made.all += 1;
        made.heading += 1;
      }
    }
    signal.throwIfAborted();
    return { families, unusable: proposed.unusable };
  }

  async function reference(
    question: string,
    section: Section,
    domain: Domain,
    signal: AbortSignal,
    again = 0,
  ): Promise<Reference> {
    const first = formedFrom(question, section, domain) ?? (await bestSentences(question, section, signal)).slice(0, 1);
    const chosen = again === 0 ? first : await otherThan(first, question, section, again, signal);
    const quotes = matchQuotes(chosen, section);
    if (chosen.length === 0) return { status: "refused", text: "", quotes: [], grounded: false, author: "teacher" };
    return { status: "answered", text: chosen.join(" "), quotes, grounded: isGrounded(quotes), author: "teacher" };
  }

  const bestSentences = async (question: string, section: Section, signal: AbortSignal): Promise<string[]> =>
    (await matchSentences(question, section, embedder, signal)).map(({ sentence }) => sentence.text);

  /** Asked again, the next best sentence; from the start when there are no more. */
  async function otherThan(
    first: readonly string[],
    question: string,
    section: Section,
    again: number,
    signal: AbortSignal,
  ): Promise<string[]> {
    const others = (await bestSentences(question, section, signal)).filter((text) => !first.includes(text));
    const next = others[(again - 1) % Math.max(1, others.length)];
    return next === undefined ? [...first] : [next];
  }

  return {
    id: proposer ? "offline with proposals" : "offline",
    online: false,
    questions,
    reference,
    usage: () => null,
  };
}

/** The best families of the section, first one a sentence, then further ones. */
function fromSentences(
  families: readonly SentenceFamily[],
  request: QuestionRequest,
  taken: readonly string[],
): FamilyDraft[] {
  const { count, rewordings, seed, avoid } = request;
  const avoided = new Set(avoid);
  const usable = families.filter(
    ({ training, rewording }) =>
      rewording.length >= rewordings && ![...training, ...rewording].some((text) => avoided.has(text)),
  );
  const asked = new Set([
    ...taken,
    ...families
      .filter(({ training }) => training.some((text) => avoided.has(text)))
      .map(({ sentence }) => sentence.text),
  ]);
  // Shuffled first, so that the stable sort leaves equally good ones in seeded order.
  const ordered = shuffled(usable, seed, ({ training }) => training[0] ?? "").sort((a, b) => b.score - a.score);
  const fresh: SentenceFamily[] = [];
  const further: SentenceFamily[] = [];
  for (const family of ordered) {
    if (asked.has(family.sentence.text)) further.push(family);
    else fresh.push(family);
    asked.add(family.sentence.text);
  }
  return [...fresh, ...further].slice(0, count).map((family) => ({ ...cut(family, request), origin: "sentence" }));
}

/**
 * As many wordings as wanted. Tested are the rewordings least like a trained wording: a test of new wordings should
 * not be one of a new opening.
 */
function cut(
  { training, rewording }: { training: readonly string[]; rewording: readonly string[] },
  { wordings, rewordings }: QuestionRequest,
): Pick<FamilyDraft, "wordings" | "rewordings"> {
  const trained = training.slice(0, wordings);
  const nearness = (text: string) => Math.max(...trained.map((other) => gramOverlap(text, other)));
  const farthest = rewording.toSorted((a, b) => nearness(a) - nearness(b));
  return { wordings: trained, rewordings: farthest.slice(0, rewordings) };
}

function fromHeading(request: QuestionRequest): FamilyDraft | null {
  const { section, rewordings, avoid } = request;
  const family = headingFamily(section);
  if (!family || family.rewording.length < rewordings || family.training.some((text) => avoid.includes(text)))
    return null;
  return { ...cut(family, request), origin: "heading" };
}

/** The sentences a question was formed from; null when it is none of this teacher's own. */
function formedFrom(question: string, section: Section, domain: Domain): string[] | null {
  const family = sentenceFamilies(section, domain).find(
    ({ training, rewording }) => training.includes(question) || rewording.includes(question),
  );
  if (family) return [family.sentence.text];
  const heading = headingFamily(section);
  if (!heading || ![...heading.training, ...heading.rewording].includes(question)) return null;
  const chosen: string[] = [];
  for (const { text } of sentencesOf(section).slice(0, headingSentences)) {
    const words = [...chosen, text].join(" ").split(/\s+/).length;
    if (chosen.length > 0 && words > headingWords) break;
    chosen.push(text);
  }
  return chosen;
}
