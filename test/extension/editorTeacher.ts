/**
 * A model of VS Code as teacher, through VS Code's own interface. Its provider here is our own list of models, made to
 * answer as the fake endpoint does: a provider with a mind of its own would need an account.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import * as vscode from "vscode";
import { runSettings } from "../../src/extension/settings.ts";
import { createEditorModel, editorModels } from "../../src/extension/teacher/editorModel.ts";
import { createChatTeacher } from "../../src/pipeline/adapters/teacher/chatTeacher.ts";
import { createKnowledgeFolder } from "../../src/pipeline/adapters/knowledgeFolder.ts";
import { packageFolder } from "../../src/pipeline/adapters/packageFolder.ts";
import type { Message } from "../../src/pipeline/ports.ts";
import { answerFor } from "../fakes/openaiAnswers.ts";
import { answering, theApp } from "./host.ts";

const name = "distillery/smollm2-135m";
type Respond = (messages: Message[]) => string;

/** Answers of the listed student for the time of `work`. */
async function answeredBy<T>(respond: Respond, work: () => Promise<T>): Promise<T> {
  const { conversation } = await theApp();
  const original = conversation.respond;
  conversation.respond = async (_model, messages, _options, progress) => {
    const turns = messages.map(({ role, content }) => ({
      role: role === vscode.LanguageModelChatMessageRole.Assistant ? ("assistant" as const) : ("user" as const),
      content: content.map((part) => (part instanceof vscode.LanguageModelTextPart ? part.value : "")).join(""),
    }));
    const text = respond(turns);
    for (let at = 0; at < text.length; at += 200)
      progress.report(new vscode.LanguageModelTextPart(text.slice(at, at + 200)));
  };
  try {
    return await work();
  } finally {
    conversation.respond = original;
  }
}

async function ask() {
  const teacher = createChatTeacher(await createEditorModel(name, () => {}));
  const { sections, domain } = await createKnowledgeFolder(join(packageFolder(), "knowledge")).read();
  const { signal } = new AbortController();
  const [section] = sections;
  assert.ok(section);
  // The fake answers with the sentence that shares the most words.
  const question = `What is known of this: ${section.text.split(/[.\n]/)[0]}?`;
  const reference = await teacher.reference(question, section, domain, signal);
  const asked = { section, count: 2, wordings: 2, rewordings: 1, domain, seed: 1, avoid: [], signal };
  return { teacher, reference, questions: await teacher.questions(asked) };
}

describe("a model of VS Code as teacher", () => {
  it("forms questions and grounded answers, and counts what it was asked", async () => {
    const found = await answeredBy(
      (messages) => answerFor(messages, false),
      () => ask(),
    );
    assert.equal(found.teacher.id, name);
    assert.equal(found.reference.status, "answered");
    assert.ok(found.reference.grounded);
    assert.equal(found.questions.families.length, 2);
    const usage = found.teacher.usage()!;
    assert.ok(usage.requests >= 2 && usage.inputTokens > 100 && usage.outputTokens > 10);
    assert.equal(usage.dollars, null);
  });

  it("is asked to mend what is no JSON, and named when it cannot", async () => {
    let calls = 0;
    const found = await answeredBy(
      (messages) => (++calls === 1 ? "Sure! Here it comes." : answerFor(messages, false)),
      () => ask(),
    );
    assert.equal(found.reference.status, "answered");
    const broken = await answeredBy(
      () => "no JSON",
      () => ask().catch((error: { code?: string }) => error.code),
    );
    assert.ok(typeof broken === "string" ? broken.startsWith("E_") : broken?.reference.status === "bad_output");
  }).timeout(60_000);

  it("says what to do where VS Code has no such model, and never takes a student for a teacher by itself", async () => {
    assert.deepEqual(await editorModels(), []);
    await assert.rejects(
      createEditorModel("", () => {}),
      { code: "E_EDITOR_MODEL" },
    );
    await assert.rejects(
      createEditorModel("nobody/gpt", () => {}),
      /no language model nobody\/gpt/,
    );
    const told: string[] = [];
    await answering(
      "showErrorMessage",
      (text: string) => void told.push(text),
      async () => vscode.commands.executeCommand("distillery.chooseEditorModel"),
    );
    assert.match(told.join(), /E_EDITOR_MODEL/);
  });

  it("is part of a run's settings by its name", async () => {
    const { draft } = await theApp();
    const settings = runSettings({ ...draft.get(), teacher: "vscode" });
    assert.deepEqual(settings.teacher, { kind: "vscode", model: "" });
  });
});
