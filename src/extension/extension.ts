/**
 * The entry: tells VS Code what there is and does nothing else. Everything that works lies in app.ts,
 * which is loaded when something is first used; that keeps starting the editor quick.
 */
import * as vscode from "vscode";
import type { App } from "./app.ts";
import { registerConversation } from "./chat/register.ts";
import { commandIds } from "./commands/table.ts";
import { registerReview } from "./review/register.ts";
import { registerTasks } from "./tasks.ts";
import { createLazyTree, type TreeNode } from "./trees/lazyTree.ts";

/** What the entry has registered and the app fills with life. */
export interface Shell {
  context: vscode.ExtensionContext;
  knowledge: TreeHandle;
  runs: TreeHandle;
  modelsChanged: vscode.EventEmitter<void>;
  decorationsChanged: vscode.EventEmitter<undefined>;
  lensesChanged: vscode.EventEmitter<void>;
}

export interface TreeHandle {
  view: vscode.TreeView<TreeNode>;
  changed: vscode.EventEmitter<TreeNode | undefined>;
}

let loaded: Promise<App> | undefined;

export function activate(context: vscode.ExtensionContext): { app(): Promise<App> } {
  const keep = <T extends vscode.Disposable>(thing: T): T => (context.subscriptions.push(thing), thing);
  const app = (): Promise<App> => (loaded ??= import("./app.ts").then(({ createApp }) => createApp(shell)));

  const tree = (id: string, name: "knowledgeTree" | "runsTree", canSelectMany: boolean): TreeHandle => {
    const changed = keep(new vscode.EventEmitter<TreeNode | undefined>());
    const treeDataProvider = createLazyTree(changed.event, async () => (await app())[name]);
    return {
      changed,
      view: keep(
        vscode.window.createTreeView(id, {
          treeDataProvider,
          showCollapseAll: true,
          canSelectMany,
          manageCheckboxStateManually: true,
        }),
      ),
    };
  };
  const shell: Shell = {
    context,
    knowledge: tree("distillery.knowledge", "knowledgeTree", false),
    runs: tree("distillery.runs", "runsTree", true),
    modelsChanged: keep(new vscode.EventEmitter<void>()),
    decorationsChanged: keep(new vscode.EventEmitter<undefined>()),
    lensesChanged: keep(new vscode.EventEmitter<void>()),
  };

  for (const id of commandIds)
    keep(vscode.commands.registerCommand(id, async (...args: unknown[]) => (await app()).command(id, args)));
  keep(
    vscode.window.registerWebviewPanelSerializer("distillery.panel", {
      deserializeWebviewPanel: async (panel, state) => (await app()).panel.restore(panel, state),
    }),
  );
  keep(
    vscode.window.registerCustomEditorProvider("distillery.checkpoint", {
      resolveCustomTextEditor: async (document, panel) => (await app()).showCheckpoint(document, panel),
    }),
  );
  keep(
    vscode.window.registerFileDecorationProvider({
      onDidChangeFileDecorations: shell.decorationsChanged.event,
      provideFileDecoration: async (uri) => (isCheckpoint(uri) ? (await app()).decoration(uri) : undefined),
    }),
  );
  keep(registerTasks(app));
  registerConversation(shell.modelsChanged.event, whenRunsExist, app).forEach(keep);
  registerReview(shell.lensesChanged.event, whenRunsExist, app).forEach(keep);
  // Only a folder with runs in it has anything to show before somebody asks.
  if (vscode.workspace.isTrusted)
    void whenRunsExist().then((exist) => {
      // The commands over runs are in the palette before the tree of runs was ever shown.
      void vscode.commands.executeCommand("setContext", "distillery.hasRuns", exist);
      return exist ? app().then(({ noticeInterrupted }) => noticeInterrupted()) : undefined;
    });
  return { app };
}

/** Gives what is under way a chance to end in order; VS Code waits for a few seconds. */
export async function deactivate(): Promise<void> {
  await (await loaded)?.dispose();
}

const isCheckpoint = (uri: vscode.Uri): boolean =>
  uri.scheme === "distillery-checkpoint" ||
  (uri.scheme === "file" && /[\\/]\.distillery[\\/]runs[\\/].*\.json$/.test(uri.fsPath));

async function whenRunsExist(): Promise<boolean> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  if (!folder) return false;
  const runs = vscode.Uri.joinPath(folder, ".distillery", "runs");
  return vscode.workspace.fs.readDirectory(runs).then(
    (entries) => entries.length > 0,
    () => false,
  );
}
