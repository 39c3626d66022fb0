/** A checkpoint file as a page for people. JSON stays the default editor; nothing here can change the file. */
import * as vscode from "vscode";
import { decodeCheckpoint } from "../pipeline/adapters/checkpointFile.ts";
import { UserError } from "../protocol/errors.ts";
import type { StageId } from "../protocol/model.ts";
import type { CheckpointFrame } from "../protocol/run.ts";
import { duration, stageTitle } from "./words.ts";

const escaped = (text: string): string => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** Renders into the panel and again whenever the file changes. No script runs in the page. */
export function showCheckpoint(document: vscode.TextDocument, panel: vscode.WebviewPanel, media: vscode.Uri): void {
  panel.webview.options = { enableScripts: false, localResourceRoots: [media] };
  const style = panel.webview.asWebviewUri(vscode.Uri.joinPath(media, "webview.css"));
  const show = () => {
    panel.webview.html = `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src ${panel.webview.cspSource}">
<link rel="stylesheet" href="${style}"><title>Checkpoint</title></head><body><main>${page(document.getText())}</main></body></html>`;
  };
  const listener = vscode.workspace.onDidChangeTextDocument(
    (event) => event.document.uri.toString() === document.uri.toString() && show(),
  );
  panel.onDidDispose(() => listener.dispose());
  show();
}

/** HTML in which every text of the file is escaped. What does not verify is told, and not shown. */
export function page(text: string): string {
  let checkpoint: CheckpointFrame;
  try {
    const { run, cycle, stage } = identity(text);
    checkpoint = decodeCheckpoint(Buffer.from(text), { run, cycle, stage }, "").frame;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return `<h1>${escaped(vscode.l10n.t("Not a sound checkpoint"))}</h1><p>${escaped(`${vscode.l10n.t("This file")}${error.message}`)} (${error.code})</p>`;
  }
  const { stage, cycle, run, started, seconds, models, usage, fingerprint, params, output } = checkpoint;
  const facts: [string, string][] = [
    [vscode.l10n.t("Run"), run],
    [vscode.l10n.t("Started"), new Date(started).toLocaleString()],
    [vscode.l10n.t("Took"), duration(seconds)],
    ...Object.entries(models).map(([role, model]): [string, string] => [role, model]),
    ...(usage ? ([[vscode.l10n.t("Requests"), String(usage.requests)]] as [string, string][]) : []),
    [vscode.l10n.t("Fingerprint"), fingerprint.slice(0, 16)],
  ];
  return `<h1>${escaped(vscode.l10n.t("{0}, cycle {1}", stageTitle(stage), cycle))}</h1>
<table class="facts">${facts.map(([name, value]) => `<tr><th scope="row">${escaped(name)}</th><td>${escaped(value)}</td></tr>`).join("")}</table>
<h2>${escaped(vscode.l10n.t("Output"))}</h2>${shown(output)}
<h2>${escaped(vscode.l10n.t("Settings it depended on"))}</h2>${shown(params)}`;
}

/** What the file says it is; its place on the disk was checked by whoever opened it. */
function identity(text: string): { run: string; cycle: number; stage: StageId } {
  try {
    const { run, cycle, stage } = JSON.parse(text) as { run: string; cycle: number; stage: StageId };
    return { run, cycle, stage };
  } catch {
    return { run: "", cycle: 0, stage: "questions" };
  }
}

const mostRows = 400;

/** Any JSON value: lists of like objects as tables, objects as nested tables, the rest as text. */
function shown(value: unknown, depth = 0): string {
  if (value === null || typeof value !== "object") return `<span class="value">${escaped(String(value))}</span>`;
  if (depth > 6) return `<code>${escaped(JSON.stringify(value).slice(0, 500))}</code>`;
  const entries: [string, unknown][] = Object.entries(value);
  if (entries.length === 0) return "–";
  const rows = entries
    .slice(0, mostRows)
    .map(
      ([key, each]) =>
        `<tr><th scope="row">${escaped(Array.isArray(value) ? String(Number(key) + 1) : key)}</th><td>${shown(each, depth + 1)}</td></tr>`,
    );
  const more =
    entries.length > mostRows
      ? `<p>${escaped(vscode.l10n.t("{0} more are in the file.", entries.length - mostRows))}</p>`
      : "";
  return `<table class="data">${rows.join("")}</table>${more}`;
}
