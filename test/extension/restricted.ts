/** A window whose folder is not trusted: look, and nothing else (fault E2). */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as vscode from "vscode";
import { commandIds } from "../../src/extension/commands/table.ts";
import { judgeModel } from "../../src/extension/settings.ts";
import { panelCommands, type Intention } from "../../src/protocol/panel.ts";
import { descendantsOf, processesWith } from "../fakes/processes.ts";
import { answering, extension, theApp, until, workspace } from "./host.ts";

const listing = (): string => readdirSync(workspace(), { recursive: true }).map(String).toSorted().join("\n");

/** What was started from here, VS Code's own helpers apart, such as the one that reads Markdown. */
function processes(): number[] {
  const own = processesWith(vscode.env.appRoot);
  return descendantsOf(process.pid).filter((pid) => !own.includes(pid));
}

/** Does `work` with every question unanswered; nothing may be started or written by it. */
async function harmless(work: () => Promise<unknown>): Promise<void> {
  const before = { files: listing(), processes: processes() };
  const none = () => undefined;
  const { runner, environments } = await theApp();
  await answering("showErrorMessage", none, () =>
    answering("showQuickPick", none, () =>
      answering("showInputBox", none, () =>
        answering("showInformationMessage", none, () =>
          answering("showWarningMessage", none, () => answering("showOpenDialog", none, work)),
        ),
      ),
    ),
  );
  assert.equal(runner.running, false);
  assert.notEqual(environments.status, "installing");
  assert.deepEqual({ files: listing(), processes: processes() }, before);
}

describe("Restricted Mode", () => {
  it("is on in this window", () => assert.equal(vscode.workspace.isTrusted, false));

  it("runs can be looked at", async () => {
    const app = await theApp();
    const [run] = await app.runsTree.children(undefined);
    assert.ok(run, "the run of the folder is listed");
    assert.match(String(app.runsTree.item(run).contextValue), /^run finished/);
    assert.ok((await app.runsTree.children((await app.runsTree.children(run))[0]!)).length > 0);
  });

  it("a report, a checkpoint and the knowledge open, and start nothing", async () => {
    const app = await theApp();
    await harmless(async () => {
      const [run] = await app.runsTree.children(undefined);
      await vscode.commands.executeCommand("distillery.openReport", run);
      const [stage] = await app.runsTree.children((await app.runsTree.children(run))[0]!);
      await vscode.commands.executeCommand("distillery.openCheckpoint", stage);
      await until("the checkpoint", () =>
        vscode.window.tabGroups.all.some(({ tabs }) => tabs.some(({ label }) => label.includes("questions"))),
      );
      await app.knowledgeTree.children(undefined);
      await vscode.commands.executeCommand("workbench.action.closeAllEditors");
    });
  });

  it("no command runs, sends or writes anything", async () => {
    await harmless(async () => {
      for (const id of commandIds) await vscode.commands.executeCommand(id);
    });
  });

  it("the panel opens and starts nothing", async () => {
    const app = await theApp();
    await vscode.commands.executeCommand("distillery.openPanel");
    await until("the panel", () => app.panel.visible);
    const run = "first-run";
    const messages: Record<Exclude<Intention["type"], "command">, Intention> = {
      ready: { type: "ready" },
      configure: { type: "configure", draft: app.draft.get() },
      start: { type: "start" },
      stop: { type: "stop" },
      resume: { type: "resume", run },
      select: { type: "select", run },
      openSection: { type: "openSection", section: "valve-part-1" },
      review: { type: "review", run, id: "q1", action: "approve" },
      ask: { type: "ask", question: "What?", arms: ["base"] },
      stopAsking: { type: "stopAsking" },
    };
    const commands = panelCommands.map((command): Intention => ({ type: "command", command }));
    const { dropped } = app.panel;
    await harmless(async () => {
      for (const message of [...Object.values(messages), ...commands]) app.panel.receive(message);
      await new Promise((resolve) => setTimeout(resolve, 500));
    });
    assert.equal(app.panel.dropped, dropped, "each message is one the panel may send");
  });

  it("of the folder's settings none counts that names an address, a model or a file", async () => {
    const names: string[] = extension().packageJSON.capabilities.untrustedWorkspaces.restrictedConfigurations;
    const wrong = (name: string): unknown => {
      const normal = vscode.workspace.getConfiguration().inspect(name)?.defaultValue;
      if (typeof normal === "boolean") return !normal;
      if (typeof normal === "number") return normal + 1;
      return typeof normal === "string" ? "https://evil.example/v1" : { evil: { input: 1, output: 1 } };
    };
    const settings = Object.fromEntries(names.map((name) => [name, wrong(name)]));
    mkdirSync(join(workspace(), ".vscode"));
    writeFileSync(
      join(workspace(), ".vscode", "settings.json"),
      JSON.stringify({ ...settings, "distillery.run.seed": 4711 }),
    );
    const read = (name: string) => vscode.workspace.getConfiguration().get(name);
    // One that is no danger counts; it shows that the file was read.
    await until("the settings", () => read("distillery.run.seed") === 4711);
    for (const name of names)
      assert.deepEqual(read(name), vscode.workspace.getConfiguration().inspect(name)?.defaultValue, name);
    assert.ok(names.length > 0);
    assert.equal(judgeModel(), null);
  });

  it("the student answers nobody", async () => {
    const app = await theApp();
    assert.deepEqual(await app.conversation.models(), []);
    await assert.rejects(
      app.conversation.tool({ question: "x" }, new vscode.CancellationTokenSource().token),
      /Restricted Mode/,
    );
  });
});
