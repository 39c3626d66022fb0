/**
 * The runner: brings every stage of every cycle up to date and is the only writer of checkpoints.
 * Reuse, resume, "re-run from here" and "what is stale" all follow from the fingerprints.
 */
import { UserError } from "../protocol/errors.ts";
import type { RunEvent } from "../protocol/events.ts";
import { stageOutputSchemas, type Knowledge, type StageId, type StageOutputs, type Usage } from "../protocol/model.ts";
import type { Review } from "../protocol/review.ts";
import { checkpointSchemaVersion, type CheckpointFrame } from "../protocol/run.ts";
import { adoptIfPassed } from "./adoption.ts";
import { createItems } from "./finishedItems.ts";
import { hashOf } from "./hash.ts";
import { looksSentence, noteLook } from "./ledger.ts";
import { dependents, pipeline, type AnyStage } from "./pipeline.ts";
import type {
  OtherRuns,
  AdoptedStudent,
  Embedder,
  Evaluator,
  RunStore,
  Student,
  StudentInUse,
  Teacher,
  Trainer,
} from "./ports.ts";
import { writeReport } from "./report/write.ts";
import type { StageContext } from "./stage.ts";
import { templates } from "./template.ts";
import { totalUsage } from "./usage.ts";

/** What a run works with; `compose` files make these. */
export interface RunParts {
  store: RunStore;
  knowledge: Knowledge;
  teacher: Teacher;
  student: Student;
  /** The student in use before the run, for the arm of that name. */
  adopted?: AdoptedStudent | null;
  embedder: Embedder;
  evaluator: Evaluator;
  trainer: Trainer;
  /** Takes each adapter that passes the gate into use; without it nothing is adopted. */
  studentInUse?: StudentInUse;
  /** No stage runs beside another; what that costs is measured in `bench/`. */
  oneAfterAnother?: boolean;
  /** Where an online teacher's answers may lie already; without it each run asks anew. */
  otherRuns?: OtherRuns;
}

/** The parts with the decisions of people as they were when the run started. */
type ReviewedParts = RunParts & { review: Review };

type Finished = { frame: CheckpointFrame; output: unknown };
type CycleResult = Map<StageId, Finished>;

/**
 * Runs all cycles, reusing every checkpoint that still fits.
 * @returns the last cycle's comparison.
 * @throws UserError for what a person can act on (E_STOPPED when the signal aborts); everything finished stays.
 */
export async function runPipeline(
  parts: RunParts,
  onEvent: (event: RunEvent) => void,
  signal: AbortSignal,
): Promise<StageOutputs["comparison"]> {
  const { store, teacher, student } = parts;
  const { settings, id } = store.file;
  const started = Date.now();
  const emit = (event: RunEvent) => {
    store.appendEvent({ ...event, at: new Date().toISOString() });
    onEvent(event);
  };
  emit({ type: "runStarted", run: id, cycles: settings.cycles, teacher: teacher.id, student: student.id });
  try {
    const reviewed = { ...parts, review: await store.readReview() };
    let previous: CycleResult | null = null;
    for (let cycle = 1; cycle <= settings.cycles; cycle++) {
      previous = await runCycle(reviewed, cycle, previous, emit, signal);
      await adoptIfPassed(parts, cycle, outputs(previous) as StageOutputs, emit);
    }
    const comparison = previous?.get("comparison")?.output as StageOutputs["comparison"];
    const report = await writeReport(store, parts.knowledge);
    const seconds = (Date.now() - started) / 1000;
    const { headline, gate } = comparison;
    emit({ type: "runFinished", seconds, sentence: headline.sentence, gate: gate.sentence, report });
    return comparison;
  } catch (error) {
    const known = signal.aborted && !(error instanceof UserError) ? stopped() : error;
    if (known instanceof UserError) emit({ type: "runStopped", code: known.code, message: known.message });
    else emit({ type: "runStopped", code: "bug", message: known instanceof Error ? known.message : String(known) });
    throw known;
  }
}

const stopped = () => new UserError("E_STOPPED", "The run was stopped.");

