/** The log channel, and how errors are told to people. */
import * as vscode from "vscode";
import { UserError } from "../protocol/errors.ts";

export interface Log {
  channel: vscode.LogOutputChannel;
  /** Shows an error as what happened, what is kept and what to do; a bug with the way to the log. */
  tell(error: unknown): void;
}

type Action = { label: string; command: string };

/** The fix that fits an error, where there is a button for it. */
const fixes: Partial<Record<string, Action>> = {
  E_NO_KEY: { label: vscode.l10n.t("Set API Key"), command: "distillery.setApiKey" },
  E_AUTH: { label: vscode.l10n.t("Set API Key"), command: "distillery.setApiKey" },
  E_PY_ENV: { label: vscode.l10n.t("Set Up Environment"), command: "distillery.setUpEnvironment" },
  E_MODEL_FILE: { label: vscode.l10n.t("Set Up Environment"), command: "distillery.setUpEnvironment" },
  E_KNOWLEDGE: { label: vscode.l10n.t("New Knowledge Base"), command: "distillery.newKnowledge" },
  E_SETTINGS: { label: vscode.l10n.t("Open Settings"), command: "workbench.action.openSettings" },
};

export function createLog(): Log {
  const channel = vscode.window.createOutputChannel("Distillery", { log: true });
  const showLog: Action = { label: vscode.l10n.t("Show Log"), command: "distillery.showLog" };
  return {
    channel,
    tell(error) {
      if (error instanceof vscode.CancellationError) return;
      if (error instanceof UserError) {
        channel.warn(`${error.code}: ${error.message}`);
        if (error.code === "E_STOPPED") return;
        const actions = [...(fixes[error.code] ? [fixes[error.code]!] : []), showLog];
        void offer(
          vscode.window.showErrorMessage(
            `${error.message} ${error.kept} (${error.code})`,
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

async function offer(chosen: Thenable<string | undefined>, actions: Action[]): Promise<void> {
  const label = await chosen;
  const action = actions.find((each) => each.label === label);
  if (action)
    await vscode.commands.executeCommand(
      action.command,
      ...(action.command.endsWith("openSettings") ? ["distillery"] : []),
    );
}
