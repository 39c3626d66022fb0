/** Parts of the editor that fail, each on its own: it is told, and the next one goes on. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as vscode from "vscode";
import { createEditorModel } from "../../src/extension/teacher/editorModel.ts";
import { runSettings } from "../../src/extension/settings.ts";
import { createCheckpointStore } from "../../src/pipeline/adapters/checkpointStore.ts";
import { packageFolder } from "../../src/pipeline/adapters/packageFolder.ts";
import { createChatTeacher } from "../../src/pipeline/adapters/teacher/chatTeacher.ts";
import { createKnowledgeFolder } from "../../src/pipeline/adapters/knowledgeFolder.ts";
import { answerFor } from "../fakes/openaiAnswers.ts";
import { fakeRunFile, play } from "../fakes/runs.ts";
import { answering, theApp, toldDuring, until, withSetting, workspace } from "./host.ts";

const root = () => join(workspace(), ".distillery");
const at = (...names: string[]) => join(root(), ...names);
const run = "part-run";

describe("parts that fail", () => {
  before(async () => {
    await vscode.commands.executeCommand("distillery.openSample");
    const file = { ...fakeRunFile({}, run), knowledge: "knowledge", created: "2026-01-08T10:00:00.000Z" };
    await play(root(), file);
    (await theApp()).history.forget();
  });

  it("a student that is not there: told at every question, in the chat too", async () => {
    const app = await theApp();
    const signal = new AbortController().signal;
    await withSetting("student.model", join(workspace(), "no-such-student"), async () => {
      const ask = () => app.asker.ask({ arm: "base", question: "?", tuned: null, signal, onText: () => {} });
      const first = await ask().catch((error: { code: string }) => error.code);
      assert.match(String(first), /^E_/);
      assert.equal(await ask().catch((error: { code: string }) => error.code), first);
      const said: string[] = [];
      const response = { markdown: (text: string) => void said.push(text), reference() {}, button() {} };
      const { current } = app.adopted;
      app.adopted.current = async () => null;
      try {
        const result = await app.conversation.participant(
          { prompt: "What is a Pod?", command: undefined } as unknown as vscode.ChatRequest,
          {} as vscode.ChatContext,
          response as unknown as vscode.ChatResponseStream,
          new vscode.CancellationTokenSource().token,
        );
        assert.ok((result as vscode.ChatResult).errorDetails?.message.includes(`(${String(first)})`));
      } finally {
        app.adopted.current = current;
      }
    });
  }).timeout(120_000);

  it("one student of the panel's Ask tab that fails does not keep the next one from being asked", async () => {
    const app = await theApp();
    const { ask } = app.asker;
    const asked: string[] = [];
    app.asker.ask = ({ arm }) => (asked.push(arm), Promise.reject(new Error(`${arm} fails`)));
    try {
      const told = await toldDuring(async () => {
        app.panel.receive({ type: "ask", question: "What is a Pod?", arms: ["base", "tuned"] });
        await until("both", () => asked.length === 2);
      });
      assert.deepEqual([asked, told], [["base", "tuned"], []]);
    } finally {
      app.asker.ask = ask;
    }
  });

  it("a run that cannot even begin ends as failed, and one that cannot be re-run gives its lock back", async () => {
    const app = await theApp();
    const settings = { ...runSettings(app.draft.get()), student: "owner/nothing" };
    await assert.rejects(app.runner.start(settings, join(packageFolder(), "knowledge")));
    assert.equal(app.runner.state.status, "failed");
    assert.equal(app.runner.running, false);
    const superseded = at("runs", run, "cycle-1", "superseded");
    for (const put of [() => symlinkSync(tmpdir(), superseded), () => writeFileSync(superseded, "no folder")]) {
      put();
      await assert.rejects(app.runner.resume(run, { cycle: 1, stage: "comparison" }), { code: /^E_/ });
      rmSync(superseded);
    }
    await (await createCheckpointStore(root()).open(run)).close();
    app.history.forget();
  });

  it("a service that knows neither the model nor a list of models ends the run with its answer", async () => {
    const app = await theApp();
    const asked = new Set<string>();
    const server = createServer((request, response) => {
      asked.add(String(request.url));
      response.writeHead(404, { "content-type": "application/json" }).end('{"error":{"message":"no such model"}}');
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      await withSetting("teacher.baseUrl", `${origin}/v1`, async () => {
        await answering(
          "showInputBox",
          () => "sk-canary-123456",
          () => app.keys.ask(),
        );
        const settings = { ...runSettings({ ...app.draft.get(), teacher: "openai" }), questions: 2, topics: ["Pods"] };
        await assert.rejects(app.runner.start(settings, join(packageFolder(), "knowledge")), { name: "UserError" });
        await vscode.commands.executeCommand("distillery.removeApiKey");
      });
      await until("both to be asked", () => asked.has("/v1/models") && asked.has("/v1/chat/completions"));
      assert.equal(app.runner.state.status, "failed");
    } finally {
      await new Promise((resolve) => (server.close(resolve), server.closeAllConnections()));
    }
  }).timeout(120_000);

  it("a task that cannot start says why in its terminal, and ends with 1", async () => {
    const app = await theApp();
    const terminal = app.taskTerminal({ type: "distillery", action: "resume" });
    const said: string[] = [];
    terminal.onDidWrite((text) => said.push(text));
    const ended = new Promise((resolve) => terminal.onDidClose!(resolve));
    const { runs } = app.history;
    app.history.runs = async () => [];
    try {
      terminal.open(undefined);
      assert.equal(await ended, 1);
    } finally {
      app.history.runs = runs;
      terminal.close();
    }
    assert.match(said.join(""), /There is no run yet\..*\(E_RUN_UNKNOWN\)/);
  });

  it("without an environment and a Python the check-up says so, and a set-up that fails leaves that shown", async () => {
    const app = await theApp();
    const before = { ...process.env };
    const nothing = mkdtempSync(join(tmpdir(), "distillery-nothing-"));
    process.env["DISTILLERY_HOME"] = nothing;
    process.env["PATH"] = nothing;
    try {
      const shown: string[] = [];
      await answering(
        "showQuickPick",
        (items: { detail?: string; description?: string }[]) => void shown.push(JSON.stringify(items)),
        async () => vscode.commands.executeCommand("distillery.checkSetup"),
      );
      assert.match(shown.join(), /No Python was found/);
      const told = await toldDuring(() => app.log.told(app.environments.setUp(false)));
      assert.match(told.join(), /No Python was found.*\(E_PY_ENV\)/);
      assert.equal(app.environments.status, "missing");
    } finally {
      process.env = before;
      rmSync(nothing, { recursive: true });
    }
    assert.ok(await app.environments.find());
    assert.equal(app.environments.status, "ready");
  });

  it("a student that cannot be fetched is told with the hub's name", async () => {
    const before = { ...process.env };
    process.env["HF_ENDPOINT"] = "http://127.0.0.1:9";
    process.env["DISTILLERY_STUDENTS"] = join(workspace(), "students");
    try {
      const told = await toldDuring(() =>
        answering(
          "showQuickPick",
          (items: unknown[]) => items.at(-1),
          () =>
            answering(
              "showInputBox",
              () => "owner/tiny",
              async () => vscode.commands.executeCommand("distillery.downloadStudent"),
            ),
        ),
      );
      assert.match(told.join(), /127\.0\.0\.1:9 cannot be reached.*\(E_DOWNLOAD\)/);
    } finally {
      process.env = before;
    }
  });

  it("a model of VS Code that refuses, and one that cannot count, still make a teacher", async () => {
    const lm = vscode.lm as { selectChatModels: typeof vscode.lm.selectChatModels };
    const { selectChatModels } = lm;
    const { sections, domain } = await createKnowledgeFolder(join(packageFolder(), "knowledge")).read();
    const { signal } = new AbortController();
    const section = sections[0]!;
    const question = `What is known of this: ${section.text.split(/[.\n]/)[0]}?`;
    const asked = async (sendRequest: (messages: { content: { value: string }[] }[]) => Promise<unknown>) => {
      const model = {
        ...{ vendor: "any", family: "model", name: "any", sendRequest },
        countTokens: () => Promise.reject(new Error("cannot count")),
      };
      lm.selectChatModels = async () => [model as unknown as vscode.LanguageModelChat];
      const teacher = createChatTeacher(await createEditorModel("any/model", () => {}));
      return { reference: await teacher.reference(question, section, domain, signal), usage: teacher.usage() };
    };
    try {
      const refused = await asked(() => Promise.reject(vscode.LanguageModelError.Blocked("not that")));
      assert.equal(refused.reference.status, "refused");
      const answered = await asked(async (messages) => {
        const turns = messages.map(({ content }) => ({
          role: "user" as const,
          content: content.map(({ value }) => value).join(""),
        }));
        return {
          text: (async function* () {
            yield answerFor(turns, false);
          })(),
        };
      });
      assert.equal(answered.reference.status, "answered");
      // A character count stands in for what the model does not say.
      assert.ok(answered.usage!.inputTokens > 100 && answered.usage!.outputTokens > 5);
    } finally {
      lm.selectChatModels = selectChatModels;
    }
  });
});
