/** Asking the student from anywhere in the editor. */
import * as vscode from "vscode";
import type { AppParts } from "../app.ts";
import { inform } from "../inform.ts";

export function askCommands({ panel, conversation }: AppParts) {
  return {
    "distillery.ask": async (question: unknown) => {
      if (typeof question === "string" && question.trim() !== "") panel.ask(question.trim().slice(0, 4000));
      else panel.open("ask");
    },
    "distillery.askInChat": async () => {
      // VS Code hands no request to a participant before a model is chosen. In Agent mode it offers only models
      // that call tools; in Ask mode the student can be chosen, and nobody needs an account.
      await vscode.commands.executeCommand("workbench.action.chat.open", {
        mode: "ask",
        modelSelector: { vendor: "distillery", id: await conversation.modelInUse() },
        query: "@student ",
        isPartialQuery: true,
      });
    },
    "distillery.askSelection": async () => {
      const editor = vscode.window.activeTextEditor;
      const selected = editor?.document.getText(editor.selection).trim() ?? "";
      if (selected === "") {
        void inform(vscode.l10n.t("Select some text first: a question, or a passage to ask about."));
        return;
      }
      const question = /\?\s*$/.test(selected) ? selected : vscode.l10n.t("Explain: {0}", selected);
      panel.ask(question.slice(0, 4000));
    },
  };
}
