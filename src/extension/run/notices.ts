/** What a person is told about runs: one notification at the end, and one about a run that was cut off. */
import * as vscode from "vscode";
import type { Log } from "../log.ts";
import { configuration } from "../configuration.ts";
import type { History } from "./history.ts";
import { goingOn, type Runner } from "./runner.ts";
import { inform } from "../inform.ts";

export interface Notices extends vscode.Disposable {
  /** Offers to go on with the newest run when its window was closed while it ran. */
  interrupted(): Promise<void>;
}

interface NoticeParts {
  runner: Runner;
  history: History;
  log: Log;
  memory: vscode.Memento;
  label(run: string): string | undefined;
}

export function createNotices({ runner, history, log, memory, label }: NoticeParts): Notices {
  let told: string | null = null;
  const listener = runner.onDidChange(() => {
    const { status, run, sentence, gate } = runner.state;
    if (runner.running) told = null;
    else if (status === "finished" && run && told !== run) {
      told = run;
      void log.told(finished(run, sentence, gate));
    }
  });

  async function finished(run: string, sentence: string, gate: string): Promise<void> {
    if (!configuration().get("notifyAtEnd", true)) return;
    const report = vscode.l10n.t("Open Report");
    const use = vscode.l10n.t("Use as Student");
    // What passed is in use already.
    const buttons = gate.startsWith("Gate passed") ? [report] : [report, use];
    const chosen = await inform(`${sentence} ${gate}`.trim(), ...buttons);
    if (chosen)
      await vscode.commands.executeCommand(chosen === report ? "distillery.openReport" : "distillery.useAsStudent", {
        run,
      });
  }

  return {
    async interrupted() {
      const [newest] = await history.runs();
      if (!newest || runner.running) return;
      const state = await history.state(newest.id);
      if (state.status !== "stopped" || memory.get<string>(goingOn) !== newest.id) return;
      await memory.update(goingOn, undefined);
      const resume = vscode.l10n.t("Resume");
      const text = vscode.l10n.t(
        "The run {0} was going on when its window closed. Everything finished is kept.",
        label(newest.id) ?? newest.id,
      );
      const chosen = await inform(text, resume);
      if (chosen === resume) await vscode.commands.executeCommand("distillery.resumeRun", { run: newest.id });
    },
    dispose: () => listener.dispose(),
  };
}
