/** Which run's tuned student is in use: the one a person chose, else the newest that has one. */
import * as vscode from "vscode";
import type { History } from "../run/history.ts";
import { tunedOf, type TunedStudent } from "./tuned.ts";
import { UserError } from "../../protocol/errors.ts";

export interface Adopted {
  /** The chosen run's id; null when none was chosen. */
  readonly chosen: string | null;
  /** All runs that were ever chosen here and still exist: each is a language model of its own. */
  all(): Promise<TunedStudent[]>;
  /** The tuned student that answers now, or null. */
  current(): Promise<TunedStudent | null>;
  choose(run: string): Promise<TunedStudent>;
  readonly onDidChange: vscode.Event<void>;
}

export function createAdopted(memory: vscode.Memento, history: History): Adopted {
  const changed = new vscode.EventEmitter<void>();
  const list = () => memory.get<string[]>("adopted", []);
  const chosen = () => memory.get<string | null>("student", null);
  const orNull = (run: string) =>
    tunedOf(history, run).catch((error: unknown) => {
      if (error instanceof UserError) return null;
      throw error;
    });
  return {
    get chosen() {
      return chosen();
    },
    async all() {
      const found = await Promise.all(list().map(orNull));
      return found.filter((each) => each !== null);
    },
    async current() {
      const own = chosen();
      const first = own === null ? null : await orNull(own);
      if (first) return first;
      for (const { id } of (await history.runs()).slice(0, 20)) {
        const found = await orNull(id);
        if (found) return found;
      }
      return null;
    },
    async choose(run) {
      const tuned = await tunedOf(history, run);
      await memory.update("student", run);
      await memory.update("adopted", [run, ...list().filter((each) => each !== run)].slice(0, 20));
      changed.fire();
      return tuned;
    },
    onDidChange: changed.event,
  };
}
