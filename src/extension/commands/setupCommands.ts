/** Setting up without a terminal: keys, environment, check-up, log, walkthrough. */
import * as vscode from "vscode";
import type { AppParts } from "../app.ts";
import { checkSetup } from "../setup/checkSetup.ts";
import { keyOrigins } from "../settings.ts";
import { inform } from "../inform.ts";

export function setupCommands(app: AppParts) {
  const { keys, environments, endings, log } = app;

  async function setUp(): Promise<void> {
    const found = await environments.find();
    if (!found) {
      await environments.ready();
      return;
    }
    const repair = vscode.l10n.t("Repair");
    const chosen = await inform(
      vscode.l10n.t("The Python environment is ready, in {0}. Repair downloads and installs it again.", found.root),
      repair,
    );
    if (chosen === repair) await environments.setUp(true);
  }

  return {
    "distillery.setApiKey": async () => {
      const origin = await pickOrigin();
      if (origin === undefined || !(await keys.ask(origin))) return;
      vscode.window.setStatusBarMessage(vscode.l10n.t("The API key is kept."), 4000);
      endings.lookAt(origin);
    },
    "distillery.removeApiKey": async () => {
      const origin = await pickOrigin();
      if (origin === undefined) return;
      await keys.remove(origin);
      vscode.window.setStatusBarMessage(vscode.l10n.t("The API key is removed."), 4000);
    },
    "distillery.setUpEnvironment": setUp,
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

/** The address a key is for; asked only where the judge's is not the teacher's. */
async function pickOrigin(): Promise<string | undefined> {
  const origins = keyOrigins();
  if (origins.length === 1) return origins[0];
  return vscode.window.showQuickPick(origins, { title: vscode.l10n.t("The key of which address?") });
}
