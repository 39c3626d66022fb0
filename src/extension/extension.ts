/**
 * The entry: tells VS Code what there is and does nothing else. Everything that works lies in app.ts,
 * which is loaded when something is first used; that keeps starting the editor quick.
 */
import * as vscode from "vscode";
import type { App } from "./app.ts";
import { commandIds } from "./commands/table.ts";
import { createLazyTree, type TreeNode } from "./trees/lazyTree.ts";

/** What the entry has registered and the app fills with life. */
export interface Shell {
  context: vscode.ExtensionContext;
  knowledge: TreeHandle;
  runs: TreeHandle;
  modelsChanged: vscode.EventEmitter<void>;
  decorationsChanged: vscode.EventEmitter<undefined>;
}

export interface TreeHandle {
  view: vscode.TreeView<TreeNode>;
  changed: vscode.EventEmitter<TreeNode | undefined>;
}

export function activate(context: vscode.ExtensionContext): { app(): Promise<App> } {
  const keep = <T extends vscode.Disposable>(thing: T): T => (context.subscriptions.push(thing), thing);
  let loaded: Promise<App> | undefined;
  const app = (): Promise<App> => (loaded ??= import("./app.ts").then(({ createApp }) => createApp(shell)));

  const tree = (id: string, name: "knowledgeTree" | "runsTree", canSelectMany: boolean): TreeHandle => {
    const changed = keep(new vscode.EventEmitter<TreeNode | undefined>());
    const treeDataProvider = createLazyTree(changed.event, async () => (await app())[name]);
    return { changed, view: keep(vscode.window.createTreeView(id, { treeDataProvider, showCollapseAll: true, canSelectMany, manageCheckboxStateManually: true })) };
  };
  const shell: Shell = {
    context,
    knowledge: tree("distillery.knowledge", "knowledgeTree", false),
    runs: tree("distillery.runs", "runsTree", true),
    modelsChanged: keep(new vscode.EventEmitter<void>()),
    decorationsChanged: keep(new vscode.EventEmitter<undefined>()),
  };

  for (const id of commandIds) keep(vscode.commands.registerCommand(id, async (...args: unknown[]) => (await app()).command(id, args)));
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
  keep(vscode.tasks.registerTaskProvider("distillery", { provideTasks: async () => (await app()).tasks(), resolveTask: async (task) => (await app()).resolveTask(task) }));
  registerConversation(keep, shell, app);
  void vscode.commands.executeCommand("setContext", "distillery.active", true);
  // Only a folder with runs in it has anything to show before somebody asks.
  if (vscode.workspace.isTrusted) void whenRunsExist().then((exist) => (exist ? app().then(({ noticeInterrupted }) => noticeInterrupted()) : undefined));
  context.subscriptions.push({ dispose: () => void loaded?.then((started) => started.dispose()) });
  return { app };
}

/** Gives what is under way a chance to end in order; VS Code waits for a few seconds. */
export async function deactivate(): Promise<void> {
  await ending?.();
}
let ending: (() => Promise<void>) | undefined;
export function onEnd(end: () => Promise<void>): void {
  ending = end;
}

function registerConversation(keep: <T extends vscode.Disposable>(thing: T) => T, shell: Shell, app: () => Promise<App>): void {
  const participant = keep(
    vscode.chat.createChatParticipant("distillery.student", async (request, history, response, token) =>
      (await app()).conversation.participant(request, history, response, token),
    ),
  );
  participant.iconPath = new vscode.ThemeIcon("mortar-board");
  participant.followupProvider = { provideFollowups: async (result) => (await app()).conversation.followups(result) };
  keep(
    vscode.lm.registerLanguageModelChatProvider("distillery", {
      onDidChangeLanguageModelChatInformation: shell.modelsChanged.event,
      provideLanguageModelChatInformation: async (options) => (await app()).conversation.models(options.silent),
      provideLanguageModelChatResponse: async (model, messages, options, progress, token) =>
        (await app()).conversation.respond(model, messages, options, progress, token),
      provideTokenCount: async (_model, text) => (await app()).conversation.countTokens(text),
    }),
  );
  keep(
    vscode.lm.registerTool<{ question: string; model?: "tuned" | "base" }>("distillery_ask_student", {
      invoke: async (options, token) => (await app()).conversation.tool(options.input, token),
      prepareInvocation: ({ input }) => ({ invocationMessage: vscode.l10n.t("Asking the student: {0}", String(input.question).slice(0, 80)) }),
    }),
  );
}

const isCheckpoint = (uri: vscode.Uri): boolean =>
  uri.scheme === "distillery-checkpoint" || (uri.scheme === "file" && /[\\/]\.distillery[\\/]runs[\\/].*\.json$/.test(uri.fsPath));

async function whenRunsExist(): Promise<boolean> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  if (!folder) return false;
  const runs = vscode.Uri.joinPath(folder, ".distillery", "runs");
  return vscode.workspace.fs.readDirectory(runs).then((entries) => entries.length > 0, () => false);
}
