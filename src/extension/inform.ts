/** Notifications of what others may have had a hand in: a service, the name of a file, a student or a run. */
import * as vscode from "vscode";

/**
 * VS Code makes links of `[words](address)` in a notification, also such that run a command; with a sign of no width
 * between the brackets it is shown as it stands.
 */
export const plain = (text: string): string => text.replaceAll("](", "]\u200B(");

/** Shows a text with buttons. @returns the one that was chosen */
export const inform = (text: string, ...buttons: string[]): Thenable<string | undefined> =>
  vscode.window.showInformationMessage(plain(text), ...buttons);
