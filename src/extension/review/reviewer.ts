/** Decisions about the questions and answers of runs: reads them with what they are about, and records them. */
import * as vscode from "vscode";
import {
  decide,
  reviewable,
  reviewRows,
  type Reviewable,
  type ReviewRow,
  type Verdict,
} from "../../pipeline/review.ts";
import { UserError } from "../../protocol/errors.ts";
import type { KnowledgeStore } from "../knowledge.ts";
import { knowledgeName } from "../place.ts";
import type { History } from "../run/history.ts";
import type { Runner } from "../run/runner.ts";

export interface ReviewedRun extends Reviewable {
  run: string;
  rows: ReviewRow[];
}

export interface Reviewer extends vscode.Disposable {
  /** What of a run can be reviewed; null before its first question. */
  of(run: string): Promise<ReviewedRun | null>;
  /** The newest run on this window's knowledge base that has questions. */
  newest(): Promise<ReviewedRun | null>;
  /** @throws UserError E_REVIEW, E_RUN_LOCKED. */
  record(run: string, id: string, verdict: Verdict): Promise<ReviewRow | null>;
  readonly onDidChange: vscode.Event<void>;
}

interface ReviewerParts {
  history: History;
  knowledge: KnowledgeStore;
  runner: Runner;
}

export function createReviewer({ history, knowledge, runner }: ReviewerParts): Reviewer {
  const changed = new vscode.EventEmitter<void>();

  async function of(run: string): Promise<ReviewedRun | null> {
    const found = reviewable(await history.checkpoints(run).catch(() => []));
    if (!found) return null;
    return { ...found, run, rows: reviewRows(found.questions, found.references, await history.review(run)) };
  }

  return {
    of,
    async newest() {
      const folder = knowledge.folder();
      if (folder === null) return null;
      for (const entry of await history.runs())
        if ("file" in entry && entry.file.knowledge === knowledgeName(folder)) {
          const found = await of(entry.id);
          if (found) return found;
        }
      return null;
    },
    async record(run, id, verdict) {
      if (runner.running && runner.state.run === run)
        throw new UserError("E_RUN_LOCKED", vscode.l10n.t("This run is going on. Stop it first."));
      const found = reviewable(await history.checkpoints(run));
      if (!found) throw new UserError("E_REVIEW", vscode.l10n.t("Nothing was asked in this run yet."));
      const store = await (await history.store()).open(run);
      try {
        await store.writeReview(decide(await store.readReview(), id, verdict, found.questions, found.references));
      } finally {
        await store.close();
      }
      changed.fire();
      return (await of(run))?.rows.find((row) => row.id === id) ?? null;
    },
    onDidChange: changed.event,
    dispose: () => changed.dispose(),
  };
}
