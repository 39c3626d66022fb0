/** Running, stopping, resuming, and looking at what came out. */
import { join } from "node:path";
import * as vscode from "vscode";
import type { AppParts } from "../app.ts";
import { isThere } from "../../pipeline/adapters/modelFiles.ts";
import { comparisonOfRuns } from "../run/compare.ts";
import { pickRun, pickStage, runOf, stageOf } from "./pickRun.ts";
import { stageTitle } from "../words.ts";
import { inform } from "../inform.ts";

export function runCommands(app: AppParts) {
  const { panel, runner, history } = app;

  async function resume(run: string, from?: Parameters<typeof runner.resume>[1]): Promise<void> {
    panel.select(run, "run");
    await runner.resume(run, from);
  }

  /** Asks before finished work is set aside, as it takes minutes to make again. */
  async function rerun(run: string, from: NonNullable<ReturnType<typeof stageOf>>): Promise<void> {
    const yes = vscode.l10n.t("Re-run");
    const text = vscode.l10n.t(
      "Compute {0} of cycle {1} again, and everything that rests on it? The present checkpoints move to “superseded” and can be restored.",
      stageTitle(from.stage),
      from.cycle,
    );
    if ((await vscode.window.showWarningMessage(text, { modal: true }, yes)) === yes) await resume(run, from);
  }

  async function openMarkdown(file: string): Promise<void> {
    await vscode.commands.executeCommand("markdown.showPreview", vscode.Uri.file(file));
  }

  return {
    "distillery.runPipeline": async () => {
      panel.open("run");
      await panel.startRun();
    },
    "distillery.runStage": async () => {
      const run = await pickRun(app, undefined, vscode.l10n.t("Run a stage of which run?"));
      await rerun(run, await pickStage(app, run, vscode.l10n.t("Which stage is to be computed again?")));
    },
    "distillery.resume": async (argument: unknown) =>
      resume(await pickRun(app, argument, vscode.l10n.t("Resume which run?"))),
    "distillery.resumeRun": async (argument: unknown) =>
      resume(await pickRun(app, argument, vscode.l10n.t("Resume which run?"))),
    "distillery.rerunFrom": async (argument: unknown) => {
      const run = await pickRun(app, argument, vscode.l10n.t("Re-run which run?"));
      await rerun(run, stageOf(argument) ?? (await pickStage(app, run, vscode.l10n.t("From which stage on?"))));
    },
    "distillery.stop": () => runner.stop(),
    "distillery.openPanel": () => panel.open(),
    "distillery.openReport": async (argument: unknown) => {
      const run = await pickRun(app, argument, vscode.l10n.t("Report of which run?"));
      const file = join(await history.folder(run), "report.md");
      if (await isThere(file)) return openMarkdown(file);
      panel.select(run, "results");
    },
    "distillery.openReportInBrowser": async (argument: unknown) => {
      const run = await pickRun(app, argument, vscode.l10n.t("Report of which run?"));
      const page = join(await history.folder(run), "report.html");
      if (!(await isThere(page))) return panel.select(run, "results");
      // A remote machine has no browser of this person.
      if (!(await vscode.env.openExternal(vscode.Uri.file(page))))
        void inform(vscode.l10n.t("The report is {0}.", page));
    },
    "distillery.openCheckpoint": async (argument: unknown) => {
      const run = runOf(argument);
      const at = stageOf(argument);
      if (run && at)
        await vscode.commands.executeCommand(
          "vscode.openWith",
          vscode.Uri.file(join(await history.folder(run), `cycle-${at.cycle}`, `${at.stage}.json`)),
          "distillery.checkpoint",
        );
    },
    "distillery.compareRuns": async (first: unknown, both?: unknown) => {
      const chosen = (Array.isArray(both) ? both : []).map(runOf).filter((run) => run !== null);
      const left = chosen[0] ?? (await pickRun(app, first, vscode.l10n.t("Compare which run …")));
      const right = chosen[1] ?? (await pickRun(app, undefined, vscode.l10n.t("… with which?"), left));
      await compare(left, right);
    },
    "distillery.compareWith": async (argument: unknown, both?: unknown) => {
      const chosen = (Array.isArray(both) ? both : []).map(runOf).filter((run) => run !== null);
      const left = await pickRun(app, argument, vscode.l10n.t("Compare which run …"));
      await compare(
        left,
        chosen.find((run) => run !== left) ??
          (await pickRun(app, undefined, vscode.l10n.t("Compare with which run?"), left)),
      );
    },
    "distillery.refresh": () => {
      app.knowledge.forget();
      app.runsTree.refresh();
      void app.shell.decorationsChanged.fire(undefined);
    },
  };

  async function compare(left: string, right: string): Promise<void> {
    const text = await comparisonOfRuns(history, left, right, (run) => app.labels.of(run) ?? run);
    await vscode.commands.executeCommand(
      "markdown.showPreview",
      app.texts.show(`comparison-${left}-${right}.md`, text),
    );
  }
}
