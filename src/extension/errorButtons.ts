/** The button that does what an error's `next` says, where the editor can do it. */
import * as vscode from "vscode";
import type { ErrorCode } from "../protocol/errors.ts";
import type { CommandId } from "./commands/table.ts";

export interface Button {
  label: string;
  command: CommandId | "workbench.action.openSettings";
  args?: readonly unknown[];
}

const resume = (): Button => ({ label: vscode.l10n.t("Resume"), command: "distillery.resume" });
const rerun = (): Button => ({ label: vscode.l10n.t("Run Stage…"), command: "distillery.runStage" });
const setup = (): Button => ({ label: vscode.l10n.t("Check Set-up"), command: "distillery.checkSetup" });
const repair = (): Button => ({ label: vscode.l10n.t("Set Up Environment"), command: "distillery.setUpEnvironment" });
const setKey = (): Button => ({ label: vscode.l10n.t("Set API Key"), command: "distillery.setApiKey" });
const editorModel = (): Button => ({
  label: vscode.l10n.t("Choose Model"),
  command: "distillery.chooseEditorModel",
});
const topics = (): Button => ({ label: vscode.l10n.t("Choose Topics"), command: "distillery.chooseTopics" });
const knowledge = (): Button => ({ label: vscode.l10n.t("New Knowledge Base"), command: "distillery.newKnowledge" });
const students = (): Button => ({ label: vscode.l10n.t("Use as Student"), command: "distillery.useAsStudent" });
const restore = (): Button => ({ label: vscode.l10n.t("Restore Run…"), command: "distillery.restoreRun" });
const download = (): Button => ({
  label: vscode.l10n.t("Download Student Model"),
  command: "distillery.downloadStudent",
});
const refresh = (): Button => ({ label: vscode.l10n.t("Refresh"), command: "distillery.refresh" });
const settings = (query: string) => (): Button => ({
  label: vscode.l10n.t("Open Settings"),
  command: "workbench.action.openSettings",
  args: [query],
});

/** Null: the message says what to do, and no command does it. A code that is forgotten does not compile. */
const buttons: Record<ErrorCode, (() => Button) | null> = {
  E_USAGE: null,
  E_SETTINGS: settings("distillery"),
  E_KNOWLEDGE: knowledge,
  E_TOPIC: topics,
  E_QUESTIONS_FILE: null,
  E_NO_QUESTIONS: topics,
  E_PY_ENV: repair,
  E_ENV_HASH: repair,
  E_MODEL_FILE: repair,
  E_STUDENT_UNSUITABLE: download,
  E_DOWNLOAD: download,
  E_MODEL_LOAD: resume,
  E_STUDENT_DIED: resume,
  E_TRAINER_DIED: resume,
  E_TRAINER_HUNG: resume,
  E_TRAINER: settings("distillery.training"),
  E_PROTOCOL: repair,
  E_LOSS_NAN: settings("distillery.training"),
  E_MODULES: settings("distillery.training"),
  E_OUT_OF_MEMORY: settings("distillery.training"),
  E_CPU_FALLBACK: settings("distillery.training.cpuFallback"),
  E_EVAL_NOTHING_SCORED: resume,
  E_DISK_FULL: resume,
  E_STORAGE: resume,
  E_READ_ONLY: null,
  E_CKPT_CORRUPT: resume,
  E_CKPT_SCHEMA: resume,
  E_CKPT_NEWER: null,
  E_JOURNAL_CORRUPT: resume,
  E_ARTEFACT_MISSING: rerun,
  E_ARTEFACT_MISMATCH: rerun,
  E_LEDGER: rerun,
  E_EXPORT_UNPROVED: null,
  E_STUDENT_FILE: students,
  E_RUN_LOCKED: refresh,
  E_RUN_UNKNOWN: refresh,
  E_REVIEW: null,
  E_REVIEW_FILE: resume,
  E_BACKUP: restore,
  E_PATH_OUTSIDE: null,
  E_UNSAFE_FORMAT: null,
  E_EDITOR_MODEL: editorModel,
  E_AUTH: setKey,
  E_NO_KEY: setKey,
  E_MODEL_NAME: settings("distillery.teacher"),
  E_QUOTA: resume,
  E_BUDGET: settings("distillery.teacher"),
  E_SERVICE: resume,
  E_ENDPOINT: setup,
  E_TEACHER_OUTPUT: settings("distillery.teacher"),
  E_STOPPED: resume,
};

export const buttonOf = (code: ErrorCode): Button | null => buttons[code]?.() ?? null;
