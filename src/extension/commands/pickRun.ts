/** The run a command is about: the element it was called on, else one the person picks. */
import * as vscode from "vscode";
import type { AppParts } from "../app.ts";
import { stageIds, type StageId } from "../../protocol/model.ts";
import { duration, stageTitle } from "../words.ts";
import { inform } from "../inform.ts";

/** The run of a tree element, or of the panel's `{ run }`; null for anything else. */
export function runOf(argument: unknown): string | null {
  const run = (argument as { run?: unknown } | null | undefined)?.run;
  return typeof run === "string" && /^[a-z0-9-]{1,64}$/.test(run) ? run : null;
}

/** Cycle and stage of a tree element. */
export function stageOf(argument: unknown): { cycle: number; stage: StageId } | null {
  const { cycle, stage } = (argument ?? {}) as { cycle?: unknown; stage?: unknown };
  const known = stageIds.find((id) => id === stage);
  return typeof cycle === "number" && known ? { cycle, stage: known } : null;
}

/** @throws CancellationError when nothing is picked. */
export async function pickRun(
  { history, labels }: AppParts,
  argument: unknown,
  title: string,
  except?: string,
): Promise<string> {
  const given = runOf(argument);
  if (given) return given;
  const runs = (await history.runs()).filter(({ id }) => id !== except);
  const items = await Promise.all(
    runs.slice(0, 200).map(async (run) => {
      const state = "file" in run ? await history.state(run.id) : null;
      const detail = state?.sentence || state?.error?.message;
      return {
        label: labels.of(run.id) ?? run.id,
        description: state?.status ?? "damaged",
        run: run.id,
        ...(detail ? { detail } : {}),
      };
    }),
  );
  if (items.length === 0) {
    void inform(vscode.l10n.t("There is no run yet. Run the pipeline first."));
    throw new vscode.CancellationError();
  }
  const picked = await vscode.window.showQuickPick(items, { title, matchOnDetail: true });
  if (!picked) throw new vscode.CancellationError();
  return picked.run;
}

/** A stage of a run that has a checkpoint. @throws CancellationError. */
export async function pickStage(
  { history }: AppParts,
  run: string,
  title: string,
): Promise<{ cycle: number; stage: StageId }> {
  const entries = await history.checkpoints(run);
  const items = entries.map((entry) => ({
    label: stageTitle(entry.stage),
    description: `${vscode.l10n.t("cycle {0}", entry.cycle)}${entry.state === "ok" ? ` · ${duration(entry.frame.seconds)}` : ` · ${entry.state}`}`,
    cycle: entry.cycle,
    stage: entry.stage,
  }));
  const picked = await vscode.window.showQuickPick(items, { title });
  if (!picked) throw new vscode.CancellationError();
  return { cycle: picked.cycle, stage: picked.stage };
}
