/** The extension as the tests reach it, and stand-ins for the questions it asks a person. */
import assert from "node:assert/strict";
import * as vscode from "vscode";
import type { App } from "../../src/extension/app.ts";

export const extension = (): vscode.Extension<{ app(): Promise<App> }> => {
  const found = vscode.extensions.getExtension<{ app(): Promise<App> }>("distillery.distillery");
  assert.ok(found, "the extension is installed");
  return found;
};

export async function theApp(): Promise<App> {
  const { app } = await extension().activate();
  return app();
}

export const workspace = (): string => vscode.workspace.workspaceFolders![0]!.uri.fsPath;

type Window = typeof vscode.window;
type Dialog =
  | "showQuickPick"
  | "showInputBox"
  | "showInformationMessage"
  | "showWarningMessage"
  | "showErrorMessage"
  | "showOpenDialog"
  | "showSaveDialog";

/** Answers one kind of dialog for the time of `work`; hands over what was asked. */
export async function answering<T>(
  dialog: Dialog,
  answer: (...args: never[]) => unknown,
  work: () => Promise<T>,
): Promise<T> {
  const window = vscode.window as { -readonly [Key in keyof Window]: Window[Key] };
  const original = window[dialog];
  window[dialog] = (async (...args: never[]) => answer(...args)) as never;
  try {
    return await work();
  } finally {
    window[dialog] = original as never;
  }
}

/** What people were told as errors during `work`. */
export async function toldDuring(work: () => Promise<unknown>): Promise<string[]> {
  const told: string[] = [];
  await answering("showErrorMessage", (text: string) => void told.push(text), work);
  return told;
}

/** A setting of the user for the time of `work`. */
export async function withSetting<T>(name: string, value: unknown, work: () => Promise<T>): Promise<T> {
  const set = (to: unknown) =>
    vscode.workspace.getConfiguration("distillery").update(name, to, vscode.ConfigurationTarget.Global);
  await set(value);
  try {
    return await work();
  } finally {
    await set(undefined);
  }
}

/** Waits until `look` gives something, for at most `seconds`. */
export async function until<T>(what: string, look: () => T | Promise<T>, seconds = 20): Promise<NonNullable<T>> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`timed out waiting for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
