/** Runs made by the real runner and store on fast stand-ins for the models; test/e2e has the real ones. */
import assert from "node:assert/strict";
import { appendFileSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as vscode from "vscode";
import { createStudentInUse } from "../../src/pipeline/adapters/studentInUse.ts";
import { fakeParts } from "../fakes/parts.ts";
import { fakeRunFile, play } from "../fakes/runs.ts";
import type { App } from "../../src/extension/app.ts";
import type { TreeNode } from "../../src/extension/trees/lazyTree.ts";
import { answering, theApp, until, workspace } from "./host.ts";

const root = () => join(workspace(), ".distillery");
const named = (nodes: TreeNode[], id: string) => nodes.find((node) => node.id === id);

async function runNode(app: App, run: string): Promise<TreeNode> {
  app.runsTree.refresh();
  const found = named(await app.runsTree.children(undefined), `run:${run}`);
  assert.ok(found, run);
  return found;
}

describe("runs", () => {
  before(async () => {
    await play(root(), fakeRunFile({ cycles: 2 }, "first-run"));
    await play(root(), {
      ...fakeRunFile({ training: { rank: 8 } }, "second-run"),
      knowledge: "knowledge",
      created: "2026-01-02T10:00:00.000Z",
    });
    const abort = new AbortController();
    const parts = fakeParts(5);
    await play(
      root(),
      { ...fakeRunFile({}, "stopped-run"), created: "2026-01-03T10:00:00.000Z" },
      { parts, signal: abort.signal, onEvent: (event) => event.type === "loss" && abort.abort() },
    ).catch(() => {});
  });

  it("shows run, cycles, stages and adapter, with a state and figures for each", async () => {
    const app = await theApp();
    const run = await runNode(app, "first-run");
    const item = app.runsTree.item(run);
    assert.match(String(item.contextValue), /^run finished/);
    assert.equal((item.iconPath as vscode.ThemeIcon).id, "pass");
    const cycles = await app.runsTree.children(run);
    assert.deepEqual(
      cycles.map(({ id }) => id),
      ["run:first-run/1", "run:first-run/2"],
    );
    const stages = await app.runsTree.children(cycles[1]!);
    assert.equal(stages.length, 9);
    assert.ok(named(stages, "run:first-run/2/fineTuning/adapter"));
    const comparison = app.runsTree.item(named(stages, "run:first-run/2/comparison")!);
    assert.match(String(comparison.description), /[+−]0\.\d\d (better|worse|cannot tell)/);
    assert.equal(comparison.resourceUri?.scheme, "distillery-checkpoint");
  });

  it("an interrupted run offers to go on, and its open stages say so", async () => {
    const app = await theApp();
    const run = await runNode(app, "stopped-run");
    assert.match(String(app.runsTree.item(run).contextValue), /^run stopped/);
    const [cycle] = await app.runsTree.children(run);
    const stages = await app.runsTree.children(cycle!);
    const training = app.runsTree.item(named(stages, "run:stopped-run/1/fineTuning")!);
    assert.match(String(training.contextValue), /^stage open/);
    assert.equal((training.iconPath as vscode.ThemeIcon).id, "debug-pause");
  });

  it("a run whose window was closed counts as interrupted, not as running", async () => {
    const app = await theApp();
    cpSync(join(root(), "runs", "stopped-run"), join(root(), "runs", "cut-run"), { recursive: true });
    const at = join(root(), "runs", "cut-run");
    writeFileSync(
      join(at, "run.json"),
      readFileSync(join(at, "run.json"), "utf8").replaceAll("stopped-run", "cut-run"),
    );
    const events = readFileSync(join(at, "events.jsonl"), "utf8")
      .trim()
      .split("\n")
      .filter((line) => !line.includes("runStopped"));
    writeFileSync(join(at, "events.jsonl"), `${events.join("\n")}\n`);
    appendFileSync(join(at, "events.jsonl"), '{"type":"loss","cyc');
    app.history.forget();
    const state = await app.history.state("cut-run");
    assert.equal(state.status, "stopped");
    assert.equal(state.stages.fineTuning.status, "interrupted");
    assert.ok(state.losses.length > 0);
  });

  it("a damaged run is listed with its reason and can be deleted", async () => {
    const app = await theApp();
    mkdirSync(join(root(), "runs", "damaged-run"));
    writeFileSync(join(root(), "runs", "damaged-run", "run.json"), "{");
    const node = await runNode(app, "damaged-run");
    assert.match(String(app.runsTree.item(node).description), /E_CKPT/);
    await answering(
      "showWarningMessage",
      (_text: string, _options: unknown, yes: string) => yes,
      async () => vscode.commands.executeCommand("distillery.deleteRun", node),
    );
    assert.ok(!existsSync(join(root(), "runs", "damaged-run")));
  });

  it("stale checkpoints are marked when the knowledge base changed", async () => {
    const app = await theApp();
    const at = (run: string) =>
      vscode.Uri.from({ scheme: "distillery-checkpoint", path: `/${run}/cycle-1/questions.json` });
    // The made-up sections of these runs are none of the workspace's; the first run names another knowledge base.
    assert.equal(await app.decoration(at("first-run")), undefined);
    assert.equal((await app.decoration(at("second-run")))?.badge, "S");
    const run = await runNode(app, "second-run");
    const [stage] = await app.runsTree.children((await app.runsTree.children(run))[0]!);
    assert.match(String(app.runsTree.item(stage!).contextValue), /stale/);
  });

  it("reports, comparisons and checkpoints open", async () => {
    const app = await theApp();
    const run = await runNode(app, "first-run");
    await vscode.commands.executeCommand("distillery.openReport", run);
    await until("the report", () => vscode.window.tabGroups.activeTabGroup.activeTab?.label.includes("report"));
    await vscode.commands.executeCommand("distillery.compareRuns", run, [run, await runNode(app, "second-run")]);
    await until("the comparison", () => vscode.window.tabGroups.activeTabGroup.activeTab?.label.includes("comparison"));
    const stages = await app.runsTree.children((await app.runsTree.children(run))[0]!);
    await vscode.commands.executeCommand("distillery.openCheckpoint", named(stages, "run:first-run/1/questions"));
    const tab = await until(
      "the checkpoint",
      () => vscode.window.tabGroups.activeTabGroup.activeTab?.input as { viewType?: string } | undefined,
    );
    assert.ok(tab.viewType?.endsWith("distillery.checkpoint"));
    await vscode.commands.executeCommand("workbench.action.closeAllEditors");
  });

  it("a run is renamed, copied as a command, backed up and restored", async () => {
    const app = await theApp();
    const run = await runNode(app, "first-run");
    await answering(
      "showInputBox",
      () => "My best run",
      async () => vscode.commands.executeCommand("distillery.renameRun", run),
    );
    assert.equal(app.runsTree.item(await runNode(app, "first-run")).label, "My best run");
    await vscode.commands.executeCommand("distillery.copyAsCli", run);
    assert.match(await vscode.env.clipboard.readText(), /^distillery run --questions 8 --cycles 2 .*--seed 42$/);
    const target = join(tmpdir(), `distillery-${process.pid}.distillery-backup`);
    await answering(
      "showSaveDialog",
      () => vscode.Uri.file(target),
      async () => vscode.commands.executeCommand("distillery.backUpRun", run),
    );
    assert.ok(existsSync(target));
    await answering(
      "showOpenDialog",
      () => [vscode.Uri.file(target)],
      async () => vscode.commands.executeCommand("distillery.restoreRun"),
    );
    app.history.forget();
    assert.ok((await app.history.runs()).length >= 5);
  });

  it("the run is adopted as the student in use", async () => {
    const app = await theApp();
    const run = await runNode(app, "second-run");
    await vscode.commands.executeCommand("distillery.useAsStudent", run);
    assert.equal(app.adopted.chosen, "second-run");
    assert.match(String(app.runsTree.item(await runNode(app, "second-run")).contextValue), /adopted/);
    const models = await app.conversation.models();
    assert.deepEqual(
      models.map(({ id }) => id),
      ["base", "run second-run"],
    );
  });

  it("another student is used, and one click goes back; editor and command line agree", async () => {
    const app = await theApp();
    // What the command line works with.
    const outside = createStudentInUse(root());
    await vscode.commands.executeCommand("distillery.useAsStudent", await runNode(app, "first-run"));
    assert.equal((await outside.read()).current?.run, "first-run");
    const item = app.runsTree.item(await runNode(app, "first-run"));
    assert.match(String(item.contextValue), /^run.*adopted/);
    const former = join(root(), "runs/second-run/cycle-1/adapter/adapter.gguf");
    const before = readFileSync(former);
    await vscode.commands.executeCommand("distillery.rollBackStudent");
    assert.equal(app.adopted.chosen, "second-run");
    const student = await app.adopted.current();
    assert.ok(readFileSync(student!.adapterGguf).equals(before));
    assert.match(String(app.runsTree.item(await runNode(app, "second-run")).contextValue), /adopted/);

    const shown: { label: string; detail: string }[] = [];
    await answering(
      "showQuickPick",
      (items: { label: string; detail: string }[]) => {
        shown.push(...items);
        return items.find(({ label }) => label.includes("first") || label.includes("My best run"));
      },
      async () => vscode.commands.executeCommand("distillery.studentHistory"),
    );
    assert.equal(shown[0]?.detail, "rolled back");
    assert.equal(app.adopted.chosen, "first-run");
    await outside.rollBack();
    await until("the editor to follow the file", () => app.adopted.chosen === "second-run");
    assert.equal(app.adopted.history.length, 5);
    const told: string[] = [];
    await answering(
      "showErrorMessage",
      (text: string) => void told.push(text),
      async () => vscode.commands.executeCommand("distillery.rollBackStudent"),
    );
    assert.match(told.join(), /no former student/);
  });

  it("a level of the tree stays small, and refreshing keeps the ids", async () => {
    const app = await theApp();
    const before = (await app.runsTree.children(undefined)).map(({ id }) => id);
    await vscode.commands.executeCommand("distillery.refresh");
    assert.deepEqual(
      (await app.runsTree.children(undefined)).map(({ id }) => id),
      before,
    );
    assert.ok(before.length <= 201);
  });
});
