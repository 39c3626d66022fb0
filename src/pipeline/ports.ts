/** The outside world as the stages see it. Adapters implement these; `compose` files wire them. */
import type {
  Answer,
  Domain,
  FamilyDraft,
  Knowledge,
  LossPoint,
  Metric,
  Reference,
  Sampling,
  Score,
  Scoring,
  Section,
  StageId,
  StageOutputs,
  Usage,
  FineTuningOutput,
} from "../protocol/model.ts";
import type { Review } from "../protocol/review.ts";
import type { CheckpointFrame, RunFile, TrainingSettings } from "../protocol/run.ts";
import type { StudentEntry, StudentFacts } from "../protocol/student.ts";

export interface Message {
  role: "system" | "user" | "assistant";
  content: string;
}

export interface GenerateOptions extends Sampling {
  seed: number;
  signal?: AbortSignal | undefined;
  onText?: (chunk: string) => void;
}

/** Any model that answers messages. Teacher and student are roles over it. */
export interface LanguageModel {
  readonly id: string;
  generate(messages: readonly Message[], options: GenerateOptions): Promise<Answer>;
}

/** The small model. One loaded base serves the untuned student and any tuned one. */
export interface Student extends LanguageModel {
  /** For people: "CPU, 2 threads" or the GPU's name. Known once the model is loaded. */
  device(signal?: AbortSignal): Promise<string>;
  /** Tokens of prompt and answer together. */
  readonly contextSize: number;
  /** Token ids of a text, special tokens recognised. */
  tokenize(text: string, signal?: AbortSignal): Promise<number[]>;
  /** The same base with a LoRA adapter, given as the path of its GGUF file. */
  tuned(adapterGguf: string): LanguageModel;
  close(): Promise<void>;
}

/** The tuned student that is in use. */
export interface AdoptedStudent {
  /** Base model and adapter, as {@link Student.tuned} names them. */
  id: string;
  /** Absolute path of the adapter's GGUF. */
  adapterGguf: string;
}

export interface QuestionRequest {
  section: Section;
  /** Families wanted from this section in this call. */
  count: number;
  wordings: number;
  rewordings: number;
  domain: Domain;
  seed: number;
  /** Texts of questions that exist already; what comes back should differ. */
  avoid: readonly string[];
  signal: AbortSignal;
}

export interface Teacher {
  readonly id: string;
  /** False for the offline teacher: nothing leaves the machine. */
  readonly online: boolean;
  /** May return fewer families than asked. `unusable` counts drafts that were thrown away. */
  questions(request: QuestionRequest): Promise<{ families: FamilyDraft[]; unusable: number }>;
  /** `again`: how often a person has asked for another answer than the first. */
  reference(
    question: string,
    section: Section,
    domain: Domain,
    signal: AbortSignal,
    again?: number,
  ): Promise<Reference>;
  /** What was spent since the teacher was made; null for the offline teacher. */
  usage(): Usage | null;
}

export interface Embedder {
  readonly id: string;
  /** One unit-length vector a text. */
  embed(texts: readonly string[], signal: AbortSignal): Promise<number[][]>;
  close(): Promise<void>;
}

export interface ScoreRequest {
  item: string;
  question: string;
  answer: string;
  reference: string;
  /** The text of the question's section; empty when no chosen metric looks at it. */
  context: string;
}

export interface Evaluator {
  readonly embedder: string;
  readonly judge: string | null;
  /** What a judge of its own has spent since it was made; null when the teacher's count holds it, or nobody judges. */
  usage(): Usage | null;
  /** Scores every item and hands each over as soon as it is done. Resolves to how the scores came about. */
  score(
    items: readonly ScoreRequest[],
    metrics: readonly Metric[],
    onScored: (item: string, scores: Partial<Record<Metric, Score>>, overWindow: boolean) => Promise<void>,
    signal: AbortSignal,
  ): Promise<Scoring>;
}

export interface TrainingRow {
  /** For people: the question. */
  name?: string;
  prompt: string;
  completion: string;
  /** The same prompt with words of the question left out; taken in turns with the whole one, pass by pass. */
  thinned?: string[];
}

