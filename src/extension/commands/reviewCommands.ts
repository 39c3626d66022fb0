/** Deciding about questions and answers, and going on with what a changed section needs. */
import * as vscode from "vscode";
import type { AppParts } from "../app.ts";
import { staleSections } from "../../pipeline/stale.ts";
import type { ReviewRow, Verdict } from "../../pipeline/review.ts";
import { UserError } from "../../protocol/errors.ts";
import { idSchema } from "../../protocol/model.ts";
import type { ReviewAction } from "../../protocol/panel.ts";
import type { ReviewState } from "../../protocol/review.ts";
import { pickRun, runOf } from "./pickRun.ts";
import { inform } from "../inform.ts";

interface Target {
  run: string;
  id: string;
}

const stateWords: Record<ReviewState, string> = {
  open: "",
  unsupported: vscode.l10n.t("unsupported"),
  approved: vscode.l10n.t("approved"),
  edited: vscode.l10n.t("edited"),
  excluded: vscode.l10n.t("excluded"),
  "asked again": vscode.l10n.t("asked again"),
};

const actionWords: Record<ReviewAction, string> = {
  exclude: vscode.l10n.t("Exclude…"),
  edit: vscode.l10n.t("Edit…"),
  approve: vscode.l10n.t("Approve"),
  askAgain: vscode.l10n.t("Ask the teacher again"),
  undo: vscode.l10n.t("Undo the decision"),
};

export function reviewCommands(app: AppParts) {
  const { reviewer, knowledge, panel, runner } = app;

  async function rowOf({ run, id }: Target): Promise<ReviewRow> {
    const row = (await reviewer.of(run))?.rows.find((each) => each.id === id);
    if (!row) throw new UserError("E_REVIEW", vscode.l10n.t("There is no question or answer {0} in this run.", id));
    return row;
  }

  /** Null when the person gives up at a question. */
  async function verdictOf(action: ReviewAction, row: ReviewRow): Promise<Verdict | null> {
    if (action === "exclude") {
      const title = vscode.l10n.t("Why is “{0}” left out?", row.question);
      const reason = await vscode.window.showInputBox({ title, value: row.note });
      return reason?.trim() ? { action, reason } : null;
    }
    if (action === "edit") {
      const title =
        row.kind === "question"
          ? vscode.l10n.t("Another wording of the question")
          : vscode.l10n.t("The right answer to “{0}”", row.question);
      const text = await vscode.window.showInputBox({ title, value: row.text });
      return text?.trim() && text !== row.text ? { action, text } : null;
    }
    return { action };
  }

  async function take(action: ReviewAction, target: Target): Promise<void> {
    const verdict = await verdictOf(action, await rowOf(target));
    if (!verdict) return;
    const after = await reviewer.record(target.run, target.id, verdict);
    if (!after?.pending) return;
    void app.log.told(offerResume(target.run));
  }

  async function offerResume(run: string): Promise<void> {
    const resume = vscode.l10n.t("Resume Run");
    const text = vscode.l10n.t("Recorded. Resuming the run does what depends on it, and only that.");
    const chosen = await inform(text, resume);
    if (chosen === resume) await vscode.commands.executeCommand("distillery.resumeRun", { run });
  }

  async function pickRow(run: string, section: string | null): Promise<ReviewRow> {
    const rows = (await reviewer.of(run))?.rows.filter((row) => section === null || row.section === section) ?? [];
    const items = rows.map((row) => ({
      label: `${row.kind === "answer" ? "$(comment)" : "$(question)"} ${row.kind === "answer" ? row.question : row.text}`,
      description: [row.id, stateWords[row.state], row.note].filter(Boolean).join(" · "),
      ...(row.kind === "answer" ? { detail: row.text } : {}),
      row,
    }));
    const title = vscode.l10n.t("Questions and answers of the run");
    const picked = await vscode.window.showQuickPick(items, { title, matchOnDescription: true, matchOnDetail: true });
    if (!picked) throw new vscode.CancellationError();
    return picked.row;
  }

  async function pickAction(row: ReviewRow): Promise<ReviewAction> {
    const decided = row.state !== "open" && row.state !== "unsupported";
    const actions: ReviewAction[] = ["exclude", "edit", "approve"];
    if (row.kind === "answer") actions.push("askAgain");
    if (decided) actions.push("undo");
    const items = actions.map((action) => ({ label: actionWords[action], action }));
    const picked = await vscode.window.showQuickPick(items, { title: row.text });
    if (!picked) throw new vscode.CancellationError();
    return picked.action;
  }

  const on = (action: ReviewAction) => async (argument: unknown) => {
    const target = targetOf(argument);
    if (target) await take(action, target);
  };

  return {
    "distillery.excludeAnswer": on("exclude"),
    "distillery.editAnswer": on("edit"),
    "distillery.approveAnswer": on("approve"),
    "distillery.askAgain": on("askAgain"),
    "distillery.undoDecision": on("undo"),
    "distillery.reviewRun": async (argument: unknown) => {
      const run = await pickRun(app, argument, vscode.l10n.t("Review which run?"));
      const row = await pickRow(run, idIn(argument, "section"));
      await take(await pickAction(row), { run, id: row.id });
    },
    "distillery.redistil": async (argument: unknown) => {
      const run = runOf(argument) ?? (await reviewer.newest())?.run ?? null;
      const found = run === null ? null : await reviewer.of(run);
      const now = await knowledge.read();
      const stale = found && now ? staleSections(found.questions, now) : [];
      if (run === null || stale.length === 0) {
        void inform(vscode.l10n.t("No section that was asked about has changed since."));
        return;
      }
      panel.select(run, "run");
      await runner.resume(run);
    },
  };
}

function idIn(argument: unknown, name: "id" | "section"): string | null {
  const id = idSchema.safeParse((argument as Record<string, unknown> | null | undefined)?.[name]);
  return id.success ? id.data : null;
}

/** The `{ run, id }` that lenses, quick fixes and the panel hand over. */
function targetOf(argument: unknown): Target | null {
  const run = runOf(argument);
  const id = idIn(argument, "id");
  return run && id ? { run, id } : null;
}
