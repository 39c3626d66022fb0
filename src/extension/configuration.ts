/** How settings are read; apart from what is made of them, so that the entry can read one without loading that. */
import * as vscode from "vscode";

export const configuration = () => vscode.workspace.getConfiguration("distillery");

/**
 * A value no workspace file may set: the user's own, else the default. VS Code ignores machine-scoped
 * values of a workspace by itself; this holds where it is asked for a workspace it does not yet trust, too.
 */
export function ownValue<T>(name: string, fallback: T): T {
  const found = configuration().inspect<T>(name);
  return found?.globalValue ?? found?.defaultValue ?? fallback;
}

export const studentId = (): string => ownValue("student.model", "smollm2-135m");
