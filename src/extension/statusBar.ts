/** The status bar: the running stage with its share and time left, else which student answers. */
import * as vscode from "vscode";
import { secondsLeft } from "../pipeline/state.ts";
import { stageIds } from "../protocol/model.ts";
import type { Runner } from "./run/runner.ts";
import type { Adopted } from "./student/adopted.ts";
import { duration, stageTitle } from "./words.ts";

export function createStatusBar(runner: Runner, adopted: Adopted): vscode.Disposable {
  const item = vscode.window.createStatusBarItem("distillery.status", vscode.StatusBarAlignment.Left, 10);
  item.name = "Distillery";
  item.command = "distillery.openPanel";

  async function show(): Promise<void> {
    if (runner.running) {
      const running = stageIds.filter((stage) => runner.state.stages[stage].status === "running");
      // Two stages may run side by side; the one that holds the processor is the later one.
      const stage = running.at(-1);
      const state = stage && runner.state.stages[stage];
      const share = state?.total ? ` ${Math.floor((state.done / state.total) * 100)}%` : "";
      const left = state ? secondsLeft(state, Date.now()) : null;
      const words = stage ? stageTitle(stage) : vscode.l10n.t("Starting");
      item.text = `$(loading~spin) ${words}${share}${left === null ? "" : ` · ${duration(left)}`}`;
      item.tooltip = vscode.l10n.t("Distillery: a run is going on. Open the panel.");
    } else {
      const tuned = adopted.chosen;
      const last = adopted.history.at(-1);
      item.text = `$(mortar-board) ${tuned ? vscode.l10n.t("Student: {0}", tuned) : vscode.l10n.t("Distillery")}`;
      item.tooltip = last
        ? vscode.l10n.t(
            "The tuned student of {0}, cycle {1}, answers: {2}. Open the panel.",
            last.to.run,
            last.to.cycle,
            last.why,
          )
        : vscode.l10n.t("Open the Distillery panel");
    }
    item.accessibilityInformation = { label: item.text.replace(/\$\([^)]*\)/g, "").trim() };
    item.show();
  }
  const listeners = [runner.onDidChange(show), adopted.onDidChange(show)];
  void show();
  return { dispose: () => [...listeners, item].forEach((each) => each.dispose()) };
}
