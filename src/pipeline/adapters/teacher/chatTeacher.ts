/** The teacher over a chat model: question families and grounded answers, one section at a time. */
import type { FamilyDraft, Reference } from "../../../protocol/model.ts";
import { UserError } from "../../../protocol/errors.ts";
import { seedOf } from "../../hash.ts";
import type { Message, QuestionRequest, Teacher } from "../../ports.ts";
import type { OpenaiModel } from "./openaiModel.ts";
import { isGrounded, matchQuotes } from "./quotes.ts";
import type { JsonResult } from "./structuredOutput.ts";
import { answerMessages, familiesSchema, groundedAnswerSchema, questionMessages } from "./teacherPrompts.ts";

/** Bad output ends the run only when it is more than bad luck: so many, and so large a share of all. */
const badAtLeast = 3;
const badShare = 0.05;
/** Words; a longer answer is asked for again, shorter. */
const tooManyWords = 130;
const longestQuestion = 400;

/**
 * @param log takes samples of unusable output, for the log file.
 */
export function createChatTeacher(
  model: Pick<OpenaiModel, "id" | "generateJson" | "usage">,
  log: (text: string) => void = () => {},
): Teacher {
  let asked = 0;
  let bad = 0;

  /** Counts what came back. @throws UserError E_TEACHER_OUTPUT when too much of it is unusable. */
  function counted<T>(result: JsonResult<T>, what: string): JsonResult<T> {
    asked += 1;
    if (result.status === "answered") return result;
    const reason = "reason" in result ? `: ${result.reason}` : "";
    log(
      `${model.id}, ${what}: ${result.status}${reason}${"sample" in result && result.sample ? `\n${result.sample}` : ""}`,
    );
    if (result.status !== "bad_output") return result;
    bad += 1;
    if (bad >= badAtLeast && bad / asked >= badShare)
      throw new UserError(
        "E_TEACHER_OUTPUT",
        `${bad} of ${asked} answers of ${model.id} could not be used, the last one because: ${firstLine(result.reason)}`,
      );
    return result;
  }

  async function questions(request: QuestionRequest): ReturnType<Teacher["questions"]> {
    const { section, domain, count, wordings, rewordings, seed, signal } = request;
    const result = await model.generateJson(questionMessages(section, domain, request), familiesSchema, {
      name: "question_families",
      maxTokens: 200 + count * (wordings + rewordings) * 60,
      temperature: 0.8,
      seed,
      signal,
    });
    const answer = counted(result, `questions on "${section.heading}"`);
    if (answer.status !== "answered") return { families: [], unusable: count };
    const drafts = answer.value.families.map((family) => usableFamily(family, wordings, rewordings));
    const families = drafts.filter((draft) => draft !== null);
    return { families: families.slice(0, count), unusable: drafts.length - families.length };
  }

  async function reference(
    question: string,
    section: QuestionRequest["section"],
    domain: QuestionRequest["domain"],
    signal: AbortSignal,
    again = 0,
  ): Promise<Reference> {
    const messages = answerMessages(question, section, domain);
    const options = {
      name: "grounded_answer",
      maxTokens: 600,
      // Asked again, the same answer would be of no use.
      temperature: again === 0 ? 0.2 : 0.7,
      seed: again === 0 ? seedOf(question, section.hash) : seedOf(question, section.hash, again),
      signal,
    };
    const ask = async (conversation: Message[]) =>
      counted(await model.generateJson(conversation, groundedAnswerSchema, options), `answer to "${question}"`);
    const toReference = ({ answer, quotes }: { answer: string; quotes: string[] }): Reference => {
      const matched = matchQuotes(quotes.filter((quote) => quote.trim() !== "").slice(0, 3), section);
      return {
        status: "answered",
        text: answer.trim(),
        quotes: matched,
        grounded: isGrounded(matched),
        author: "teacher",
      };
    };

    const result = await ask(messages);
    if (result.status !== "answered") return without(result.status);
    if (result.value.answer.trim() === "") return without("refused");
    const first = toReference(result.value);
    const complaint = complaintAbout(first);
    if (complaint === null) return first;
    const corrected = await ask([
      ...messages,
      { role: "assistant", content: JSON.stringify(result.value) },
      { role: "user", content: complaint },
    ]);
    if (corrected.status !== "answered" || corrected.value.answer.trim() === "") return first;
    const second = toReference(corrected.value);
    return first.grounded && !second.grounded ? first : second;
  }

  return { id: model.id, online: true, questions, reference, usage: () => model.usage() };
}

const without = (status: "truncated" | "refused" | "bad_output"): Reference => ({
  status,
  text: "",
  quotes: [],
  grounded: false,
  author: "teacher",
});

/** What is wrong with an answer and worth one more request; null when nothing is. */
function complaintAbout({ text, quotes, grounded }: Reference): string | null {
  const complaints: string[] = [];
  const missing = quotes.filter(({ line }) => line === null).map((quote) => `"${quote.text}"`);
  if (quotes.length === 0)
    complaints.push("There are no quotes; copy one to three passages from the section that hold the answer.");
  else if (!grounded)
    complaints.push(
      `The section does not hold these quotes letter by letter: ${missing.join("; ")}. Copy the passages exactly.`,
    );
  const words = text.split(/\s+/).length;
  if (words > tooManyWords) complaints.push(`The answer has ${words} words; at most 90 are wanted.`);
  return complaints.length > 0 ? `${complaints.join(" ")} Send the whole corrected JSON object.` : null;
}

/** Questions that only make sense beside the text they were made from. */
const leansOnText =
  /\b(this|the|given|provided|above|following) (section|text|passage|excerpt|paragraph|documentation|document|snippet)\b|\baccording to\b|\b(mentioned|described|stated|given) (above|here|in the)\b/i;

/**
 * A family with enough distinct wordings, the rest of its text thrown away; null when too few are left.
 * Rewordings are filled up first: they are what the student is tested on.
 */
function usableFamily(
  family: { wordings: string[]; rewordings: string[] },
  wordings: number,
  rewordings: number,
): FamilyDraft | null {
  const seen = new Set<string>();
  const usable = (texts: readonly string[]) =>
    texts
      .map((text) =>
        text
          .replace(/\s+/g, " ")
          .trim()
          .replace(/^(?:\d{1,2}[.)]|[-*•])\s+/, ""),
      )
      .filter(
        (text) => text.length >= 8 && text.length <= longestQuestion && !leansOnText.test(text) && isNew(text, seen),
      );
  const kept = usable(family.wordings);
  const tests = usable(family.rewordings).slice(0, rewordings);
  while (tests.length < rewordings && kept.length > 1) tests.push(kept.pop() ?? "");
  if (tests.length < rewordings || kept.length < Math.ceil(wordings / 2)) return null;
  return { wordings: kept.slice(0, wordings), rewordings: tests, origin: "teacher" };
}

/** Remembers the words of a text; false when another one has the same words. */
function isNew(text: string, seen: Set<string>): boolean {
  const words = [...new Set(text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [])].sort().join(" ");
  if (words === "" || seen.has(words)) return false;
  seen.add(words);
  return true;
}

const firstLine = (text: string): string => text.split("\n", 1)[0] ?? "";
