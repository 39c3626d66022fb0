/** The real embedded student through the editor's own interfaces. Its environment is set up by the tests' caller. */
import assert from "node:assert/strict";
import * as vscode from "vscode";
import { bestSections } from "../../src/extension/student/sources.ts";
import { theApp, until } from "./host.ts";

describe("the student", () => {
  before(async () => vscode.commands.executeCommand("distillery.openSample"));

  it("is a language model that answers, streaming, without an account", async () => {
    const [model] = await vscode.lm.selectChatModels({ vendor: "distillery" });
    assert.ok(model, "the untuned student is listed");
    const response = await model.sendRequest([
      vscode.LanguageModelChatMessage.User("What is a Pod in Kubernetes? Answer in one sentence."),
    ]);
    const chunks: string[] = [];
    for await (const chunk of response.text) chunks.push(chunk);
    assert.ok(chunks.length > 1, "it streams");
    assert.ok(chunks.join("").trim().length > 10);
  }).timeout(120_000);

  it("stops when asked to", async () => {
    const [model] = await vscode.lm.selectChatModels({ vendor: "distillery" });
    const cancel = new vscode.CancellationTokenSource();
    const response = await model!.sendRequest(
      [vscode.LanguageModelChatMessage.User("Write a long essay on Kubernetes scheduling.")],
      {},
      cancel.token,
    );
    let count = 0;
    const reading = (async () => {
      for await (const chunk of response.text) if (chunk !== "" && ++count === 3) cancel.cancel();
    })();
    await reading.catch(() => {});
    assert.ok(count < 250, `${count} chunks came`);
  }).timeout(120_000);

  it("claims no ability it lacks", async () => {
    const app = await theApp();
    for (const { capabilities } of await app.conversation.models())
      assert.deepEqual(capabilities, { toolCalling: false, imageInput: false });
  });

  it("is a tool other models can use, and says which model answered", async () => {
    const result = await vscode.lm.invokeTool("distillery_ask_student", {
      input: { question: "What is a Node?" },
      toolInvocationToken: undefined,
    });
    const text = result.content
      .map((part) => (part instanceof vscode.LanguageModelTextPart ? part.value : ""))
      .join("");
    assert.match(text, /smollm2-135m, untuned answers:\n\n\S/);
  }).timeout(120_000);

  it("answers as @student in the chat view, and offers to be tuned while there is no run", async () => {
    const app = await theApp();
    const { conversation } = app;
    const { participant } = conversation;
    const results: (vscode.ChatResult | Error)[] = [];
    conversation.participant = async (...request) => {
      const result = participant(...request);
      result.then(
        (each) => results.push(each),
        (error: Error) => results.push(error),
      );
      return result;
    };
    try {
      await vscode.commands.executeCommand("distillery.askInChat");
      await vscode.commands.executeCommand("workbench.action.chat.open", { query: "@student What is a Node?" });
      const result = await until("the answer in the chat view", () => results[0], 120);
      assert.deepEqual(result, { metadata: { question: "What is a Node?", tuned: false, command: "ask" } });
    } finally {
      conversation.participant = participant;
      await vscode.commands.executeCommand("workbench.action.closeAuxiliaryBar");
    }
  }).timeout(150_000);

  it("a question finds the sections it can be checked against", async () => {
    const { sections } = (await (await theApp()).knowledge.read())!;
    const found = bestSections(sections, "Which port does CoreDNS use for DNS records of a Service?");
    assert.ok(found.length > 0 && found.length <= 3);
    assert.ok(
      found.some(({ topic }) => /dns|service/i.test(topic)),
      found.map(({ topic }) => topic).join(),
    );
    assert.equal(bestSections(sections, "What does a Service do?")[0]!.topic, "Services");
    assert.deepEqual(bestSections(sections, "zzz qqq"), []);
  });
});
