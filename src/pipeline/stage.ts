/** A stage: what it needs, what its result depends on, and how it runs. */
import type { Knowledge, StageId, StageOutputs } from "../protocol/model.ts";
import type { RunEvent } from "../protocol/events.ts";
import type { Review } from "../protocol/review.ts";
import type { RunFile, RunSettings } from "../protocol/run.ts";
import type { AdoptedStudent, Embedder, Evaluator, RunStore, Student, Teacher, Trainer } from "./ports.ts";
import type { PromptTemplate } from "./template.ts";

/** What a stage may use besides the outputs it needs. */
export interface StageContext {
  readonly cycle: number;
  readonly run: RunFile;
  readonly settings: RunSettings;
  readonly knowledge: Knowledge;
  /** What people decided about questions and answers before this start. */
  readonly review: Review;
  readonly template: PromptTemplate;
  readonly teacher: Teacher;
  readonly student: Student;
  /** The student in use before the run; null when there is none. */
  readonly adopted: AdoptedStudent | null;
  readonly embedder: Embedder;
  readonly evaluator: Evaluator;
  readonly trainer: Trainer;
  readonly store: RunStore;
  readonly signal: AbortSignal;
  emit(event: RunEvent): void;
  /**
   * A finished piece of work, reused when the same work was done before in this run: `key` holds
   * everything the result depends on. Resolves when the result is durable.
   * @param fits says which results of other runs of the workspace will do as well; without it none does
   */
  item<T>(key: unknown, compute: () => Promise<T>, fits?: (value: T) => boolean): Promise<T>;
}

/** Earlier cycles' outputs a stage may read, by stage id; absent in the first cycle. */
export type Previous<Prev extends StageId> = Partial<Pick<StageOutputs, Prev>>;

export type Resource = "compute" | "network";

export interface Stage<Id extends StageId, Need extends StageId, Prev extends StageId = never> {
  readonly id: Id;
  /** Raised whenever the same input would give another output. */
  readonly version: number;
  readonly needs: readonly Need[];
  readonly needsPrevious: readonly Prev[];
  /** `compute` stages take turns on the processor; `network` ones, which mostly wait for others, run beside them. */
  readonly uses: Resource | ((settings: RunSettings) => Resource);
  /** Settings the output depends on; part of the fingerprint. */
  params(
    context: Pick<
      StageContext,
      | "settings"
      | "knowledge"
      | "review"
      | "cycle"
      | "teacher"
      | "student"
      | "adopted"
      | "embedder"
      | "evaluator"
      | "template"
    >,
  ): unknown;
  run(input: Pick<StageOutputs, Need>, context: StageContext, previous: Previous<Prev>): Promise<StageOutputs[Id]>;
  /** One line for people: what came out. */
  summary(output: StageOutputs[Id]): string;
}

/** Infers the type parameters and so makes reading an undeclared output a compile error. */
export function defineStage<Id extends StageId, Need extends StageId = never, Prev extends StageId = never>(
  stage: Stage<Id, Need, Prev>,
): Stage<Id, Need, Prev> {
  return stage;
}
