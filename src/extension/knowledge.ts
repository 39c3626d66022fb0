/** The knowledge base of this window, read once and again when its files change. */
import { cp, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as vscode from "vscode";
import { createKnowledgeFolder } from "../pipeline/adapters/knowledgeFolder.ts";
import { UserError } from "../protocol/errors.ts";
import type { Knowledge, Section } from "../protocol/model.ts";
import { configuration } from "./configuration.ts";
import { knowledgeFolder, sampleFolder, workspaceFolder } from "./place.ts";

export interface KnowledgeStore {
  /** Null while there is none; its problem says why. Never throws for what a person can act on. */
  read(): Promise<Knowledge | null>;
  readonly problem: string | null;
  folder(): string | null;
  section(id: string): Promise<Section | null>;
  /** Copies the bundled one into the workspace, or opens a copy of its own where no folder is open. */
  openSample(): Promise<void>;
  useThisFolder(): Promise<void>;
  /** Writes a starting page into a new folder `knowledge`. */
  create(): Promise<void>;
  forget(): void;
  readonly onDidChange: vscode.Event<void>;
}

export function createKnowledge(context: vscode.ExtensionContext): KnowledgeStore & vscode.Disposable {
  const changed = new vscode.EventEmitter<void>();
  let known: Promise<Knowledge | null> | null = null;
  let problem: string | null = null;
  let timer: NodeJS.Timeout | undefined;
  const forget = () => {
    known = null;
    clearTimeout(timer);
    timer = setTimeout(() => changed.fire(), 200);
  };
  const watcher = vscode.workspace.createFileSystemWatcher("**/*.{md,markdown,txt}");
  const settingsWatcher = vscode.workspace.createFileSystemWatcher("**/distillery.json");
  const watchers = [watcher, settingsWatcher].flatMap((each) => [
    each,
    each.onDidChange(forget),
    each.onDidCreate(forget),
    each.onDidDelete(forget),
  ]);
  const settings = vscode.workspace.onDidChangeConfiguration(
    (event) => event.affectsConfiguration("distillery.knowledge") && forget(),
  );

  async function load(): Promise<Knowledge | null> {
    problem = null;
    const folder = knowledgeFolder();
    let found: Knowledge | null = null;
    try {
      if (folder) found = await createKnowledgeFolder(folder).read();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      problem = error.message;
    }
    void vscode.commands.executeCommand("setContext", "distillery.hasKnowledge", found !== null);
    return found;
  }

  const self: KnowledgeStore & vscode.Disposable = {
    read: () => (known ??= load()),
    get problem() {
      return problem;
    },
    folder: knowledgeFolder,
    section: async (id) => (await self.read())?.sections.find((section) => section.id === id) ?? null,
    async openSample() {
      const workspace = workspaceFolder();
      if (workspace === null) {
        const folder = join(context.globalStorageUri.fsPath, "sample");
        await copySample(join(folder, "knowledge"));
        await vscode.commands.executeCommand("vscode.openFolder", vscode.Uri.file(folder));
        return;
      }
      await copySample(join(workspace, "knowledge"));
      await configuration().update("knowledge.folder", undefined, vscode.ConfigurationTarget.Workspace);
      forget();
    },
    async useThisFolder() {
      await configuration().update("knowledge.folder", ".", vscode.ConfigurationTarget.Workspace);
      forget();
    },
    async create() {
      const workspace = workspaceFolder();
      if (workspace === null) throw new UserError("E_KNOWLEDGE", vscode.l10n.t("No folder is open in this window."));
      const folder = join(workspace, "knowledge");
      await mkdir(folder, { recursive: true });
      const page = join(folder, "first-topic.md");
      await writeFile(page, starter, { flag: "wx" }).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "EEXIST") throw error;
      });
      forget();
      await vscode.window.showTextDocument(vscode.Uri.file(page));
    },
    forget,
    onDidChange: changed.event,
    dispose() {
      clearTimeout(timer);
      for (const each of [...watchers, settings, changed]) each.dispose();
    },
  };
  return self;
}

/** Nothing that is there already is touched. */
async function copySample(target: string): Promise<void> {
  const there = await readdir(target).catch(() => []);
  if (there.length > 0) return;
  await mkdir(target, { recursive: true });
  await cp(sampleFolder(), target, { recursive: true, force: false, errorOnExist: false });
}

const starter = `# First topic

One Markdown file makes a topic; each heading below it makes a section. Questions are made from
sections, so write whole sentences with facts in them.

## What a section is

A section is the text under one heading. It should have at least forty words, say things that can be
asked for, and name them: numbers, names, limits, reasons. Text that only points elsewhere teaches nothing.

## How much is enough

Ten sections are enough to see that it works, a hundred make a useful student. Sections that are kept
unseen show whether the student also became better, or worse, at what it was never taught.
`;
