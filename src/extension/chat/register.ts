/** Tells VS Code of the student as participant, language model and tool; what they do comes with the app. */
import * as vscode from "vscode";
import type { App } from "../app.ts";
import { listedModels } from "./models.ts";

type Load = () => Promise<App>;

/** @param worthwhile says whether there is a run at all; before, VS Code's asking for models loads nothing. */
export function registerConversation(
  modelsChanged: vscode.Event<void>,
  worthwhile: () => Promise<boolean>,
  app: Load,
): vscode.Disposable[] {
  const participant = vscode.chat.createChatParticipant(
    "distillery.student",
    async (request, history, response, token) =>
      (await app()).conversation.participant(request, history, response, token),
  );
  participant.iconPath = new vscode.ThemeIcon("mortar-board");
  participant.followupProvider = {
    provideFollowups: async (result) => (await app()).conversation.followups(result),
  };
  const models = vscode.lm.registerLanguageModelChatProvider("distillery", {
    onDidChangeLanguageModelChatInformation: modelsChanged,
    provideLanguageModelChatInformation: async () =>
      (await worthwhile()) ? (await app()).conversation.models() : listedModels([]),
    provideLanguageModelChatResponse: async (model, messages, options, progress, token) =>
      (await app()).conversation.respond(model, messages, options, progress, token),
    provideTokenCount: async (_model, text) => (await app()).conversation.countTokens(text),
  });
  const tool = vscode.lm.registerTool<{ question: string; model?: "tuned" | "base" }>("distillery_ask_student", {
    invoke: async ({ input }, token) => (await app()).conversation.tool(input, token),
    prepareInvocation: ({ input }) => ({
      invocationMessage: vscode.l10n.t("Asking the student: {0}", String(input.question).slice(0, 80)),
    }),
  });
  return [participant, models, tool];
}
