/** Everything a report tells, read from a finished run. */
import type { Knowledge, StageId, StageOutputs, Usage } from "../../protocol/model.ts";
import { screenStages, stageIds } from "../../protocol/model.ts";
import type { CheckpointFrame, RunFile } from "../../protocol/run.ts";
import type { RunStore } from "../ports.ts";
import { totalUsage } from "../usage.ts";
import { examplesOf, type Example } from "./examples.ts";

export type Outputs = { [Id in StageId]: { frame: CheckpointFrame; output: StageOutputs[Id] } };

export interface Facts {
  file: RunFile;
  knowledge: Knowledge;
  /** Of the last cycle. */
  outputs: Outputs;
  /** Compared questions of the last cycle, most improved first. */
  examples: Example[];
  /** The stages as people know them: seconds in the last cycle, and what they spent over all cycles. */
  stages: { title: string; seconds: number; usage: Usage | null }[];
}

/** @throws Error when the last cycle is not complete; UserError as the store's reading does. */
export async function gatherFacts(store: RunStore, knowledge: Knowledge): Promise<Facts> {
  const cycle = store.file.settings.cycles;
  const found = {} as Record<StageId, unknown>;
  for (const stage of stageIds) {
    const checkpoint = await store.readCheckpoint(cycle, stage);
    if (!checkpoint) throw new Error(`the report needs the ${stage} checkpoint of cycle ${cycle}`);
    found[stage] = checkpoint;
  }
  const outputs = found as Outputs;
  const frames = (await store.list()).flatMap((entry) => (entry.state === "ok" ? [entry.frame] : []));
  return {
    file: store.file,
    knowledge,
    outputs,
    examples: examplesOf(outputs),
    stages: screenStages.map(({ title, stages }) => ({
      title,
      seconds: stages.reduce((sum, id) => sum + outputs[id].frame.seconds, 0),
      usage: spentIn(frames.filter(({ stage }) => stages.includes(stage))),
    })),
  };
}

/** Null when nobody was asked. */
function spentIn(frames: readonly CheckpointFrame[]): Usage | null {
  const usage = totalUsage(frames.map((frame) => frame.usage));
  return usage && usage.requests > 0 ? usage : null;
}