/** Starts each stage as soon as what it needs is there; `compute` stages take turns on the processor. */
async function runCycle(
  parts: ReviewedParts,
  cycle: number,
  previous: CycleResult | null,
  emit: (event: RunEvent) => void,
  signal: AbortSignal,
): Promise<CycleResult> {
  const failure = new AbortController();
  const both = AbortSignal.any([signal, failure.signal]);
  const results = new Map<StageId, Promise<Finished>>();
  let processor: Promise<unknown> = Promise.resolve();
  for (const stage of pipeline) {
    const { uses } = stage;
    const turns =
      parts.oneAfterAnother || (typeof uses === "string" ? uses : uses(parts.store.file.settings)) === "compute";
    const before = turns ? processor : Promise.resolve();
    const turn = (async () => {
      const needs = await Promise.all(stage.needs.map(async (id) => [id, await results.get(id)] as const));
      await before;
      both.throwIfAborted();
      return bringUpToDate(stage, parts, cycle, new Map(needs as [StageId, Finished][]), previous, emit, both);
    })();
    // The first failure stops the others; what they have finished is kept.
    turn.catch((error: unknown) => failure.abort(error));
    results.set(stage.id, turn);
    if (turns) processor = turn.catch(() => {});
  }
  const settled = await Promise.allSettled(results.values());
  const first = settled.find((each) => each.status === "rejected");
  if (first) {
    if (signal.aborted) throw stopped();
    throw failure.signal.aborted ? failure.signal.reason : first.reason;
  }
  return new Map(await Promise.all([...results].map(async ([id, result]) => [id, await result] as const)));
}

/** Reuses the checkpoint that fits, else runs the stage and writes one. */
async function bringUpToDate(
  stage: AnyStage,
  parts: ReviewedParts,
  cycle: number,
  needs: CycleResult,
  previous: CycleResult | null,
  emit: (event: RunEvent) => void,
  signal: AbortSignal,
): Promise<Finished> {
  const { store, teacher } = parts;
  const context = contextFor(stage, parts, cycle, emit, signal);
  const earlier = new Map(
    stage.needsPrevious.flatMap((id) => {
      const finished = previous?.get(id);
      return finished ? [[id, finished] as const] : [];
    }),
  );
  const params = stage.params(context);
  const fingerprint = hashOf({
    stage: stage.id,
    version: stage.version,
    params,
    attempt: attemptOf(parts, cycle, stage.id),
    needs: outputHashes(needs),
    previous: outputHashes(earlier),
  });

  const existing = await readOrNull(store, cycle, stage.id, emit);
  if (existing?.frame.fingerprint === fingerprint) {
    emit({
      type: "stageFinished",
      cycle,
      stage: stage.id,
      seconds: existing.frame.seconds,
      reused: true,
      summary: summaryOf(stage, existing.output),
    });
    return existing;
  }
  if (existing) await store.supersede(cycle, stage.id);

  emit({ type: "stageStarted", cycle, stage: stage.id, total: null });
  const began = new Date();
  const spentBefore = usageOf(parts, stage.id);
  try {
    const raw = await stage.run(outputs(needs) as never, context, outputs(earlier) as never);
    signal.throwIfAborted();
    const output = stageOutputSchemas[stage.id].parse(raw);
    if (stage.id === "comparison" && cycle === store.file.settings.cycles) {
      const text = looksSentence(await noteLook(store, fingerprint));
      if (text) emit({ type: "notice", text });
    }
    const seconds = (Date.now() - began.getTime()) / 1000;
    const frame: CheckpointFrame = {
      schema: "distillery-checkpoint",
      version: checkpointSchemaVersion,
      run: store.file.id,
      cycle,
      stage: stage.id,
      stageVersion: stage.version,
      fingerprint,
      outputHash: hashOf(output),
      started: began.toISOString(),
      seconds,
      models: {
        teacher: teacher.id,
        student: parts.student.id,
        embedder: parts.embedder.id,
        ...(parts.evaluator.judge === null ? {} : { judge: parts.evaluator.judge }),
      },
      usage: spent(spentBefore, usageOf(parts, stage.id)),
      params: params as CheckpointFrame["params"],
      output: output as CheckpointFrame["output"],
    };
    await store.writeCheckpoint(frame);
    emit({ type: "stageFinished", cycle, stage: stage.id, seconds, reused: false, summary: summaryOf(stage, output) });
    return { frame, output };
  } catch (error) {
    if (!signal.aborted)
      emit({
        type: "stageFailed",
        cycle,
        stage: stage.id,
        code: error instanceof UserError ? error.code : "bug",
        message: error instanceof Error ? error.message : String(error),
      });
    throw error;
  }
}

