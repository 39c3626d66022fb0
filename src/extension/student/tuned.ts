/** Which tuned student a run left, checked before it is used. */
import { join } from "node:path";
import { checkAdapter } from "../../pipeline/adapters/artefacts.ts";
import { nodeFiles } from "../../pipeline/adapters/fileLayer.ts";
import { UserError } from "../../protocol/errors.ts";
import type { Domain, StageOutputs } from "../../protocol/model.ts";
import type { RunSettings } from "../../protocol/run.ts";
import type { History } from "../run/history.ts";

export interface TunedStudent {
  run: string;
  cycle: number;
  settings: RunSettings;
  domain: Domain;
  /** Absolute path of the adapter's GGUF. */
  adapter: string;
  /** "+0.18 semantic_similarity", when the run came to a comparison. */
  score: string | null;
}

/**
 * The adapter of the run's last trained cycle, its files hashed.
 * @throws UserError E_ARTEFACT_MISSING, E_ARTEFACT_MISMATCH, E_PATH_OUTSIDE.
 */
export async function tunedOf(history: History, run: string): Promise<TunedStudent> {
  const entry = (await history.runs()).find(({ id }) => id === run);
  if (!entry || !("file" in entry)) throw new UserError("E_RUN_UNKNOWN", `There is no run ${run}.`);
  const entries = await history.checkpoints(run);
  const trained = entries
    .filter(({ stage, state }) => stage === "fineTuning" && state === "ok")
    .toSorted((a, b) => b.cycle - a.cycle)[0];
  const training = trained ? history.output(entries, trained.cycle, "fineTuning") : null;
  const questions = trained ? history.output(entries, trained.cycle, "questions") : null;
  if (!trained || !training || !questions)
    throw new UserError("E_ARTEFACT_MISSING", `Run ${run} has no tuned student yet.`);
  const folder = await history.folder(run);
  await checkAdapter(folder, training, trained.cycle, training.adapter.folder, nodeFiles);
  return {
    run,
    cycle: trained.cycle,
    settings: entry.file.settings,
    domain: questions.domain,
    adapter: join(folder, training.adapter.folder, "adapter.gguf"),
    score: scoreOf(history.output(entries, trained.cycle, "comparison")),
  };
}

function scoreOf(comparison: StageOutputs["comparison"] | null): string | null {
  if (!comparison) return null;
  const { headline, rows } = comparison;
  const means = rows.find(
    ({ metric, tier, part }) => metric === headline.metric && tier === headline.tier && part === headline.part,
  )?.means;
  return means
    ? `${headline.metric} ${means.tuned.toFixed(2)} (${means.absolute < 0 ? "−" : "+"}${Math.abs(means.absolute).toFixed(2)})`
    : null;
}
