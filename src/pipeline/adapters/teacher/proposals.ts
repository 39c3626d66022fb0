/**
 * Questions proposed by the local student, for a sentence of the section. A small model writes about one
 * usable question in three, so each is kept only when the section has its words and the sentence answers it.
 */
import type { FamilyDraft } from "../../../protocol/model.ts";
import type { Embedder, LanguageModel, Message, QuestionRequest } from "../../ports.ts";
import { matchSentences } from "./matching.ts";
import { sentencesOf } from "./sentences.ts";
import { contentWords } from "./english/words.ts";

export interface Proposal {
  draft: FamilyDraft;
  /** The sentence that answers it. */
  sentence: string;
}

/** Share of a question's rare words its sentence must hold, and the cosine to it. */
const leastWords = 0.8;
const leastMeaning = 0.55;

const examples: readonly [string, string][] = [
  [
    "The night ferry to Lerwick leaves the harbour at 17 minutes past seven.",
    "When does the night ferry to Lerwick leave the harbour?",
  ],
  ["A healthy oak drops about 2,000 acorns in a good year.", "How many acorns does a healthy oak drop in a good year?"],
  ["The archive stores old maps in flat drawers made of cedar.", "Where does the archive store old maps?"],
  ["Bakers score the loaf with a razor so that steam can escape.", "Why do bakers score the loaf with a razor?"],
];

/** At most one family, from one short generation. */
export async function proposedFamilies(
  request: QuestionRequest,
  student: LanguageModel,
  embedder: Embedder,
): Promise<{ families: Proposal[]; unusable: number }> {
  const { section, seed, signal, avoid, wordings, rewordings } = request;
  const sentences = sentencesOf(section);
  const sentence = sentences[seed % Math.max(1, sentences.length)];
  if (!sentence) return { families: [], unusable: 0 };
  const answer = await student.generate(messagesFor(sentence.text), {
    maxNewTokens: 32,
    temperature: 0,
    topP: 1,
    topK: 0,
    repetitionPenalty: 1,
    maxTime: 20,
    seed,
    signal,
  });
  const question = cleaned(answer.text);
  if (!question || avoid.includes(question)) return { families: [], unusable: 1 };
  const known = new Set(contentWords(`${section.heading} ${section.topic} ${section.text}`));
  const [best] = await matchSentences(question, section, embedder, signal);
  const asked = contentWords(question);
  const usable =
    asked.length >= 2 &&
    asked.every((word) => known.has(word)) &&
    best?.sentence.text === sentence.text &&
    best.words >= leastWords &&
    best.meaning >= leastMeaning;
  if (!usable) return { families: [], unusable: 1 };
  const bare = question.charAt(0).toLowerCase() + question.slice(1);
  const training = [
    question,
    `I have a question about ${section.heading}: ${bare}`,
    `Please help me with this: ${bare}`,
  ].slice(0, wordings);
  const rewording = [`When it comes to ${section.heading}, ${bare}`, `Somebody asked me this: ${bare}`].slice(
    0,
    rewordings,
  );
  return {
    families: [{ draft: { wordings: training, rewordings: rewording, origin: "model" }, sentence: sentence.text }],
    unusable: 0,
  };
}

function messagesFor(sentence: string): Message[] {
  const shown = examples.flatMap(([text, question]): Message[] => [
    { role: "user", content: `Write one question that this sentence answers: ${text}` },
    { role: "assistant", content: question },
  ]);
  return [...shown, { role: "user", content: `Write one question that this sentence answers: ${sentence}` }];
}

/** The first line, if it is one whole question of reasonable length. */
function cleaned(text: string): string | null {
  const line =
    text
      .trim()
      .split("\n")[0]
      ?.trim()
      .replace(/^["'“]|["'”]$/g, "")
      .replace(/`/g, "") ?? "";
  const words = line.split(/\s+/).length;
  return /^(?:what|which|how|who|where|when|why|at|in|for|to|can|does|is|are|do)\b.*\?$/i.test(line) &&
    words >= 4 &&
    words <= 25
    ? line
    : null;
}
