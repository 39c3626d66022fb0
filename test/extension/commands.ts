import assert from "node:assert/strict";
import * as vscode from "vscode";
import { commandIds, commandTable } from "../../src/extension/commands/table.ts";
import { createHandlers } from "../../src/extension/commands/handlers.ts";
import { buttonOf } from "../../src/extension/errorButtons.ts";
import { errorTable, type ErrorCode } from "../../src/protocol/errors.ts";
import { answering, extension, theApp, until } from "./host.ts";

interface Manifest {
  commands: { command: string; title: string; category: string; icon?: string }[];
  menus: Record<string, { command: string; when?: string }[]>;
  configuration: { properties: Record<string, unknown> }[];
  viewsWelcome: { contents: string }[];
  walkthroughs: { steps: { description: string }[] }[];
}
const manifest = (): Manifest => extension().packageJSON.contributes;

describe("commands", () => {
  it("manifest, command table and registered commands are the same", async () => {
    await extension().activate();
    const registered = (await vscode.commands.getCommands(true)).filter(
      (id) => id.startsWith("distillery.") && !/\.(focus|open|resetViewLocation|removeView|toggleVisibility)$/.test(id),
    );
    assert.deepEqual(
      manifest()
        .commands.map(({ command }) => command)
        .toSorted(),
      commandIds.toSorted(),
    );
    assert.deepEqual(registered.toSorted(), commandIds.toSorted());
    for (const { command, title, category, icon } of manifest().commands) {
      const info: { title: string; icon?: string } = commandTable[command as keyof typeof commandTable];
      assert.deepEqual({ title, icon }, { title: info.title, icon: info.icon }, command);
      assert.equal(category, "Distillery");
    }
  });

  it("every command has a handler and a rule for the palette", async () => {
    assert.deepEqual(Object.keys(createHandlers(await theApp())).toSorted(), commandIds.toSorted());
    const palette = new Map(manifest().menus["commandPalette"]!.map(({ command, when }) => [command, when]));
    for (const id of commandIds) assert.equal(palette.get(id), commandTable[id].palette ?? "false", id);
  });

  it("menus and texts name only commands there are", () => {
    for (const [menu, entries] of Object.entries(manifest().menus))
      for (const { command } of entries) assert.ok(command in commandTable, `${menu}: ${command}`);
    const texts = [
      ...manifest().viewsWelcome.map(({ contents }) => contents),
      ...manifest().walkthroughs.flatMap(({ steps }) => steps.map(({ description }) => description)),
    ];
    for (const text of texts)
      for (const [, command] of text.matchAll(/command:(distillery\.\w+)/g))
        assert.ok(Object.hasOwn(commandTable, command ?? ""), command);
  });

  it("nothing that runs, sends or writes is offered before the folder is trusted", () => {
    const looking = ["openPanel", "openReport", "chooseTopics", "compareRuns", "showLog", "openWalkthrough", "stop"];
    for (const id of commandIds) {
      const { palette } = commandTable[id];
      if (palette !== null && !looking.includes(id.replace("distillery.", "")))
        assert.match(palette, /isWorkspaceTrusted/, id);
    }
  });

  it("those that ask end quietly when the answer is no", async () => {
    const asking = [
      "distillery.setApiKey",
      "distillery.checkSetup",
      "distillery.setUpEnvironment",
      "distillery.downloadStudent",
      "distillery.restoreRun",
    ];
    const told: unknown[] = [];
    const none = () => undefined;
    for (const id of asking)
      await answering("showQuickPick", none, () =>
        answering("showInputBox", none, () =>
          answering("showOpenDialog", none, () =>
            answering("showInformationMessage", none, () =>
              answering(
                "showErrorMessage",
                (text) => void told.push(`${id}: ${text}`),
                async () => vscode.commands.executeCommand(id),
              ),
            ),
          ),
        ),
      );
    assert.deepEqual(told, []);
  });

  it("the check-up names every piece", async () => {
    const shown: string[] = [];
    await answering(
      "showQuickPick",
      (items: { label: string }[]) => void shown.push(...items.map(({ label }) => label)),
      async () => vscode.commands.executeCommand("distillery.checkSetup"),
    );
    for (const piece of [
      "Workspace trust",
      "Knowledge base",
      "Python environment",
      "API key",
      "Runs",
      "Free disk space",
    ])
      assert.ok(
        shown.some((label) => label.includes(piece)),
        piece,
      );
  });

  it("the button of every error names a command and settings there are", async () => {
    const known = new Set(await vscode.commands.getCommands());
    const settings = manifest().configuration.flatMap(({ properties }) => Object.keys(properties));
    for (const code of Object.keys(errorTable) as ErrorCode[]) {
      const button = buttonOf(code);
      if (!button) continue;
      assert.ok(known.has(button.command), `${code}: ${button.command}`);
      for (const query of button.args ?? [])
        assert.ok(
          settings.some((name) => name.startsWith(String(query))),
          `${code}: ${String(query)}`,
        );
    }
  });

  it("an error shows what happened, what is kept and its button, which does what it says", async () => {
    const address = vscode.workspace.getConfiguration("distillery.teacher");
    await address.update("baseUrl", "nowhere", vscode.ConfigurationTarget.Global);
    const shown: string[][] = [];
    try {
      await answering(
        "showErrorMessage",
        (...texts: string[]) => (shown.push(texts), texts[1]),
        async () => vscode.commands.executeCommand("distillery.setApiKey"),
      );
    } finally {
      await address.update("baseUrl", undefined, vscode.ConfigurationTarget.Global);
    }
    const [text, ...buttons] = shown[0]!;
    assert.equal(text, 'distillery.teacher.baseUrl is no address: "nowhere". Nothing was started. (E_SETTINGS)');
    assert.deepEqual(buttons, ["Open Settings", "Show Log"]);
    await until("the settings", () =>
      vscode.window.tabGroups.all.some(({ tabs }) => tabs.some(({ label }) => label === "Settings")),
    );
    await vscode.commands.executeCommand("workbench.action.closeAllEditors");
  });
});
