/** Asking the student from anywhere in the editor. */
import * as vscode from "vscode";
import type { AppParts } from "../app.ts";

export function askCommands({ panel }: AppParts) {
  return {
    "distillery.ask": async (question: unknown) => {
      if (typeof question === "string" && question.trim() !== "") panel.ask(question.trim().slice(0, 4000));
      else panel.open("ask");
    },
    "distillery.askInChat": async () => {
      // In Agent mode VS Code offers only models that call tools, and then no participant answers without one.
      await vscode.commands.executeCommand("workbench.action.chat.open", { mode: "ask" });
      await new Promise((resolve) => setTimeout(resolve, 700));
      await vscode.commands.executeCommand("workbench.action.chat.open", {
        mode: "ask",
        query: "@student ",
        isPartialQuery: true,
      });
    },
    "distillery.askSelection": async () => {
      const editor = vscode.window.activeTextEditor;
      const selected = editor?.document.getText(editor.selection).trim() ?? "";
      if (selected === "") {
        void vscode.window.showInformationMessage(
          vscode.l10n.t("Select some text first: a question, or a passage to ask about."),
        );
        return;
      }
      const question = /\?\s*$/.test(selected) ? selected : vscode.l10n.t("Explain: {0}", selected);
      panel.ask(question.slice(0, 4000));
    },
  };
}
