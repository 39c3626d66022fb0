/** The student in chat: participant, language model, and a tool for other models. */
import * as vscode from "vscode";
import type { Message, TunedStudent } from "../../pipeline/ports.ts";
import { UserError } from "../../protocol/errors.ts";
import type { AskArm } from "../../protocol/panel.ts";
import type { KnowledgeStore } from "../knowledge.ts";
import type { Adopted } from "../student/adopted.ts";
import type { Asker } from "../student/asker.ts";
import { baseId, listedModels, tunedId } from "./models.ts";
import { bestSections } from "../student/sources.ts";

export interface Conversation {
  participant(
    request: vscode.ChatRequest,
    history: vscode.ChatContext,
    response: vscode.ChatResponseStream,
    token: vscode.CancellationToken,
  ): Promise<vscode.ChatResult>;
  followups(result: vscode.ChatResult): vscode.ChatFollowup[];
  models(): Promise<vscode.LanguageModelChatInformation[]>;
  /** The id, among `models`, of the student that answers now. */
  modelInUse(): Promise<string>;
  respond(
    model: vscode.LanguageModelChatInformation,
    messages: readonly vscode.LanguageModelChatRequestMessage[],
    options: vscode.ProvideLanguageModelChatResponseOptions,
    progress: vscode.Progress<vscode.LanguageModelResponsePart>,
    token: vscode.CancellationToken,
  ): Promise<void>;
  countTokens(text: string | vscode.LanguageModelChatRequestMessage): number;
  tool(
    input: { question: string; model?: "tuned" | "base" },
    token: vscode.CancellationToken,
  ): Promise<vscode.LanguageModelToolResult>;
}

interface ConversationParts {
  asker: Asker;
  adopted: Adopted;
  knowledge: KnowledgeStore;
}

const longestQuestion = 4000;

export function createConversation({ asker, adopted, knowledge }: ConversationParts): Conversation {
  async function answerInto(
    arm: AskArm,
    question: string,
    tuned: TunedStudent | null,
    token: vscode.CancellationToken,
    onText: (text: string) => void,
    history: Message[] = [],
  ) {
    if (!vscode.workspace.isTrusted)
      throw new UserError("E_USAGE", vscode.l10n.t("This folder is in Restricted Mode, where nothing is run."));
    const abort = new AbortController();
    const listener = token.onCancellationRequested(() => abort.abort());
    try {
      return await asker.ask({
        arm,
        question: question.slice(0, longestQuestion),
        tuned,
        signal: abort.signal,
        onText,
        history,
      });
    } finally {
      listener.dispose();
    }
  }

  /** The students that were chosen once, and the one in use where nobody has chosen. */
  async function listed(): Promise<TunedStudent[]> {
    const [current, chosen] = [await adopted.current(), await adopted.all()];
    return current && !chosen.some(({ run }) => run === current.run) ? [current, ...chosen] : chosen;
  }

  async function participant(
    request: vscode.ChatRequest,
    response: vscode.ChatResponseStream,
    token: vscode.CancellationToken,
  ): Promise<vscode.ChatResult> {
    const question = request.prompt.trim();
    if (question === "") {
      response.markdown(vscode.l10n.t("Ask something the knowledge base covers, such as: What does a Service do?"));
      return {};
    }
    const tuned = await adopted.current();
    const arms: AskArm[] = request.command === "compare" ? ["base", "tuned"] : [tuned ? "tuned" : "base"];
    for (const arm of arms) {
      response.markdown(`*${plain(asker.nameOf(arm, tuned))}*\n\n`);
      // A model's text is shown as text: no links, no images, no commands.
      await answerInto(arm, question, tuned, token, (chunk) => response.markdown(plain(chunk)));
      response.markdown("\n\n");
    }
    const folder = knowledge.folder();
    const found = bestSections((await knowledge.read())?.sections ?? [], question);
    for (const section of found) {
      if (!folder) break;
      const uri = vscode.Uri.joinPath(vscode.Uri.file(folder), section.file);
      response.reference(new vscode.Location(uri, new vscode.Range(section.firstLine - 1, 0, section.lastLine - 1, 0)));
    }
    if (tuned)
      response.button({
        command: "distillery.openReport",
        title: vscode.l10n.t("Open Run"),
        arguments: [{ run: tuned.run }],
      });
    else response.button({ command: "distillery.openPanel", title: vscode.l10n.t("Tune the Student") });
    return { metadata: { question, tuned: tuned !== null, command: request.command ?? "ask" } };
  }

  return {
    async participant(request, _history, response, token) {
      try {
        return await participant(request, response, token);
      } catch (error) {
        if (error instanceof UserError)
          return { errorDetails: { message: `${error.message} ${error.next} (${error.code})` } };
        throw error;
      }
    },
    followups({ metadata }) {
      const question = metadata?.["question"] as string | undefined;
      if (!question || metadata?.["command"] === "compare") return [];
      return [{ prompt: question, command: "compare", label: vscode.l10n.t("Compare with the untuned student") }];
    },
    models: async () => listedModels(vscode.workspace.isTrusted ? await listed() : []),
    async modelInUse() {
      const tuned = await adopted.current();
      return tuned ? tunedId(tuned.run) : baseId;
    },
    async respond(model, messages, _options, progress, token) {
      const tuned =
        model.id === baseId ? null : ((await listed()).find(({ run }) => tunedId(run) === model.id) ?? null);
      if (model.id !== baseId && !tuned) throw vscode.LanguageModelError.NotFound(`${model.name}: the run is gone`);
      const turns = messages.map(toMessage).filter(({ content }) => content.trim() !== "");
      const last = turns.findLastIndex(({ role }) => role === "user");
      const question = turns[last]?.content ?? "";
      await answerInto(
        tuned ? "tuned" : "base",
        question,
        tuned,
        token,
        (text) => progress.report(new vscode.LanguageModelTextPart(text)),
        turns.slice(0, Math.max(0, last)),
      );
    },
    // Nearly four characters a token in English, for both tokenizers; the limits leave room for the difference.
    countTokens: (text) => Math.ceil((typeof text === "string" ? text : toMessage(text).content).length / 3.6),
    async tool({ question, model }, token) {
      const tuned = await adopted.current();
      const arm: AskArm = model === "base" || !tuned ? "base" : "tuned";
      const { text } = await answerInto(arm, String(question), tuned, token, () => {});
      return new vscode.LanguageModelToolResult([
        new vscode.LanguageModelTextPart(`${asker.nameOf(arm, tuned)} answers:\n\n${text}`),
      ]);
    },
  };
}

function toMessage({ role, content }: vscode.LanguageModelChatRequestMessage): Message {
  const text = content.map((part) => (part instanceof vscode.LanguageModelTextPart ? part.value : "")).join("");
  return { role: role === vscode.LanguageModelChatMessageRole.Assistant ? "assistant" : "user", content: text };
}

/** Markdown and HTML marks of a model's text, made to stand for themselves. */
const plain = (text: string): string => text.replace(/[\\`*_{}[\]()<>#!|]/g, "\\$&");
