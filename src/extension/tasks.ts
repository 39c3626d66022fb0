/**
 * Tasks of type "distillery": a run from tasks.json, with its progress in a terminal. VS Code asks for them on
 * every start; the app is loaded when one runs.
 */
import * as vscode from "vscode";
import type { App } from "./app.ts";

export function registerTasks(app: () => Promise<App>): vscode.Disposable {
  const task = (definition: vscode.TaskDefinition, scope: vscode.Task["scope"], name: string) =>
    new vscode.Task(
      definition,
      scope ?? vscode.TaskScope.Workspace,
      name,
      "distillery",
      new vscode.CustomExecution(async () => (await app()).taskTerminal(definition)),
    );
  return vscode.tasks.registerTaskProvider("distillery", {
    provideTasks: () => [task({ type: "distillery", action: "run" }, undefined, "run")],
    resolveTask: ({ definition, scope, name }) => task(definition, scope, name),
  });
}
