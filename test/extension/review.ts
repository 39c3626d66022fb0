/** A run over the workspace's own documents, by a teacher that invents a number about one section. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as vscode from "vscode";
import { fakeParts } from "../fakes/parts.ts";
import { fakeRunFile, play } from "../fakes/runs.ts";
import { resultsSnapshot } from "../../src/extension/panel/snapshots.ts";
import { answering, theApp, until, workspace } from "./host.ts";

const run = "review-run";
const file = () => join(workspace(), "knowledge", "mill.md");
const uri = () => vscode.Uri.file(file());
const facts =
  "has a wheel of oak that turns nine times a minute while the sluice is open, and the miller greases it with tallow " +
  "every second morning before the first sack of barley is lifted to the stone, which keeps the wheel quiet and the " +
  "bearings cool for the whole day until the sluice is closed again in the evening.";
const page = [
  "# Mill",
  "",
  "## Upper mill",
  "",
  `The upper mill ${facts}`,
  "",
  "## Lower mill",
  "",
  `The lower mill ${facts}`,
  "",
];

const warnings = () => vscode.languages.getDiagnostics(uri()).filter(({ source }) => source === "Distillery");
const lenses = async () =>
  (await vscode.commands.executeCommand<vscode.CodeLens[]>("vscode.executeCodeLensProvider", uri())).map(
    ({ range, command }) => ({ line: range.start.line, title: command?.title ?? "", command }),
  );

describe("review", () => {
  let family = "";

  before(async () => {
    const app = await theApp();
    mkdirSync(join(workspace(), "knowledge"), { recursive: true });
    writeFileSync(file(), page.join("\n"));
    app.knowledge.forget();
    const knowledge = await until("the mill", async () => {
      const found = await app.knowledge.read();
      return found?.topics.includes("Mill") ? found : null;
    });
    const parts = fakeParts();
    const honest = parts.teacher.reference.bind(parts.teacher);
    parts.teacher.reference = async (question, section, domain, signal) => {
      const reference = await honest(question, section, domain, signal);
      return section.heading === "Lower mill"
        ? { ...reference, text: `${reference.text} It weighs 4711 kg.` }
        : reference;
    };
    await play(
      join(workspace(), ".distillery"),
      {
        ...fakeRunFile({ topics: ["Mill"], questions: 2, unseenShare: 0 }, run),
        knowledge: "knowledge",
        created: "2027-01-01T10:00:00.000Z",
      },
      { parts, knowledge },
    );
    app.history.forget();
    await app.marks.refresh();
    await vscode.window.showTextDocument(uri());
  });

  it("an invented claim is a warning at its line, with quick fixes", async () => {
    const [warning, ...others] = await until("the warning", () => (warnings().length > 0 ? warnings() : null));
    assert.equal(others.length, 0);
    assert.equal(warning!.severity, vscode.DiagnosticSeverity.Warning);
    assert.equal(warning!.range.start.line, 8);
    assert.match(warning!.message, /^The reference of “.*” says “4711”, which the section does not\.$/);
    family = String(warning!.code);
    // The editor drops the answer when another extension registers a provider meanwhile, so it is asked until it has one.
    const commands = await until("the quick fixes", async () => {
      const actions = await vscode.commands.executeCommand<vscode.CodeAction[]>(
        "vscode.executeCodeActionProvider",
        uri(),
        warning!.range,
      );
      const ours = actions.flatMap(({ command }) =>
        command?.command.startsWith("distillery.") ? command.command : [],
      );
      return ours.length > 0 ? ours : null;
    });
    assert.deepEqual(commands, [
      "distillery.excludeAnswer",
      "distillery.editAnswer",
      "distillery.askAgain",
      "distillery.approveAnswer",
    ]);
  });

  it("the answers view marks it, and what the panel asks for is recorded", async () => {
    const app = await theApp();
    const parts = { ...app, label: () => undefined };
    const row = async () => (await resultsSnapshot(parts, run))!.answers.find((each) => each.family === family)!;
    assert.equal((await row()).review.state, "unsupported");
    app.panel.receive({ type: "review", run, id: family, action: "approve" });
    await until("the approval", async () => (await row()).review.state === "approved");
    await until("the warning to go", () => warnings().length === 0);
    app.panel.receive({ type: "review", run, id: family, action: "undo" });
    await until("the warning to come back", () => warnings().length === 1);
  });

  it("excluded with a reason, it is a decision in review.json, and the warning goes", async () => {
    await answering(
      "showInformationMessage",
      () => undefined,
      () =>
        answering(
          "showInputBox",
          () => "it invents a weight",
          async () => vscode.commands.executeCommand("distillery.excludeAnswer", { run, id: family }),
        ),
    );
    const review = JSON.parse(readFileSync(join(workspace(), ".distillery", "runs", run, "review.json"), "utf8"));
    assert.deepEqual(
      [review.decisions[family].action, review.decisions[family].reason],
      ["exclude", "it invents a weight"],
    );
    await until("the warning to go", () => warnings().length === 0);
    const row = (await (await theApp()).reviewer.of(run))!.rows.find(({ id }) => id === family)!;
    assert.deepEqual([row.state, row.pending], ["excluded", true]);
  });

  it("nothing is recorded when the person gives no reason", async () => {
    const before = readFileSync(join(workspace(), ".distillery", "runs", run, "review.json"), "utf8");
    await answering(
      "showInputBox",
      () => undefined,
      async () => vscode.commands.executeCommand("distillery.excludeAnswer", { run, id: "c1-f01" }),
    );
    assert.equal(readFileSync(join(workspace(), ".distillery", "runs", run, "review.json"), "utf8"), before);
  });

  it("a line above each section tells what rests on it, and that its text changed", async () => {
    const app = await theApp();
    assert.deepEqual(
      (await lenses()).map(({ line, title }) => [line, title.replace(/\d+ questions/, "N questions")]),
      [
        [2, `N questions of run ${run} rest on this section`],
        [6, `N questions of run ${run} rest on this section`],
      ],
    );
    const said: unknown[] = [];
    await answering(
      "showInformationMessage",
      (text) => void said.push(text),
      async () => vscode.commands.executeCommand("distillery.redistil", { run }),
    );
    assert.match(String(said[0]), /^No section/);

    writeFileSync(file(), page.join("\n").replace("The upper mill has", "The upper mill, painted green, has"));
    const changed = await until("the changed section", async () => {
      const found = await lenses();
      return found.some(({ title }) => title.includes("text changed since")) ? found : null;
    });
    assert.deepEqual(
      changed.map(({ line }) => line),
      [2, 2, 6],
    );
    const redistil = changed.find(({ title }) => title === "Re-distil changed sections");
    assert.deepEqual([redistil?.command?.command, redistil?.command?.arguments], ["distillery.redistil", [{ run }]]);
    const checkpoint = vscode.Uri.from({ scheme: "distillery-checkpoint", path: `/${run}/cycle-1/questions.json` });
    await until("the decoration", async () => (await app.decoration(checkpoint))?.badge === "S");
  });

  it("re-distilling resumes the run", async () => {
    const app = await theApp();
    const resumed: string[] = [];
    const original = app.runner.resume;
    app.runner.resume = async (id) => void resumed.push(id);
    try {
      await vscode.commands.executeCommand("distillery.redistil", { run });
    } finally {
      app.runner.resume = original;
    }
    assert.deepEqual(resumed, [run]);
    await vscode.commands.executeCommand("workbench.action.closeAllEditors");
  });
});
