import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as vscode from "vscode";
import type { TreeNode } from "../../src/extension/trees/lazyTree.ts";
import { answering, theApp, until, workspace } from "./host.ts";

describe("knowledge", () => {
  it("the sample is copied into the folder, and nothing that is there is touched", async () => {
    const app = await theApp();
    assert.equal(await app.knowledge.read(), null);
    await vscode.commands.executeCommand("distillery.openSample");
    assert.ok(existsSync(join(workspace(), "knowledge", "pods.md")));
    writeFileSync(join(workspace(), "knowledge", "pods.md"), "# Pods\n\nmine\n");
    await vscode.commands.executeCommand("distillery.openSample");
    const { getText } = await vscode.workspace.openTextDocument(join(workspace(), "knowledge", "pods.md"));
    assert.match(getText(), /mine/);
  });

  it("the tree shows topics with counts, and sections below", async () => {
    const app = await theApp();
    const topics = await until("topics", async () => {
      const found = await app.knowledgeTree.children(undefined);
      return found.length >= 19 ? found : null;
    });
    const item = app.knowledgeTree.item(topics[0]!);
    assert.match(String(item.description), /^\d+ sections$/);
    assert.equal(
      (item.checkboxState as { state: vscode.TreeItemCheckboxState }).state,
      vscode.TreeItemCheckboxState.Checked,
    );
    const sections = await app.knowledgeTree.children(topics[0]!);
    assert.ok(sections.length > 1);
    assert.equal(app.knowledgeTree.parent(sections[0]!), topics[0]);
    const ids = [...topics, ...sections].map(({ id }: TreeNode) => id);
    assert.equal(new Set(ids).size, ids.length);
  });

  it("a section opens at its line", async () => {
    const app = await theApp();
    const section = (await app.knowledge.read())!.sections.at(-1)!;
    await vscode.commands.executeCommand("distillery.openSection", section.id);
    const editor = await until("the editor", () => vscode.window.activeTextEditor);
    assert.ok(editor.document.uri.fsPath.endsWith(section.file));
    assert.equal(editor.selection.start.line, section.firstLine - 1);
  });

  it("chosen topics are those of the next run, in the tree and in the draft", async () => {
    const app = await theApp();
    const wanted = (await app.knowledge.read())!.topics.slice(0, 2);
    const pick = (items: { label: string }[]) => items.filter(({ label }) => wanted.includes(label));
    await answering("showQuickPick", pick, async () => vscode.commands.executeCommand("distillery.chooseTopics"));
    assert.deepEqual(app.draft.get().topics, wanted);
    const topics = await app.knowledgeTree.children(undefined);
    const ticked = topics.filter(
      (node) =>
        (app.knowledgeTree.item(node).checkboxState as { state: number }).state ===
        vscode.TreeItemCheckboxState.Checked,
    );
    assert.deepEqual(
      ticked.map(({ id }) => id),
      wanted.map((title) => `topic:${title}`),
    );
    await answering(
      "showQuickPick",
      (items: unknown[]) => items,
      async () => vscode.commands.executeCommand("distillery.chooseTopics"),
    );
    assert.deepEqual(app.draft.get().topics, []);
  });

  it("a changed file is seen", async () => {
    const app = await theApp();
    const text =
      "# Fresh topic\n\n## One\n\n" +
      "The fresh topic says that a widget has nine teeth and turns left on every second day of the week, which is worth a whole section of words for the reader who wants to know about widgets and their teeth in detail. ".repeat(
        2,
      );
    writeFileSync(join(workspace(), "knowledge", "fresh.md"), `${text}\n`);
    await until("the new topic", async () => (await app.knowledge.read())?.topics.includes("Fresh topic"));
  });
});