export interface TrainingJob {
  rows: TrainingRow[];
  /** Wordings kept out of training to tell when to stop; empty when the steps are fixed. */
  heldBack: TrainingRow[];
  steps: { rule: "fixed"; count: number } | { rule: "auto"; passes: number; patience: number };
  settings: TrainingSettings;
  endText: string;
  seed: number;
  /** Absolute folder for the adapter and the training checkpoints. */
  output: string;
}

export type TrainingResult = Omit<FineTuningOutput, "adapter" | "stepsRule">;

export interface Trainer {
  /** Starts the process early so that its imports hide behind other work. */
  prepare(): void;
  train(
    job: TrainingJob,
    onPoint: (point: LossPoint, totalSteps: number) => void,
    onNotice: (text: string) => void,
    signal: AbortSignal,
  ): Promise<TrainingResult>;
  /** Removes the training checkpoints below a finished job's `output`; the adapter stays. */
  discardCheckpoints(output: string): Promise<void>;
  close(): Promise<void>;
}

export interface KnowledgeBase {
  read(): Promise<Knowledge>;
}

/** A checkpoint in the tree of a run: verified, or the reason why not. */
export type CheckpointEntry =
  | { cycle: number; stage: StageId; file: string; state: "ok"; frame: CheckpointFrame }
  | { cycle: number; stage: StageId; file: string; state: "newer" | "damaged"; reason: string };

/** One run's folder. Everything that resolves is on the disk; see design of the durable writer. */
export interface RunStore {
  readonly folder: string;
  readonly file: RunFile;
  updateFile(change: (file: RunFile) => RunFile): Promise<void>;
  /** Null when there is none. Throws UserError for a damaged or newer one, after moving a damaged one to quarantine. */
  readCheckpoint<Id extends StageId>(
    cycle: number,
    stage: Id,
  ): Promise<{ frame: CheckpointFrame; output: StageOutputs[Id] } | null>;
  writeCheckpoint(frame: CheckpointFrame): Promise<void>;
  /** Moves a checkpoint (and the adapter with fineTuning) to `superseded/`. */
  supersede(cycle: number, stage: StageId): Promise<void>;
  list(): Promise<CheckpointEntry[]>;
  /** A finished item of any stage, by its key. */
  item(key: string): unknown;
  /** Resolves when the item is durable. */
  addItem(stage: StageId, key: string, value: unknown): Promise<void>;
  /** Not waited for by stages; lost at most for the last moments before a crash. */
  appendEvent(event: unknown): void;
  /** Writes a file of the run (report.md, report.json) durably; the path is relative and stays inside. */
  writeFile(path: string, content: string): Promise<void>;
  /** Decisions about questions and answers; empty when there is no file. Throws E_REVIEW_FILE, after moving the file to quarantine. */
  readReview(): Promise<Review>;
  writeReview(review: Review): Promise<void>;
  /** Hashes of all files below a folder of the run: relative path → sha256. */
  hashFiles(folder: string): Promise<Record<string, string>>;
  close(): Promise<void>;
}

/** The other runs of a workspace, as far as their teachers' answers go. */
export interface OtherRuns {
  /** A finished item of the stages that ask the teacher, by its key; undefined when no other run has it. */
  item(key: string): Promise<unknown>;
}

/** All runs of a workspace. */
export interface CheckpointStore {
  readonly root: string;
  create(file: RunFile): Promise<RunStore>;
  /** Opens for writing: takes the lock (E_RUN_LOCKED), reads and repairs the journal. */
  open(id: string): Promise<RunStore>;
  /** Reads without lock or change; newest run first. Damaged run files are listed with a reason. */
  runs(): Promise<({ id: string; file: RunFile } | { id: string; reason: string })[]>;
  /** Checkpoints of a run without lock or change. */
  checkpoints(id: string, cycle?: number): Promise<CheckpointEntry[]>;
}

/** A tuned student: which one it is, what asking it takes, and the absolute path of its adapter. */
export interface TunedStudent extends StudentEntry, StudentFacts {
  adapterGguf: string;
}

/** Which tuned student a workspace uses. */
export interface StudentInUse {
  /**
   * Takes a student into use whose gate passed; resolves when its adapter is kept and the change is durable.
   * False when it was in use before: what a person has chosen since then stands.
   */
  adopt(student: TunedStudent): Promise<boolean>;
}
