/** The log channel, and how errors are told to people. */
import * as vscode from "vscode";
import { UserError } from "../protocol/errors.ts";
import { buttonOf, type Button } from "./errorButtons.ts";
import { plain } from "./plain.ts";

export interface Log {
  channel: vscode.LogOutputChannel;
  /** Shows an error as what happened, what is kept and what to do; a bug with the way to the log. */
  tell(error: unknown): void;
}

export function createLog(): Log {
  const channel = vscode.window.createOutputChannel("Distillery", { log: true });
  const showLog: Button = { label: vscode.l10n.t("Show Log"), command: "distillery.showLog" };
  return {
    channel,
    tell(error) {
      if (error instanceof vscode.CancellationError) return;
      if (error instanceof UserError) {
        channel.warn(`${error.code}: ${error.message}`);
        if (error.code === "E_STOPPED") return;
        const fix = buttonOf(error.code);
        const actions = fix ? [fix, showLog] : [showLog];
        void offer(
          vscode.window.showErrorMessage(
            plain(`${error.message} ${error.kept} ${fix ? "" : `${error.next} `}(${error.code})`),
            ...actions.map(({ label }) => label),
          ),
          actions,
        );
        return;
      }
      channel.error(error instanceof Error ? error : String(error));
      const text = vscode.l10n.t("Distillery hit an error of its own; the log has the details.");
      void offer(vscode.window.showErrorMessage(text, showLog.label), [showLog]);
    },
  };
}

async function offer(chosen: Thenable<string | undefined>, actions: Button[]): Promise<void> {
  const label = await chosen;
  const action = actions.find((each) => each.label === label);
  if (action) await vscode.commands.executeCommand(action.command, ...(action.args ?? []));
}
