/** What crosses between the panel and the host: whole snapshots down, a small set of intentions up. */
import { z } from "zod";
import { extraArmSchema, idSchema, type AnswerMark, type ComparisonOutput, type StageId, type Tier } from "./model.ts";
import type { ReviewState } from "./review.ts";
import type { RunState } from "./state.ts";

export const presets = ["demo", "small", "full", "own"] as const;

/** What the Configure tab holds; the host turns it into the settings of a run. */
export const draftSchema = z.strictObject({
  preset: z.enum(presets),
  questions: z.int().min(1).max(50),
  cycles: z.int().min(1).max(10),
  /** By title; empty means all. */
  topics: z.array(z.string().max(300)).max(2000),
  /** Later cycles ask more about the topics that failed. */
  aimed: z.boolean().default(true),
  teacher: z.enum(["offline", "openai", "vscode"]),
  steps: z.union([z.literal("recipe"), z.literal("auto"), z.int().min(1).max(10_000)]),
  /** Tokens an answer may have. */
  maxNewTokens: z.int().min(1).max(4096),
  /** Who answers besides the untuned and the tuned student. A draft kept from before has none. */
  arms: z.array(extraArmSchema).max(3).default([]),
});
export type Draft = z.infer<typeof draftSchema>;

export const arms = ["base", "tuned", "teacher"] as const;
export type AskArm = (typeof arms)[number];

/** Commands the panel may start, besides its own intentions. */
export const panelCommands = [
  "distillery.setUpEnvironment",
  "distillery.chooseEditorModel",
  "distillery.useSuccessor",
  "distillery.setApiKey",
  "distillery.openSample",
  "distillery.useThisFolder",
  "distillery.checkSetup",
  "distillery.showLog",
  "distillery.openReport",
  "distillery.useAsStudent",
] as const;

const reviewActions = ["exclude", "edit", "approve", "askAgain", "undo"] as const;
export type ReviewAction = (typeof reviewActions)[number];

/** Everything the panel can ask for. No path and no address crosses: sections and runs go by id. */
export const intentionSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("ready") }),
  z.strictObject({ type: z.literal("configure"), draft: draftSchema }),
  z.strictObject({ type: z.literal("start") }),
  z.strictObject({ type: z.literal("stop") }),
  z.strictObject({ type: z.literal("resume"), run: idSchema }),
  z.strictObject({ type: z.literal("select"), run: idSchema }),
  z.strictObject({ type: z.literal("openSection"), section: idSchema }),
  /** `id`: a question's, or a family's for its reference. */
  z.strictObject({ type: z.literal("review"), run: idSchema, id: idSchema, action: z.enum(reviewActions) }),
  z.strictObject({
    type: z.literal("ask"),
    question: z.string().trim().min(1).max(4000),
    arms: z.array(z.enum(arms)).min(1).max(3),
  }),
  z.strictObject({ type: z.literal("stopAsking") }),
  z.strictObject({ type: z.literal("command"), command: z.enum(panelCommands) }),
]);
export type Intention = z.infer<typeof intentionSchema>;

export interface Estimate {
  /** Requests to the teacher; 0 for the offline one. */
  calls: number;
  tokens: number;
  /** US dollars; null when the price is not known. */
  dollars: number | null;
  minutes: number;
  /** What leaves the machine and where to, in words. */
  sent: string;
  /** The smallest change the questions can show, in words. */
  shows: string;
}

/** What the Configure tab shows. */
export interface SetupSnapshot {
  trusted: boolean;
  folderOpen: boolean;
  knowledge: { name: string; topics: { title: string; sections: number }[] } | null;
  knowledgeProblem: string | null;
  environment: "ready" | "missing" | "installing";
  environmentNote: string;
  /**
   * `editorModel`: VS Code's own model, empty for the first there is. `ending`: that the provider switches `model` off,
   * in words, with the model that comes after it where one is known.
   */
  teacher: {
    model: string;
    host: string;
    hasKey: boolean;
    editorModel: string;
    ending: { text: string; successor: string | null } | null;
  };
  student: string;
  draft: Draft;
  estimate: Estimate | null;
  /** Why the run cannot start; null when it can. */
  obstacle: string | null;
}

export interface RunChoice {
  id: string;
  label: string;
  detail: string;
}

/** What the Run tab shows: the run in progress, else the selected one as its events tell it. */
export interface RunSnapshot {
  runs: RunChoice[];
  selected: string | null;
  live: boolean;
  /** It can go on from where it stopped. */
  resumable: boolean;
  state: RunState;
  /** Seconds a running stage still needs, where that is known. */
  secondsLeft: Partial<Record<StageId, number>>;
  device: string | null;
  memoryBytes: number | null;
}

export interface AnswerRow {
  id: string;
  question: string;
  topic: string;
  tier: Tier;
  family: string;
  /** What was decided about the reference, or that it is in doubt; `note` says why, `pending` that a resume is due. */
  review: { state: ReviewState; note: string; pending: boolean };
  section: string;
  /** "pods.md:12", for people. */
  place: string;
  baseline: string;
  tuned: string;
  reference: string;
  before: number | null;
  after: number | null;
  /** Which details of the reference the two answers lack, in words; empty when none. */
  lacks: { baseline: string; tuned: string };
  /** What is wrong with the two answers by their form. */
  marks: { baseline: AnswerMark[]; tuned: AnswerMark[] };
  /** The answers of further arms, under their names for people. */
  others: { title: string; text: string; marks: AnswerMark[] }[];
}

/** What the Results and Answers tabs show of the selected run's last complete cycle. */
export interface ResultsSnapshot {
  run: string;
  teacher: string;
  cycle: number;
  comparison: ComparisonOutput | null;
  /** How often results of the test part were computed anew. */
  looks: number;
  answers: AnswerRow[];
}

export interface AskAnswer {
  arm: AskArm;
  /** Which model answers, for people. */
  model: string;
  text: string;
  status: "waiting" | "answering" | "done" | "stopped" | "failed";
  note: string;
}

export interface AskSnapshot {
  question: string;
  busy: boolean;
  /** The tuned student that would answer; null when no run has been adopted or finished. */
  tuned: string | null;
  teacher: string | null;
  answers: AskAnswer[];
  /** What of the knowledge base the answers can be checked against; `place` as "pods.md:12", for people. */
  sources: { section: string; title: string; place: string }[];
}

/** Host to panel. Each part is whole: a part that was missed is healed by the next one. */
export type PanelMessage =
  | { type: "setup"; value: SetupSnapshot }
  | { type: "run"; value: RunSnapshot }
  | { type: "results"; value: ResultsSnapshot | null }
  | { type: "ask"; value: AskSnapshot }
  | { type: "show"; tab: PanelTab };

export const panelTabs = ["configure", "run", "results", "answers", "ask"] as const;
export type PanelTab = (typeof panelTabs)[number];
