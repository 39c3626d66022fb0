/** A language model that VS Code offers, as a teacher: no key of ours, and its consent is VS Code's to ask for. */
import * as vscode from "vscode";
import type { Usage } from "../../protocol/model.ts";
import { UserError } from "../../protocol/errors.ts";
import { createLimiter, type Limiter, type Verdict } from "../../pipeline/adapters/teacher/limiter.ts";
import type { OpenaiModel } from "../../pipeline/adapters/teacher/openaiModel.ts";
import type { ChatReply } from "../../pipeline/adapters/teacher/replies.ts";
import { createGenerateJson, withInstruction } from "../../pipeline/adapters/teacher/structuredOutput.ts";
import type { Message } from "../../pipeline/ports.ts";

/** Our own students are listed as models of this vendor. */
const ownVendor = "distillery";
/** Requests at once: providers state no limits here, and subscriptions slow heavy use down. */
const most = 4;
const maxTries = 4;

export const nameOfModel = ({ vendor, family }: vscode.LanguageModelChat): string => `${vendor}/${family}`;

/** The models that can teach: all but our own students. */
export async function editorModels(): Promise<vscode.LanguageModelChat[]> {
  return (await vscode.lm.selectChatModels()).filter(({ vendor }) => vendor !== ownVendor);
}

/**
 * @param name `vendor/family`, or empty for the first there is
 * @throws UserError E_EDITOR_MODEL when there is no such model
 */
export async function createEditorModel(
  name: string,
  onNotice: (text: string) => void,
): Promise<Pick<OpenaiModel, "id" | "generateJson" | "usage">> {
  const [model] = name === "" ? await editorModels() : await vscode.lm.selectChatModels(selectorOf(name));
  if (!model) {
    const text = name === "" ? vscode.l10n.t("VS Code offers no language model.") : missing(name);
    throw new UserError("E_EDITOR_MODEL", text);
  }
  const id = nameOfModel(model);
  const limiter = createLimiter({ most, onNotice });
  const used = { requests: 0, inputTokens: 0, outputTokens: 0 };
  let answered = false;

  const generateJson = createGenerateJson(
    async (messages, { maxTokens, temperature, signal }, format) => {
      const asked = format.type === "json_schema" ? withInstruction(messages, format.inWords) : [...messages];
      const reply = await ask(model, limiter, asked, { max_tokens: maxTokens, temperature }, signal);
      answered = true;
      used.requests += 1;
      used.inputTokens += await tokensIn(model, asked.map(({ content }) => content).join("\n"));
      if (reply.status === "answered") used.outputTokens += reply.tokens;
      return reply;
    },
    { host: id, everAnswered: () => answered, clean: (text) => text },
  );
  // Its provider counts in its own money.
  return { id, generateJson, usage: (): Usage => ({ ...used, dollars: null }) };
}

function ask(
  model: vscode.LanguageModelChat,
  limiter: Limiter,
  messages: readonly Message[],
  modelOptions: Record<string, number>,
  signal: AbortSignal,
): Promise<ChatReply> {
  const name = nameOfModel(model);
  const send = async () => {
    const cancel = new vscode.CancellationTokenSource();
    const onAbort = () => cancel.cancel();
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      const justification = vscode.l10n.t("Distillery asks for exam questions and answers about your documents.");
      const response = await model.sendRequest(messages.map(asTurn), { modelOptions, justification }, cancel.token);
      let text = "";
      for await (const chunk of response.text) text += chunk;
      signal.throwIfAborted();
      return {
        value: { status: "answered", text, cut: false, tokens: await tokensIn(model, text) } as const,
        headers: null,
      };
    } catch (error) {
      // A filter of the provider; the next question may well pass it.
      if (error instanceof vscode.LanguageModelError && error.code === vscode.LanguageModelError.Blocked.name)
        return { value: { status: "refused", reason: error.message, tokens: 0 } as const, headers: null };
      throw error;
    } finally {
      signal.removeEventListener("abort", onAbort);
      cancel.dispose();
    }
  };
  return limiter.run<ChatReply>({ send, classify: (error) => verdictOn(error, name), signal, model: name, tokens: 0 });
}

/** Without consent or without the model nothing else can be asked either; anything else may pass. */
function verdictOn(error: unknown, name: string): Verdict {
  const code = error instanceof vscode.LanguageModelError ? error.code : "";
  if (code === vscode.LanguageModelError.NoPermissions.name)
    return final(vscode.l10n.t("VS Code did not let Distillery use {0}.", name), error);
  if (code === vscode.LanguageModelError.NotFound.name) return final(missing(name), error);
  const what = error instanceof Error ? error.message : String(error);
  return { kind: "again", everyone: true, askedMs: null, maxTries, code: "E_SERVICE", sentence: `${name}: ${what}` };
}

const final = (text: string, cause: unknown): Verdict => ({
  kind: "final",
  error: new UserError("E_EDITOR_MODEL", text, { cause }),
  all: true,
});

const missing = (name: string): string => vscode.l10n.t("VS Code offers no language model {0}.", name);

function selectorOf(name: string): vscode.LanguageModelChatSelector {
  const [vendor = "", ...family] = name.split("/");
  return { vendor, family: family.join("/") };
}

/** The interface knows no system messages: they are told as the user's first words. */
function asTurn({ role, content }: Message): vscode.LanguageModelChatMessage {
  return role === "assistant"
    ? vscode.LanguageModelChatMessage.Assistant(content)
    : vscode.LanguageModelChatMessage.User(content);
}

const tokensIn = async (model: vscode.LanguageModelChat, text: string): Promise<number> =>
  Promise.resolve(model.countTokens(text)).catch(() => Math.ceil(text.length / 4));
