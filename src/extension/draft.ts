/** What the next run shall be: one draft for the panel, the tree's ticks and the commands. */
import * as vscode from "vscode";
import { draftSchema, type Draft } from "../protocol/panel.ts";
import { initialDraft } from "./settings.ts";

export interface DraftStore {
  get(): Draft;
  set(draft: Draft): void;
  readonly onDidChange: vscode.Event<void>;
}

export function createDraft(memory: vscode.Memento): DraftStore {
  const changed = new vscode.EventEmitter<void>();
  const saved = draftSchema.safeParse(memory.get("draft"));
  let draft = saved.success ? saved.data : initialDraft();
  return {
    get: () => draft,
    set(next) {
      draft = next;
      void memory.update("draft", next);
      changed.fire();
    },
    onDidChange: changed.event,
  };
}
