/** What a run has come to, read from its checkpoints without opening it for writing. */
import { UserError } from "../protocol/errors.ts";
import type { StageId, StageOutputs } from "../protocol/model.ts";
import { stageIds } from "../protocol/model.ts";
import type { CheckpointFrame, RunFile } from "../protocol/run.ts";
import type { CheckpointEntry } from "../pipeline/ports.ts";
import { reviewable, type Reviewable } from "../pipeline/review.ts";
import type { FileCheckpointStore } from "../pipeline/adapters/checkpointStore.ts";

/** Every stage's checkpoint of one cycle. */
export type CycleOutputs = { [Id in StageId]: { frame: CheckpointFrame; output: StageOutputs[Id] } };

/** The outputs of the latest complete cycle, or null. */
export function latestOutputs(entries: readonly CheckpointEntry[]): { cycle: number; outputs: CycleOutputs } | null {
  const byCycle = new Map<number, Partial<Record<StageId, { frame: CheckpointFrame; output: unknown }>>>();
  for (const entry of entries) {
    if (entry.state !== "ok") continue;
    const outputs = byCycle.get(entry.cycle) ?? {};
    outputs[entry.stage] = { frame: entry.frame, output: entry.frame.output };
    byCycle.set(entry.cycle, outputs);
  }
  const complete = [...byCycle].filter(([, outputs]) => stageIds.every((id) => outputs[id]));
  const [cycle, outputs] = complete.sort(([a], [b]) => b - a)[0] ?? [];
  // The store has checked every output against its stage's schema.
  return cycle === undefined ? null : { cycle, outputs: outputs as CycleOutputs };
}

/** True when the last cycle has been compared. Looks at file names alone, so that it takes no time. */
export async function isFinished(store: FileCheckpointStore, file: RunFile): Promise<boolean> {
  const names = await store.names(file.id);
  return names.some(({ cycle, stage }) => cycle === file.settings.cycles && stage === "comparison");
}

/** The run in one word and the verdict in one sentence, for a list. */
export async function stateOf(store: FileCheckpointStore, file: RunFile): Promise<{ state: string; sentence: string }> {
  const entries = await store.checkpoints(file.id);
  const damaged = entries.filter(({ state }) => state === "damaged").length;
  const latest = latestOutputs(entries);
  const note = damaged > 0 ? ` ${damaged} damaged checkpoint${damaged > 1 ? "s" : ""}.` : "";
  const sentence = `${latest?.outputs.comparison.output.headline.sentence ?? ""}${note}`.trim();
  if (latest?.cycle === file.settings.cycles) return { state: "finished", sentence };
  const cycle = Math.max(1, ...entries.map((entry) => entry.cycle));
  const done = entries.filter((entry) => entry.cycle === cycle && entry.state === "ok").length;
  return { state: `cycle ${cycle}/${file.settings.cycles}, ${done}/${stageIds.length} checkpoints`, sentence };
}

/** What of a run can be reviewed. @throws UserError E_REVIEW when nothing was asked yet. */
export function latestQuestions(entries: readonly CheckpointEntry[], run: string): Reviewable {
  const found = reviewable(entries);
  if (!found) throw new UserError("E_REVIEW", `Run ${run} has no questions yet.`);
  return found;
}
