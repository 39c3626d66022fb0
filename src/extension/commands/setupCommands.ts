/** Setting up without a terminal: keys, environment, check-up, log, walkthrough. */
import * as vscode from "vscode";
import type { AppParts } from "../app.ts";
import { checkSetup } from "../setup/checkSetup.ts";

export function setupCommands(app: AppParts) {
  const { keys, environments, log } = app;

  async function setUp(): Promise<void> {
    const found = await environments.find();
    if (!found) {
      await environments.ready();
      return;
    }
    const repair = vscode.l10n.t("Repair");
    const chosen = await vscode.window.showInformationMessage(
      vscode.l10n.t("The Python environment is ready, in {0}. Repair downloads and installs it again.", found.root),
      repair,
    );
    if (chosen === repair) await environments.setUp(true);
  }

  return {
    "distillery.setApiKey": async () => {
      if (await keys.ask()) vscode.window.setStatusBarMessage(vscode.l10n.t("The API key is kept."), 4000);
    },
    "distillery.removeApiKey": async () => {
      await keys.remove();
      vscode.window.setStatusBarMessage(vscode.l10n.t("The API key is removed."), 4000);
    },
    "distillery.setUpEnvironment": setUp,
    // The embedded student comes with the environment; it is fetched and checked there.
    "distillery.downloadStudent": setUp,
    "distillery.checkSetup": () => checkSetup(app),
    "distillery.showLog": () => log.channel.show(),
    "distillery.openWalkthrough": () =>
      vscode.commands.executeCommand(
        "workbench.action.openWalkthrough",
        `${app.shell.context.extension.id}#distillery.start`,
        false,
      ),
  };
}
