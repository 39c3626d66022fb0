/** Hostile messages, settings and texts (faults E1, E5, E6, E14, E16). */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as vscode from "vscode";
import { encodeCheckpoint } from "../../src/pipeline/adapters/checkpointFile.ts";
import { hashOf } from "../../src/pipeline/hash.ts";
import { page } from "../../src/extension/checkpointReport.ts";
import type { PanelMessage } from "../../src/protocol/panel.ts";
import { panelHtml } from "../../src/extension/panel/html.ts";
import { studentId } from "../../src/extension/configuration.ts";
import { judgeModel, keyOrigins, teacherBaseUrl } from "../../src/extension/settings.ts";
import { answering, theApp, workspace } from "./host.ts";

describe("security", () => {
  it("messages that are no intention are dropped and counted, and the host stays responsive", async () => {
    const app = await theApp();
    const { draft } = app;
    const kept = JSON.stringify(draft.get());
    const deep: Record<string, unknown> = {};
    let at = deep;
    for (let depth = 0; depth < 5000; depth++) at = (at["x"] = {}) as Record<string, unknown>;
    const hostile: unknown[] = [
      null,
      7,
      "start",
      [],
      { type: "unknown" },
      { type: "select", run: "../../etc" },
      { type: "openSection", section: "/etc/passwd" },
      { type: "command", command: "workbench.action.terminal.new" },
      { type: "ask", question: "x".repeat(10_000_000), arms: ["base"] },
      { type: "ask", question: "x", arms: ["root"] },
      { type: "start", extra: true },
      JSON.parse('{"type":"start","__proto__":{"polluted":true}}'),
      { type: "configure", draft: { ...draft.get(), questions: 1e9 } },
      { type: "configure", draft: { ...draft.get(), topics: "all" } },
      deep,
    ];
    const before = app.panel.dropped;
    for (const message of hostile) app.panel.receive(message);
    assert.equal(app.panel.dropped - before, hostile.length);
    const flood = Date.now();
    for (let count = 0; count < 10_000; count++) app.panel.receive({ type: "stopAsking" });
    assert.ok(Date.now() - flood < 5000);
    assert.ok(app.panel.dropped - before > 9_000);
    assert.equal(JSON.stringify(draft.get()), kept);
    assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
    assert.equal(app.runner.running, false);
    await new Promise((resolve) => setTimeout(resolve, 1100));
  });

  it("a workspace file cannot name another host, student or key holder", async () => {
    mkdirSync(join(workspace(), ".vscode"), { recursive: true });
    writeFileSync(
      join(workspace(), ".vscode", "settings.json"),
      JSON.stringify({
        "distillery.teacher.baseUrl": "https://evil.example/v1",
        "distillery.student.model": "/tmp/evil",
        "distillery.evaluation.judge": true,
        "distillery.evaluation.judgeModel": "judge",
        "distillery.evaluation.judgeBaseUrl": "https://evil.example/v1",
      }),
    );
    await new Promise((resolve) => setTimeout(resolve, 1500));
    assert.equal(teacherBaseUrl(), "https://api.openai.com/v1");
    assert.equal(studentId(), "smollm2-135m");
    // A judge may be named there, but not where it is.
    assert.equal(judgeModel()?.baseUrl, "https://api.openai.com/v1");
    assert.deepEqual(keyOrigins(), ["https://api.openai.com"]);
    writeFileSync(join(workspace(), ".vscode", "settings.json"), "{}");
  });

  it("a key belongs to the address it was given for", async () => {
    const app = await theApp();
    await answering(
      "showInputBox",
      () => "sk-canary-123456",
      async () => vscode.commands.executeCommand("distillery.setApiKey"),
    );
    assert.equal(await app.keys.get("https://api.openai.com"), "sk-canary-123456");
    assert.equal(await app.keys.get("https://evil.example"), null);
    await vscode.commands.executeCommand("distillery.removeApiKey");
    assert.equal(await app.keys.get("https://api.openai.com"), null);
  });

  it("the page of the panel allows nothing inline, remote or evaluated", async () => {
    const webview = {
      cspSource: "vscode-resource:",
      asWebviewUri: (uri: vscode.Uri) => uri,
    } as unknown as vscode.Webview;
    const hostile: PanelMessage = { type: "show", tab: "</script><script>alert(1)</script>" as "run" };
    const html = panelHtml(webview, vscode.Uri.file("/x"), [hostile]);
    const policy = /Content-Security-Policy" content="([^"]*)"/.exec(html)![1]!;
    assert.match(policy, /^default-src 'none'/);
    assert.ok(!/unsafe|http/.test(policy), policy);
    assert.notEqual(html, panelHtml(webview, vscode.Uri.file("/x"), [hostile]), "a nonce serves once");
    const data = html.slice(html.indexOf('id="last">') + 10, html.indexOf("</script>"));
    assert.deepEqual(JSON.parse(data), [hostile], "the data ends where its element does");
    assert.equal(html.match(/<script/g)?.length, 2, "the data and our own");
  });

  it("markup in a checkpoint is shown as text", async () => {
    const app = await theApp();
    const [entry] = await app.history.checkpoints("first-run");
    assert.ok(entry?.state === "ok");
    const evil = `<img src=x onerror=alert(1)><script>alert(2)</script>[x](command:evil)"'&`;
    const { frame } = entry;
    const questions = frame.output as Record<string, never>;
    const output = { ...questions, teacher: evil, notes: [evil] };
    const html = page(
      encodeCheckpoint({
        frame: { ...frame, output, outputHash: hashOf(output), models: { [evil]: evil } },
        attempt: 0,
      }),
    );
    assert.ok(!/<(img|script)/i.test(html));
    assert.ok(html.includes("&#60;script&#62;"));
    assert.match(page("{"), /E_CKPT_CORRUPT/);
    assert.match(page(`{"a":${JSON.stringify(evil)}}`), /E_CKPT_SCHEMA/);
    assert.ok(!/<(img|script)/i.test(page(`{"${"<img src=x>"}":1}`)));
  });

  it("a link in an error's text is no link in its notification", async () => {
    const address = vscode.workspace.getConfiguration("distillery.teacher");
    await address.update("baseUrl", "[renew](command:workbench.action.quit)", vscode.ConfigurationTarget.Global);
    const told: string[] = [];
    try {
      await answering(
        "showErrorMessage",
        (text: string) => void told.push(text),
        async () => vscode.commands.executeCommand("distillery.setApiKey"),
      );
    } finally {
      await address.update("baseUrl", undefined, vscode.ConfigurationTarget.Global);
    }
    assert.match(told.join(), /"\[renew\]\u200B\(command:workbench\.action\.quit\)"/);
  });

  it("tree elements with made-up runs and stages lead nowhere", async () => {
    const app = await theApp();
    const told: string[] = [];
    for (const run of ["../../..", "no-such-run", "a".repeat(200)])
      await answering(
        "showErrorMessage",
        (text: string) => void told.push(text),
        () =>
          answering(
            "showQuickPick",
            () => undefined,
            async () => vscode.commands.executeCommand("distillery.useAsStudent", { run }),
          ),
      );
    assert.equal(told.length, 1);
    assert.notEqual(app.adopted.chosen, "no-such-run");
  });
});
