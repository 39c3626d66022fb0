/** What the knowledge files show of the newest run: doubtful references as warnings, and what rests on a section. */
import { join } from "node:path";
import * as vscode from "vscode";
import { staleSections } from "../../pipeline/stale.ts";
import type { Section } from "../../protocol/model.ts";
import type { KnowledgeStore } from "../knowledge.ts";
import type { Log } from "../log.ts";
import { diagnosticSource } from "./register.ts";
import type { ReviewedRun, Reviewer } from "./reviewer.ts";

export interface Marks extends vscode.Disposable {
  /** Brings the warnings up to date. Does nothing before the workspace is trusted. */
  refresh(): Promise<void>;
  lenses(document: vscode.TextDocument): Promise<vscode.CodeLens[]>;
  actions(diagnostics: readonly vscode.Diagnostic[]): vscode.CodeAction[];
}

interface MarkParts {
  reviewer: Reviewer;
  knowledge: KnowledgeStore;
  log: Log;
  label(run: string): string | undefined;
  lensesChanged: vscode.EventEmitter<void>;
}

export function createMarks({ reviewer, knowledge, log, label, lensesChanged }: MarkParts): Marks {
  const collection = vscode.languages.createDiagnosticCollection("distillery");
  /** Which run the warnings are about. */
  let shown: string | null = null;
  let latest = 0;

  async function refresh(): Promise<void> {
    const mine = ++latest;
    const folder = knowledge.folder();
    const found = vscode.workspace.isTrusted && folder !== null ? await reviewer.newest().catch(noticed) : null;
    const sections = found ? ((await knowledge.read())?.sections ?? []) : [];
    if (mine !== latest) return;
    shown = found?.run ?? null;
    collection.clear();
    if (found && folder !== null)
      for (const [file, diagnostics] of warnings(found, sections))
        collection.set(vscode.Uri.file(join(folder, file)), diagnostics);
    lensesChanged.fire();
  }
  const noticed = (error: unknown): null => (
    log.channel.warn(error instanceof Error ? error.message : String(error)),
    null
  );

  return {
    refresh,
    async lenses(document) {
      const folder = knowledge.folder();
      if (!vscode.workspace.isTrusted || folder === null) return [];
      const current = (await knowledge.read())?.sections ?? [];
      const here = (section: Section) => join(folder, section.file) === document.uri.fsPath;
      const found = await reviewer.newest().catch(noticed);
      return found ? lensesOf(found, current, here, document, label(found.run) ?? found.run) : [];
    },
    actions(diagnostics) {
      const run = shown;
      if (run === null) return [];
      return diagnostics.flatMap((diagnostic) => {
        const { source, code } = diagnostic;
        return source === diagnosticSource && typeof code === "string" ? fixes(diagnostic, { run, id: code }) : [];
      });
    },
    dispose: () => collection.dispose(),
  };
}

/** By file. A section that changed since is not doubted: what is stale is told by its lens. */
function warnings({ rows, questions, references }: ReviewedRun, current: Section[]): Map<string, vscode.Diagnostic[]> {
  const now = new Map(current.map((section) => [section.id, section]));
  const then = new Map(questions.sections.map((section) => [section.id, section]));
  const found = new Map<string, vscode.Diagnostic[]>();
  for (const { id, kind, state, note, question, section: name } of rows) {
    const section = now.get(name);
    const asked = then.get(name);
    if (kind !== "answer" || state !== "unsupported" || !section || section.hash !== asked?.hash) continue;
    const quoted = references?.references[id]?.quotes.find(({ line }) => line !== null)?.line;
    const line = (quoted ? quoted - asked.firstLine + section.firstLine : section.firstLine) - 1;
    const diagnostic = new vscode.Diagnostic(
      new vscode.Range(line, 0, line, 1_000),
      vscode.l10n.t("The reference of “{0}” {1}.", question, note),
      vscode.DiagnosticSeverity.Warning,
    );
    diagnostic.source = diagnosticSource;
    diagnostic.code = id;
    found.set(section.file, [...(found.get(section.file) ?? []), diagnostic]);
  }
  return found;
}

function lensesOf(
  { run, questions }: ReviewedRun,
  current: Section[],
  here: (section: Section) => boolean,
  document: vscode.TextDocument,
  name: string,
): vscode.CodeLens[] {
  const stale = new Map(staleSections(questions, { sections: current }).map((each) => [each.section.id, each]));
  const now = new Map(current.map((section) => [section.id, section]));
  const resting = Map.groupBy(questions.questions, ({ section }) => section);
  const redistil = {
    title: vscode.l10n.t("Re-distil changed sections"),
    command: "distillery.redistil",
    arguments: [{ run }],
  };
  return questions.sections.filter(here).flatMap((section) => {
    const count = resting.get(section.id)?.length ?? 0;
    if (count === 0) return [];
    const place = now.get(section.id);
    const line = place ? headingLine(document, place.firstLine - 1) : 0;
    const range = new vscode.Range(line, 0, line, 0);
    const change = stale.get(section.id)?.change;
    const title =
      change === "removed"
        ? vscode.l10n.t("{0} questions of run {1} rest on “{2}”, which is gone", count, name, section.heading)
        : change === "edited"
          ? vscode.l10n.t("{0} questions of run {1} rest on this section; its text changed since", count, name)
          : vscode.l10n.t("{0} questions of run {1} rest on this section", count, name);
    const lens = new vscode.CodeLens(range, {
      title,
      command: "distillery.reviewRun",
      arguments: [{ run, section: section.id }],
    });
    return change ? [lens, new vscode.CodeLens(range, redistil)] : [lens];
  });
}

/** The heading above a section's first line, both from 0; that line itself where there is none. */
function headingLine(document: vscode.TextDocument, first: number): number {
  let line = Math.min(first, document.lineCount) - 1;
  while (line > 0 && document.lineAt(line).isEmptyOrWhitespace) line -= 1;
  return line >= 0 && /^\s{0,3}#/.test(document.lineAt(line).text) ? line : Math.min(first, document.lineCount - 1);
}

function fixes(diagnostic: vscode.Diagnostic, target: { run: string; id: string }): vscode.CodeAction[] {
  const fix = (title: string, command: string): vscode.CodeAction => {
    const action = new vscode.CodeAction(title, vscode.CodeActionKind.QuickFix);
    action.diagnostics = [diagnostic];
    action.command = { title, command, arguments: [target] };
    return action;
  };
  return [
    fix(vscode.l10n.t("Exclude this answer…"), "distillery.excludeAnswer"),
    fix(vscode.l10n.t("Edit this answer…"), "distillery.editAnswer"),
    fix(vscode.l10n.t("Ask the teacher again"), "distillery.askAgain"),
    fix(vscode.l10n.t("Approve this answer"), "distillery.approveAnswer"),
  ];
}
