/** Tells VS Code of the lenses and quick fixes on knowledge files; what they show comes with the app. */
import * as vscode from "vscode";
import type { App } from "../app.ts";

/** Whose the warnings on knowledge files are. */
export const diagnosticSource = "Distillery";

const knowledgeFiles: vscode.DocumentFilter = { scheme: "file", pattern: "**/*.{md,markdown,txt}" };

/** @param worthwhile says whether there is a run at all; before, no text file of the folder wakes anything. */
export function registerReview(
  lensesChanged: vscode.Event<void>,
  worthwhile: () => Promise<boolean>,
  app: () => Promise<App>,
): vscode.Disposable[] {
  const lenses = vscode.languages.registerCodeLensProvider(knowledgeFiles, {
    onDidChangeCodeLenses: lensesChanged,
    provideCodeLenses: async (document) =>
      vscode.workspace.isTrusted && (await worthwhile()) ? (await app()).marks.lenses(document) : [],
  });
  const actions = vscode.languages.registerCodeActionsProvider(
    knowledgeFiles,
    {
      provideCodeActions: async (_document, _range, { diagnostics }) =>
        diagnostics.some(({ source }) => source === diagnosticSource) ? (await app()).marks.actions(diagnostics) : [],
    },
    { providedCodeActionKinds: [vscode.CodeActionKind.QuickFix] },
  );
  return [lenses, actions];
}