/** A damaged checkpoint is in quarantine by now; its stage runs again on the finished items. */
async function readOrNull(
  store: RunStore,
  cycle: number,
  stage: StageId,
  emit: (event: RunEvent) => void,
): Promise<Finished | null> {
  try {
    return await store.readCheckpoint(cycle, stage);
  } catch (error) {
    if (!(error instanceof UserError) || error.code === "E_CKPT_NEWER" || error.code === "E_PATH_OUTSIDE") throw error;
    emit({ type: "notice", text: `${error.code}: ${error.message} ${error.kept} The stage runs again.` });
    return null;
  }
}

function contextFor(
  stage: AnyStage,
  parts: ReviewedParts,
  cycle: number,
  emit: (event: RunEvent) => void,
  signal: AbortSignal,
): StageContext {
  const { store } = parts;
  const attempt = attemptOf(parts, cycle, stage.id);
  return {
    ...parts,
    adopted: parts.adopted ?? null,
    cycle,
    run: store.file,
    settings: store.file.settings,
    template: templates[store.file.settings.template],
    signal,
    emit,
    item: createItems(stage, store, attempt, parts.teacher.online ? parts.otherRuns : undefined, emit),
  };
}

const attemptOf = ({ store }: RunParts, cycle: number, stage: StageId): number =>
  store.file.attempts[`${cycle}/${stage}`] ?? 0;

const outputHashes = (finished: CycleResult) =>
  Object.fromEntries([...finished].map(([id, { frame }]) => [id, frame.outputHash]));
const outputs = (finished: CycleResult) => Object.fromEntries([...finished].map(([id, { output }]) => [id, output]));
const summaryOf = (stage: AnyStage, output: unknown): string => stage.summary(output as never);

/** Stages that ask no endpoint. They run beside some that do, whose requests are not theirs. */
const asksNobody: readonly StageId[] = ["baselineAnswers", "fineTuning", "comparison"];

/** What teacher and judge have spent so far; null when nobody counts, or the stage asks nobody. */
function usageOf({ teacher, evaluator }: RunParts, stage: StageId): Usage | null {
  if (asksNobody.includes(stage)) return null;
  return totalUsage([teacher.usage(), evaluator.usage()]);
}

function spent(before: Usage | null, after: Usage | null): Usage | null {
  if (!after) return null;
  return {
    requests: after.requests - (before?.requests ?? 0),
    inputTokens: after.inputTokens - (before?.inputTokens ?? 0),
    outputTokens: after.outputTokens - (before?.outputTokens ?? 0),
    dollars: after.dollars === null ? null : after.dollars - (before?.dollars ?? 0),
  };
}

/**
 * "Re-run from here": moves the stage's checkpoint and all that rest on it to `superseded/`, in this
 * cycle and every later one, and asks for fresh work. The next run computes them again.
 */
export async function rerunFrom(store: RunStore, cycle: number, stage: StageId): Promise<void> {
  const attempts = { ...store.file.attempts };
  const from = dependents(stage);
  for (const entry of await store.list()) {
    const affected = entry.cycle > cycle || (entry.cycle === cycle && from.includes(entry.stage));
    if (affected && entry.state !== "newer") await store.supersede(entry.cycle, entry.stage);
  }
  for (const id of from) attempts[`${cycle}/${id}`] = (attempts[`${cycle}/${id}`] ?? 0) + 1;
  await store.updateFile((file) => ({ ...file, attempts }));
}
