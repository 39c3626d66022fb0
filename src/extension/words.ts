/** Words and numbers for people. */
import * as vscode from "vscode";
import type { StageId } from "../protocol/model.ts";

/** Titles of the stored stages; the tuned two are one on screen and two on disk. */
const titles: Record<StageId, string> = {
  questions: vscode.l10n.t("Question generation"),
  baselineAnswers: vscode.l10n.t("Baseline answers"),
  references: vscode.l10n.t("Reference answers"),
  baselineEvaluation: vscode.l10n.t("Baseline evaluation"),
  fineTuning: vscode.l10n.t("Fine-tuning"),
  tunedAnswers: vscode.l10n.t("Fine-tuned answers"),
  tunedEvaluation: vscode.l10n.t("Fine-tuned evaluation"),
  comparison: vscode.l10n.t("Comparison"),
};
export const stageTitle = (stage: StageId): string => titles[stage];

/** Seconds as "6 m 20 s". */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} m ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} m`;
}
