import assert from "node:assert/strict";
import * as vscode from "vscode";
import { resultsSnapshot, runSnapshot, setupSnapshot } from "../../src/extension/panel/snapshots.ts";
import { commandTable } from "../../src/extension/commands/table.ts";
import { panelCommands } from "../../src/protocol/panel.ts";
import { armTitles, extraArms, screenStages } from "../../src/protocol/model.ts";
import { keyOrigins, runSettings } from "../../src/extension/settings.ts";
import { armTitles as panelArmTitles, extraArms as panelExtraArms } from "../../webview/arms.ts";
import { screenStages as panelStages } from "../../webview/stages.ts";
import { theApp, until } from "./host.ts";

describe("the panel", () => {
  it("opens, and comes to the front instead of opening twice", async () => {
    await vscode.commands.executeCommand("distillery.openPanel");
    const app = await theApp();
    await until("the panel", () => app.panel.visible);
    await vscode.commands.executeCommand("distillery.openPanel");
    const tabs = () =>
      vscode.window.tabGroups.all.flatMap(({ tabs: each }) => each).filter(({ label }) => label === "Distillery");
    await until("its tab", () => tabs().length > 0);
    assert.equal(tabs().length, 1);
  });

  it("a preset brings its values, and an edit is kept as it is", async () => {
    const app = await theApp();
    const draft = { ...app.draft.get(), preset: "small" as const };
    app.panel.receive({ type: "configure", draft });
    assert.deepEqual([app.draft.get().questions, app.draft.get().steps], [20, "recipe"]);
    app.panel.receive({ type: "configure", draft: { ...draft, preset: "own", questions: 7 } });
    assert.equal(app.draft.get().questions, 7);
    app.panel.receive({ type: "configure", draft: { ...draft, preset: "demo" } });
    assert.deepEqual([app.draft.get().questions, app.draft.get().steps, app.draft.get().maxNewTokens], [4, 20, 120]);
  });

  it("says before the start what a run takes and what is sent where", async () => {
    const app = await theApp();
    const offline = await setupSnapshot({ ...app, label: () => undefined });
    assert.equal(offline.estimate?.calls, 0);
    assert.match(offline.estimate!.sent, /Nothing leaves this machine/);
    assert.match(offline.estimate!.shows, /^The verdict (rests on|will be "cannot tell")/);
    app.panel.receive({ type: "configure", draft: { ...app.draft.get(), teacher: "openai" } });
    const online = await setupSnapshot({ ...app, label: () => undefined });
    assert.ok(online.estimate!.calls > 0 && online.estimate!.dollars! > 0);
    assert.match(online.estimate!.sent, /api\.openai\.com/);
    assert.match(online.obstacle!, /API key/);
    app.panel.receive({ type: "configure", draft: { ...app.draft.get(), teacher: "offline" } });
  });

  it("says that a judge sees answers and sections, also where the teacher is offline", async () => {
    const app = await theApp();
    const settings = vscode.workspace.getConfiguration("distillery");
    const named = { judge: true, judgeModel: "a-judge", judgeBaseUrl: "https://judge.example/v1" };
    const set = async (values: Record<string, unknown>) => {
      for (const [name, value] of Object.entries(values))
        await settings.update(`evaluation.${name}`, value, vscode.ConfigurationTarget.Global);
    };
    try {
      await set(named);
      const { estimate } = await setupSnapshot({ ...app, label: () => undefined });
      assert.ok(estimate!.calls > 0);
      assert.doesNotMatch(estimate!.sent, /Nothing leaves this machine/);
      assert.match(estimate!.sent, /Answers of the student and the sections .* judge\.example/);
      assert.deepEqual(keyOrigins(), ["https://api.openai.com", "https://judge.example"]);
      await set({ primaryMetric: "factual_correctness" });
      const { judgeModel, primaryMetric } = runSettings(app.draft.get());
      assert.deepEqual(judgeModel, { model: "a-judge", baseUrl: named.judgeBaseUrl });
      assert.equal(primaryMetric, "factual_correctness");
      await set({ judge: false });
      assert.throws(() => runSettings(app.draft.get()), /primaryMetric: factual_correctness needs a judge/);
    } finally {
      await set({ judge: undefined, judgeModel: undefined, judgeBaseUrl: undefined, primaryMetric: undefined });
    }
  });

  it("shows a finished run from the disk, with answers by question", async () => {
    const app = await theApp();
    const parts = { ...app, label: () => undefined };
    const run = await runSnapshot(parts, "first-run");
    assert.equal(run.state.status, "finished");
    assert.equal(run.resumable, false);
    const results = await resultsSnapshot(parts, "first-run");
    assert.equal(results!.cycle, 2);
    assert.equal(results!.looks, 1);
    assert.ok(results!.comparison!.rows.length > 0);
    assert.ok(
      results!.answers.every(({ baseline, tuned, reference, place }) => baseline && tuned && reference && place),
    );
    assert.ok(results!.answers.every(({ marks, others }) => marks.tuned.length === 0 && others.length === 0));
    // The untuned stand-in says no number of any reference.
    assert.ok(results!.answers.some(({ lacks }) => /^lacks \d/.test(lacks.baseline)));
    assert.deepEqual(
      results!.comparison!.answering.map(({ arm }) => arm),
      ["baseline", "tuned"],
    );
  });

  it("takes the further arms of a draft, and they make the run longer", async () => {
    const app = await theApp();
    const minutes = async () => (await setupSnapshot({ ...app, label: () => undefined })).estimate!.minutes;
    app.panel.receive({ type: "configure", draft: { ...app.draft.get(), preset: "small" } });
    const before = await minutes();
    app.panel.receive({ type: "configure", draft: { ...app.draft.get(), arms: ["retrieval"] } });
    assert.deepEqual(runSettings(app.draft.get()).arms, ["retrieval"]);
    assert.ok((await minutes()) > before);
    app.panel.receive({ type: "configure", draft: { ...app.draft.get(), arms: [], preset: "demo" } });
  });

  it("knows the seven stages and the arms by the names of the protocol, and only commands there are", () => {
    assert.deepEqual(panelStages, screenStages);
    assert.deepEqual(panelArmTitles, armTitles);
    assert.deepEqual(
      panelExtraArms.map(([arm]) => arm),
      [...extraArms],
    );
    for (const id of panelCommands) assert.ok(id in commandTable, id);
  });
});
