/** The student as entries of VS Code's list of language models. */
import * as vscode from "vscode";
import type { TunedStudent } from "../../pipeline/ports.ts";
import { configuration, studentId } from "../configuration.ts";

export const baseId = "base";
export const tunedId = (run: string): string => `run ${run}`;

/** The untuned student first; nothing in Restricted Mode, where no model may run. */
export function listedModels(tuned: readonly TunedStudent[]): vscode.LanguageModelChatInformation[] {
  if (!vscode.workspace.isTrusted) return [];
  const shared = {
    family: studentId(),
    version: "1",
    maxInputTokens: 1500,
    maxOutputTokens: 500,
    capabilities: { toolCalling: configuration().get("student.advertiseToolCalling", false), imageInput: false },
  };
  return [
    { ...shared, id: baseId, name: vscode.l10n.t("Student, untuned"), detail: studentId() },
    ...tuned.map((each) => ({
      ...shared,
      id: tunedId(each.run),
      name: vscode.l10n.t("Student, tuned ({0})", each.run),
      detail: [each.settings.student, each.score].filter(Boolean).join(" · "),
    })),
  ];
}
