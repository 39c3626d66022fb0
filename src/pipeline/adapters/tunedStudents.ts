/** The tuned students of a run, read without lock and checked before they are used. */
import { join } from "node:path";
import { UserError } from "../../protocol/errors.ts";
import type { Gate, Question, StageId, StageOutputs } from "../../protocol/model.ts";
import { tunedStudent } from "../adoption.ts";
import type { CheckpointEntry, TunedStudent } from "../ports.ts";
import { checkAdapter } from "./artefacts.ts";
import type { FileCheckpointStore } from "./checkpointStore.ts";
import { nodeFiles } from "./fileLayer.ts";

export interface TunedOfRun {
  student: TunedStudent;
  /** What the gate said of its cycle; null before the comparison. */
  gate: Gate | null;
  /** The questions of its cycle. */
  questions: readonly Question[];
}

/**
 * The tuned student of a run's cycle, by default of the last trained one; every file of its adapter is hashed.
 * @throws UserError E_RUN_UNKNOWN, E_CKPT_CORRUPT, E_ARTEFACT_MISSING, E_ARTEFACT_MISMATCH, E_PATH_OUTSIDE.
 */
export async function tunedOfRun(store: FileCheckpointStore, run: string, cycle?: number): Promise<TunedOfRun> {
  const found = (await store.runs()).find(({ id }) => id === run);
  if (!found) throw new UserError("E_RUN_UNKNOWN", `There is no run ${run}.`);
  if (!("file" in found)) throw new UserError("E_CKPT_CORRUPT", `The run file of ${run} cannot be read.`);
  const entries = await store.checkpoints(run);
  const trained = entries
    .filter((entry) => entry.stage === "fineTuning" && entry.state === "ok" && entry.cycle === (cycle ?? entry.cycle))
    .toSorted((a, b) => b.cycle - a.cycle)[0];
  const training = trained && outputOf(entries, trained.cycle, "fineTuning");
  const questions = trained && outputOf(entries, trained.cycle, "questions");
  if (!training || !questions || trained.state !== "ok")
    throw new UserError(
      "E_ARTEFACT_MISSING",
      `Run ${run} has no tuned student${cycle === undefined ? " yet" : ` for cycle ${cycle}`}.`,
    );
  const folder = join(store.root, "runs", run);
  await checkAdapter(folder, training, trained.cycle, training.adapter.folder, nodeFiles);
  const comparison = outputOf(entries, trained.cycle, "comparison");
  const student = tunedStudent({
    folder,
    file: found.file,
    cycle: trained.cycle,
    model: trained.frame.models["student"] ?? found.file.settings.student,
    domain: questions.domain,
    training,
    comparison,
  });
  return { student, gate: comparison?.gate ?? null, questions: questions.questions };
}

function outputOf<Id extends StageId>(
  entries: readonly CheckpointEntry[],
  cycle: number,
  stage: Id,
): StageOutputs[Id] | null {
  const entry = entries.find((each) => each.cycle === cycle && each.stage === stage);
  // The store has checked every output against its stage's schema.
  return entry?.state === "ok" ? (entry.frame.output as never) : null;
}

/** @throws UserError E_ARTEFACT_MISMATCH when the base that was found is not the one the adapter was trained on. */
export function checkBase({ model, run }: Pick<TunedStudent, "model" | "run">, base: string): void {
  if (base !== model)
    throw new UserError("E_ARTEFACT_MISMATCH", `The adapter of run ${run} belongs to ${model}, and here is ${base}.`);
}
