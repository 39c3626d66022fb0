/** The terminal of a task of type "distillery". */
import * as vscode from "vscode";
import type { AppParts } from "./app.ts";
import { stageIds } from "../protocol/model.ts";
import { UserError } from "../protocol/errors.ts";
import { duration, stageTitle } from "./words.ts";

/** Mirrors the run; Ctrl+C and closing the terminal stop it, and everything finished is kept. */
export function taskTerminal(
  { runner, panel, history }: AppParts,
  definition: vscode.TaskDefinition,
): vscode.Pseudoterminal {
  const write = new vscode.EventEmitter<string>();
  const close = new vscode.EventEmitter<number>();
  const said = new Map<string, string>();
  const listener = runner.onDidChange(() => {
    for (const stage of stageIds) {
      const state = runner.state.stages[stage];
      const line =
        state.status === "running"
          ? `${stageTitle(stage)} …`
          : state.status === "waiting"
            ? ""
            : `${stageTitle(stage)}: ${state.status}${state.seconds === null ? "" : ` (${duration(state.seconds)})`} ${state.summary}`;
      if (line && said.get(stage) !== line) write.fire(`${line}\r\n`);
      said.set(stage, line);
    }
  });
  async function work(): Promise<void> {
    if (definition["action"] === "resume") {
      const [newest] = await history.runs();
      if (!newest) throw new UserError("E_RUN_UNKNOWN", "There is no run yet.");
      return runner.resume(newest.id);
    }
    return panel.startRun();
  }
  return {
    onDidWrite: write.event,
    onDidClose: close.event,
    open() {
      work().then(
        () => (write.fire(`${runner.state.sentence}\r\n`), close.fire(0)),
        (error: unknown) => (
          write.fire(
            `${error instanceof UserError ? `${error.message} ${error.next} (${error.code})` : String(error)}\r\n`,
          ),
          close.fire(1)
        ),
      );
    },
    handleInput: (data) => data === "\u0003" && void runner.stop(),
    close() {
      listener.dispose();
      void runner.stop();
    },
  };
}
