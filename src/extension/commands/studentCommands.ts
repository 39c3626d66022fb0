/** Which student is in use: choosing one, going back to the former, and how it came to be. */
import * as vscode from "vscode";
import type { AppParts } from "../app.ts";
import { sameStudent } from "../../pipeline/adoption.ts";
import type { StudentChange, StudentEntry } from "../../protocol/student.ts";
import { pickRun } from "./pickRun.ts";
import { inform } from "../inform.ts";

export function studentCommands(app: AppParts) {
  const { adopted, labels } = app;
  const nameOf = ({ run, cycle }: StudentEntry) => vscode.l10n.t("{0}, cycle {1}", labels.of(run) ?? run, cycle);
  const tell = (text: string) => void vscode.window.setStatusBarMessage(text, 5000);
  const answers = (entry: StudentEntry) => tell(vscode.l10n.t("The student of {0} answers now.", nameOf(entry)));

  return {
    "distillery.useAsStudent": async (argument: unknown) =>
      answers(await adopted.choose(await pickRun(app, argument, vscode.l10n.t("Whose tuned student shall answer?")))),
    "distillery.rollBackStudent": async () => {
      const { from, to } = await adopted.rollBack();
      tell(vscode.l10n.t("Back from {0} to {1}, verified by its hash.", nameOf(from), nameOf(to)));
    },
    "distillery.studentHistory": async () => {
      await adopted.reload();
      const { history } = adopted;
      const current = history.at(-1)?.to;
      if (!current) {
        void inform(vscode.l10n.t("No student was taken into use yet."));
        return;
      }
      const item = (change: StudentChange) => ({
        label: `${sameStudent(change.to, current) ? "$(mortar-board) " : ""}${nameOf(change.to)}`,
        description: `${new Date(change.at).toLocaleString()} · ${change.to.adapterHash.slice(0, 12)}`,
        detail: change.why,
        entry: change.to,
      });
      const picked = await vscode.window.showQuickPick(history.map(item).reverse(), {
        title: vscode.l10n.t("Students that were in use, newest first. Pick one to use it again."),
        matchOnDetail: true,
      });
      if (picked && !sameStudent(picked.entry, current)) answers(await adopted.chooseAgain(picked.entry));
    },
  };
}
