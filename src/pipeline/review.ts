/** Decisions of people about questions and answers: what they are about, what they change, how they are listed. */
import { UserError } from "../protocol/errors.ts";
import type { Question, Reference, StageOutputs } from "../protocol/model.ts";
import type { Decision, Review, ReviewState } from "../protocol/review.ts";
import type { CheckpointFrame } from "../protocol/run.ts";
import { sha256 } from "./hash.ts";
import type { CheckpointEntry } from "./ports.ts";

/** Names a text in a decision. */
export const judged = (text: string): string => sha256(text).slice(0, 16);

/** The cycle that made a question or family, from its id; null for other ids. */
const cycleOf = (id: string): number | null => Number(/^c(\d+)-/.exec(id)?.[1] ?? Number.NaN) || null;
const isFamily = (id: string): boolean => /^c\d+-[^-]+$/.test(id);

const changes = ([, { action }]: [string, Decision]): boolean => action !== "approve";

/** What the questions of one cycle depend on; an approval changes nothing. */
export function questionDecisions({ decisions }: Review, cycle: number): Record<string, Decision> {
  const own = Object.entries(decisions).filter(([id]) => !isFamily(id) && cycleOf(id) === cycle);
  return Object.fromEntries(own.filter(changes));
}

/** What the references of a cycle, which are those of all families so far, depend on. */
export function answerDecisions(
  { decisions, askedAgain }: Review,
  cycle: number,
): Pick<Review, "decisions" | "askedAgain"> {
  const soFar = ([id]: [string, unknown]) => isFamily(id) && (cycleOf(id) ?? Infinity) <= cycle;
  return {
    decisions: Object.fromEntries(Object.entries(decisions).filter(soFar).filter(changes)),
    askedAgain: Object.fromEntries(Object.entries(askedAgain).filter(soFar)),
  };
}

/** Families that were left out by a person. */
export function excludedFamilies({ references }: StageOutputs["references"]): Set<string> {
  return new Set(Object.entries(references).flatMap(([family, { status }]) => (status === "excluded" ? family : [])));
}

/**
 * What speaks against a reference, as the end of "The reference of “…” …"; null when nothing does. Only the
 * teacher's own answers are doubted.
 */
export function doubtAbout(reference: Reference): string | null {
  const { status, author, unsupported, quotes } = reference;
  if (status !== "answered" || author !== "teacher") return null;
  const said = unsupported?.flatMap(({ missing }) => missing) ?? [];
  if (said.length > 0) return `says “${said.slice(0, 5).join("”, “")}”, which the section does not`;
  const lost = quotes.find(({ line }) => line === null);
  if (lost) return `quotes “${lost.text}”, which the section does not hold`;
  return quotes.length === 0 ? "names no passage of the section" : null;
}

/** A question's wording, or a family's reference, with what was decided about it. */
export interface ReviewRow {
  /** A question's id, or a family's for its reference. */
  id: string;
  kind: "question" | "answer";
  family: string;
  section: string;
  state: ReviewState;
  /** The text as the run has it. */
  text: string;
  /** The reason of an exclusion, the new text of an edit, or what speaks against a reference. */
  note: string;
  /** Recorded, but not in the checkpoints yet. */
  pending: boolean;
  /** The wording the family is asked with. */
  question: string;
  /** Names the text a decision is about. */
  of: string;
}

/** What of a run people can decide about. */
export interface Reviewable {
  cycle: number;
  questions: StageOutputs["questions"];
  /** Null before the first reference was written. */
  references: StageOutputs["references"] | null;
}

/** The questions of the newest cycle that has some, with the newest references; null when nothing was asked yet. */
export function reviewable(entries: readonly CheckpointEntry[]): Reviewable | null {
  const newest = (stage: "questions" | "references") =>
    entries
      .flatMap((entry) => (entry.state === "ok" && entry.stage === stage ? entry.frame : []))
      .reduce<CheckpointFrame | null>((best, frame) => (best && best.cycle > frame.cycle ? best : frame), null);
  const asked = newest("questions");
  // The store has checked every output against its stage's schema.
  return asked === null
    ? null
    : {
        cycle: asked.cycle,
        questions: asked.output as unknown as StageOutputs["questions"],
        references: (newest("references")?.output ?? null) as unknown as StageOutputs["references"] | null,
      };
}

type Questions = Pick<StageOutputs["questions"], "questions" | "excluded">;
type References = StageOutputs["references"] | null;

/** All questions and references of a run's newest cycle, family by family. */
export function reviewRows({ questions, excluded }: Questions, references: References, review: Review): ReviewRow[] {
  const all: (Question & { reason?: string })[] = [...questions, ...excluded];
  const families = Map.groupBy(all, ({ family }) => family);
  return [...families].flatMap(([family, members]) => {
    const lead = (questions.find((question) => question.family === family) ?? members[0]) as Question;
    const wordings = members.map((question) => questionRow(question, lead, review));
    const reference = references?.references[family];
    return reference ? [answerRow(family, lead, reference, review), ...wordings] : wordings;
  });
}

