/** A window whose folder is not trusted: look, and nothing else (fault E2). */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import * as vscode from "vscode";
import { commandIds } from "../../src/extension/commands/table.ts";
import { answering, theApp, until, workspace } from "./host.ts";

const listing = (): string => readdirSync(workspace(), { recursive: true }).map(String).toSorted().join("\n");

describe("Restricted Mode", () => {
  it("is on in this window", () => assert.equal(vscode.workspace.isTrusted, false));

  it("runs can be looked at", async () => {
    const app = await theApp();
    const [run] = await app.runsTree.children(undefined);
    assert.ok(run, "the run of the folder is listed");
    assert.match(String(app.runsTree.item(run).contextValue), /^run finished/);
    assert.ok((await app.runsTree.children((await app.runsTree.children(run))[0]!)).length > 0);
  });

  it("no command runs, sends or writes anything", async () => {
    const before = listing();
    const app = await theApp();
    const none = () => undefined;
    for (const id of commandIds)
      await answering("showErrorMessage", none, () =>
        answering("showQuickPick", none, () =>
          answering("showInputBox", none, () =>
            answering("showInformationMessage", none, () =>
              answering("showOpenDialog", none, async () => vscode.commands.executeCommand(id)),
            ),
          ),
        ),
      );
    assert.equal(app.runner.running, false);
    assert.equal(app.environments.status === "installing", false);
    assert.equal(listing(), before);
  });

  it("the panel opens and starts nothing", async () => {
    const app = await theApp();
    await vscode.commands.executeCommand("distillery.openPanel");
    await until("the panel", () => app.panel.visible);
    await answering(
      "showErrorMessage",
      () => undefined,
      async () => {
        for (const message of [
          { type: "start" },
          { type: "resume", run: "first-run" },
          { type: "ask", question: "What?", arms: ["base"] },
        ])
          app.panel.receive(message);
        await new Promise((resolve) => setTimeout(resolve, 500));
      },
    );
    assert.equal(app.runner.running, false);
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
