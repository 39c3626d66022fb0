/** The log channel, and how errors are told to people. */
import * as vscode from "vscode";
import { UserError } from "../protocol/errors.ts";
import { buttonOf, type Button } from "./errorButtons.ts";
import { plain } from "./inform.ts";

export interface Log {
  channel: vscode.LogOutputChannel;
  /** Shows an error as what happened, what is kept and what to do; a bug with the way to the log. */
  tell(error: unknown): void;
  /** For work that nobody waits for the result of: resolves when it has ended, and tells its error. */
  told(work: PromiseLike<unknown>): Promise<void>;
}

export function createLog(): Log {
  const channel = vscode.window.createOutputChannel("Distillery", { log: true });
  const showLog: Button = { label: vscode.l10n.t("Show Log"), command: "distillery.showLog" };
  const self: Log = {
    channel,
    told: async (work) => {
      try {
        await work;
      } catch (error) {
        self.tell(error);
      }
    },
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
  return self;
}

async function offer(chosen: Thenable<string | undefined>, actions: Button[]): Promise<void> {
  const label = await chosen;
  const action = actions.find((each) => each.label === label);
  if (action) await vscode.commands.executeCommand(action.command, ...(action.args ?? []));
}