function questionRow(question: Question & { reason?: string }, lead: Question, review: Review): ReviewRow {
  const { id, family, section, text, original, reason } = question;
  const of = judged(original ?? text);
  const decision = fitting(review.decisions[id], of);
  const now: ReviewState = reason === undefined ? (original === undefined ? "open" : "edited") : "excluded";
  const base = { id, kind: "question" as const, family, section, text, question: lead.text, of };
  return { ...base, ...shown(decision, now, reason ?? "", text, "open") };
}

function answerRow(family: string, lead: Question, reference: Reference, review: Review): ReviewRow {
  const { status, text, original, reason } = reference;
  const of = judged(original ?? text);
  const doubt = doubtAbout(reference);
  const now: ReviewState =
    status === "excluded" ? "excluded" : original !== undefined ? "edited" : doubt ? "unsupported" : "open";
  const base = { id: family, kind: "answer" as const, family, section: lead.section, text, question: lead.text, of };
  const again = review.askedAgain[family];
  if (again && again.times > (reference.askedAgain ?? 0) && (reference.askedAgain || again.of === of))
    return { ...base, state: "asked again", note: doubt ?? "", pending: true };
  // Before there was an answer, a decision about the family was about its question.
  const decision =
    fitting(review.decisions[family], of) ??
    (status === "excluded" && text === "" ? review.decisions[family] : undefined);
  return { ...base, ...shown(decision, now, reason ?? doubt ?? "", text, doubt ? "unsupported" : "open") };
}

const fitting = (decision: Decision | undefined, of: string): Decision | undefined =>
  decision?.of === of ? decision : undefined;

/** State and note from the decision, or from the checkpoint where there is none (any more). */
function shown(
  decision: Decision | undefined,
  now: ReviewState,
  note: string,
  text: string,
  otherwise: ReviewState,
): Pick<ReviewRow, "state" | "note" | "pending"> {
  const undone = now === "excluded" || now === "edited";
  switch (decision?.action) {
    case "approve":
      return { state: "approved", note: "", pending: undone };
    case "exclude":
      return { state: "excluded", note: decision.reason, pending: now !== "excluded" };
    case "edit":
      return { state: "edited", note: decision.text === text ? "" : decision.text, pending: decision.text !== text };
    default:
      return { state: undone ? otherwise : now, note: undone ? "" : note, pending: undone };
  }
}

/** What a person can decide about one question or family. */
export type Verdict =
  | { action: "approve" | "askAgain" | "undo" }
  | { action: "edit"; text: string }
  | { action: "exclude"; reason: string };

/**
 * The review with one more decision. An edited or excluded text keeps its id.
 * @throws UserError E_REVIEW for an unknown id, an empty text or reason, or what does not fit the kind.
 */
export function decide(
  review: Review,
  id: string,
  verdict: Verdict,
  { questions, excluded }: Questions,
  references: References,
): Review {
  const row = reviewRows({ questions, excluded }, references, review).find((each) => each.id === id);
  const lead = [...questions, ...excluded].find(({ family }) => family === id);
  if (!row && !lead) throw new UserError("E_REVIEW", `There is no question or family ${JSON.stringify(id)}.`);
  const of = row?.of ?? judged(lead?.original ?? lead?.text ?? "");
  const { [id]: _, ...others } = review.decisions;
  const put = (decision: Decision): Review => ({ ...review, decisions: { ...others, [id]: decision } });
  switch (verdict.action) {
    case "undo": {
      const { [id]: again, ...rest } = review.askedAgain;
      if (!review.decisions[id] && !again) throw new UserError("E_REVIEW", `Nothing was decided about ${id}.`);
      return { ...review, decisions: others, askedAgain: rest };
    }
    case "exclude":
      if (!verdict.reason.trim()) throw new UserError("E_REVIEW", `Say why ${id} is to be left out.`);
      return put({ action: "exclude", of, reason: verdict.reason.trim() });
    case "edit":
      if (!verdict.text.trim()) throw new UserError("E_REVIEW", `The new text of ${id} is empty.`);
      if (!row) throw new UserError("E_REVIEW", `The family ${id} has no answer yet that could be edited.`);
      return put({ action: "edit", of, text: verdict.text.trim() });
    case "approve":
      if (!row) throw new UserError("E_REVIEW", `The family ${id} has no answer yet that could be approved.`);
      return put({ action: "approve", of });
    case "askAgain": {
      const reference = references?.references[id];
      if (!reference) throw new UserError("E_REVIEW", `${id} is not a family whose answer could be asked for again.`);
      if (lead?.answer) throw new UserError("E_REVIEW", `The answer of ${id} is your own; edit it instead.`);
      const before = reference.askedAgain ? review.askedAgain[id] : undefined;
      const entry = before ? { of: before.of, times: (reference.askedAgain ?? 0) + 1 } : { of, times: 1 };
      // What was decided was about the former answer.
      return { ...review, decisions: others, askedAgain: { ...review.askedAgain, [id]: entry } };
    }
  }
}
