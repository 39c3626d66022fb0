/** What is done with a run as a whole: keep a copy, rename, delete. */
import { join } from "node:path";
import * as vscode from "vscode";
import type { AppParts } from "../app.ts";
import { backupRun } from "../../pipeline/adapters/backup.ts";
import { restoreBackup } from "../../pipeline/adapters/restoreBackup.ts";
import { UserError } from "../../protocol/errors.ts";
import { runsRoot, workspaceFolder } from "../place.ts";
import { pickRun, runOf } from "./pickRun.ts";
import { inform } from "../inform.ts";

export function storeCommands(app: AppParts) {
  const { history, labels, runsTree, runner } = app;
  const at = (name: string) => vscode.Uri.file(join(workspaceFolder() ?? "", name));
  const notRunning = (run: string) => {
    if (runner.running && runner.state.run === run)
      throw new UserError("E_RUN_LOCKED", vscode.l10n.t("This run is going on. Stop it first."));
  };

  /** Not while another window or a terminal works on it. */
  async function deleted(run: string): Promise<void> {
    const lock = await (await history.store()).lock(run);
    try {
      await trash(vscode.Uri.file(await history.folder(run)));
    } finally {
      await lock.release();
    }
  }

  return {
    "distillery.backUpRun": async (argument: unknown) => {
      const run = await pickRun(app, argument, vscode.l10n.t("Back up which run?"));
      notRunning(run);
      const target = await vscode.window.showSaveDialog({
        defaultUri: at(`${run}.distillery-backup`),
        saveLabel: vscode.l10n.t("Back Up"),
      });
      if (!target) return;
      const store = await (await history.store()).open(run);
      try {
        const { files, leftOut } = await backupRun(store, target.fsPath);
        const missing =
          leftOut.length === 0 ? "" : vscode.l10n.t(" Left out, as they do not verify: {0}.", leftOut.join(", "));
        void inform(vscode.l10n.t("{0} files are in {1}.", files, target.fsPath) + missing);
      } finally {
        await store.close();
      }
    },
    "distillery.restoreRun": async () => {
      const [file] =
        (await vscode.window.showOpenDialog({
          filters: { [vscode.l10n.t("Distillery backups")]: ["distillery-backup"] },
          openLabel: vscode.l10n.t("Restore"),
        })) ?? [];
      if (!file) return;
      const run = await restoreBackup(file.fsPath, await runsRoot(app.shell.context));
      runsTree.refresh();
      void inform(vscode.l10n.t("Restored as run {0}.", run));
    },
    "distillery.revealRun": async (argument: unknown) => {
      const run = runOf(argument);
      if (run)
        await vscode.commands.executeCommand(
          "revealInExplorer",
          vscode.Uri.file(join(await history.folder(run), "run.json")),
        );
    },
    "distillery.copyAsCli": async (argument: unknown) => {
      const run = runOf(argument);
      const found = (await history.runs()).find(({ id }) => id === run);
      if (found && "file" in found) await vscode.env.clipboard.writeText(cliCommand(found.file));
    },
    "distillery.renameRun": async (argument: unknown) => {
      const run = await pickRun(app, argument, vscode.l10n.t("Rename which run?"));
      const name = await vscode.window.showInputBox({
        title: vscode.l10n.t("Name of the run"),
        value: labels.of(run) ?? "",
        prompt: vscode.l10n.t("Empty: back to its date."),
      });
      if (name === undefined) return;
      await labels.set(run, name.trim().slice(0, 80));
      runsTree.refresh();
    },
    "distillery.deleteRun": async (argument: unknown, all?: unknown) => {
      const runs = (Array.isArray(all) && all.length > 1 ? all.map(runOf) : [runOf(argument)]).filter(
        (run) => run !== null,
      );
      if (runs.length === 0) return;
      runs.forEach(notRunning);
      const text =
        runs.length === 1
          ? vscode.l10n.t("Delete the run {0}? It goes to the trash.", labels.of(runs[0]!) ?? runs[0]!)
          : vscode.l10n.t("Delete {0} runs? They go to the trash.", runs.length);
      const yes = vscode.l10n.t("Delete");
      if ((await vscode.window.showWarningMessage(text, { modal: true }, yes)) !== yes) return;
      try {
        for (const run of runs) await deleted(run);
      } finally {
        runsTree.refresh();
      }
    },
  };
}

/** Remote machines often have no trash; then the question is asked once more. */
async function trash(uri: vscode.Uri): Promise<void> {
  try {
    await vscode.workspace.fs.delete(uri, { recursive: true, useTrash: true });
  } catch {
    const yes = vscode.l10n.t("Delete for Good");
    const chosen = await vscode.window.showWarningMessage(
      vscode.l10n.t("There is no trash on this machine."),
      { modal: true, detail: uri.fsPath },
      yes,
    );
    if (chosen === yes) await vscode.workspace.fs.delete(uri, { recursive: true });
  }
}

/** The command line that makes a run like this one. */
export function cliCommand({
  knowledge,
  settings,
}: {
  knowledge: string;
  settings: import("../../protocol/run.ts").RunSettings;
}): string {
  const flags: [string, string][] = [
    ...(knowledge === "bundled" ? [] : ([["knowledge", knowledge]] as [string, string][])),
    ...(settings.topics.length > 0 ? ([["topics", settings.topics.join(",")]] as [string, string][]) : []),
    ["questions", String(settings.questions)],
    ["cycles", String(settings.cycles)],
    ["wordings", String(settings.wordings)],
    ["teacher", settings.teacher.kind],
    ...(settings.teacher.kind === "openai"
      ? ([
          ["model", settings.teacher.model],
          ["base-url", settings.teacher.baseUrl],
        ] as [string, string][])
      : []),
    ...(settings.judge && settings.judgeModel
      ? ([
          ["judge-model", settings.judgeModel.model],
          ["judge-url", settings.judgeModel.baseUrl],
        ] as [string, string][])
      : []),
    ["student", settings.student],
    ["template", settings.template],
    ["steps", String(settings.training.steps)],
    ["max-new-tokens", String(settings.sampling.maxNewTokens)],
    ...(settings.arms.length > 0 ? ([["arms", settings.arms.join(",")]] as [string, string][]) : []),
    ...(settings.gate === "default" ? [] : ([["gate", settings.gate]] as [string, string][])),
    ...(settings.aimed ? [] : ([["aimed", "no"]] as [string, string][])),
    ["seed", String(settings.seed)],
  ];
  const quoted = (text: string) => (/^[\w.:/@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
  return [
    "distillery run",
    ...flags.map(([name, value]) => `--${name} ${quoted(value)}`),
    ...(settings.judge ? ["--judge"] : []),
    ...(settings.probe ? [] : ["--no-probe"]),
  ].join(" ");
}
