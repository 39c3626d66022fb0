/** The page of the panel: no code inline, nothing remote, one script and one style sheet of our own. */
import { randomBytes } from "node:crypto";
import * as vscode from "vscode";
import type { PanelMessage } from "../../protocol/panel.ts";

/** @param last what the panel was sent before it was closed: the page shows it at once, while the present is read */
export function panelHtml(webview: vscode.Webview, folder: vscode.Uri, last: readonly PanelMessage[]): string {
  const nonce = randomBytes(16).toString("base64");
  const script = webview.asWebviewUri(vscode.Uri.joinPath(folder, "webview.js"));
  const style = webview.asWebviewUri(vscode.Uri.joinPath(folder, "webview.css"));
  const policy = `default-src 'none'; script-src 'nonce-${nonce}'; style-src ${webview.cspSource} 'nonce-${nonce}'; img-src ${webview.cspSource}; font-src ${webview.cspSource}`;
  // Data, which no policy runs; without a "<" nothing in it can end the element.
  const data = JSON.stringify(last).replaceAll("<", "\\u003c");
  return `<!DOCTYPE html>
<html lang="${vscode.env.language.replace(/[^A-Za-z-]/g, "")}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${style}">
<title>Distillery</title>
</head>
<body><main id="panel" aria-label="Distillery"></main><script type="application/json" id="last">${data}</script><script nonce="${nonce}" src="${script}"></script></body>
</html>`;
}
