/** Asks once for each service before it teaches, as its terms may say what its answers are for. */
import * as vscode from "vscode";
import { termsNotice, termsTold } from "../../pipeline/adapters/teacher/terms.ts";

/** False when the person would rather not. */
export async function termsAccepted(baseUrl: string): Promise<boolean> {
  const notice = await termsNotice(baseUrl);
  if (notice === null) return true;
  const run = vscode.l10n.t("Run");
  const chosen = await vscode.window.showInformationMessage(notice, { modal: true }, run);
  if (chosen === run) await termsTold(baseUrl);
  return chosen === run;
}
