/** How much the answers of this student varied in an earlier run of the workspace. */
import { measuredSpread, type Spread } from "../pipeline/detectable.ts";
import type { FileCheckpointStore } from "../pipeline/adapters/checkpointStore.ts";
import type { RunFile } from "../protocol/run.ts";
import { isFinished, latestOutputs } from "./results.ts";

/** From the newest finished run of the same student and primary metric; null when there is none that can say. */
export async function earlierSpread(
  store: FileCheckpointStore,
  { id, settings }: RunFile,
): Promise<{ run: string; spread: Spread } | null> {
  for (const run of await store.runs()) {
    if (!("file" in run) || run.id === id) continue;
    const { student, primaryMetric, repeats } = run.file.settings;
    const alike =
      student === settings.student && primaryMetric === settings.primaryMetric && repeats === settings.repeats;
    if (!alike || !(await isFinished(store, run.file))) continue;
    const outputs = latestOutputs(await store.checkpoints(run.id))?.outputs;
    const spread = outputs && measuredSpread(outputs.comparison.output, outputs.questions.output.questions);
    if (spread) return { run: run.id, spread };
  }
  return null;
}
