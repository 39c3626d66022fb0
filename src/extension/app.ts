/** Wires everything of the extension by hand. Loaded when something is first used. */
import * as vscode from "vscode";
import { UserError } from "../protocol/errors.ts";
import { checkpointOf } from "./checkpointUri.ts";
import { showCheckpoint } from "./checkpointReport.ts";
import { createConversation, type Conversation } from "./chat/conversation.ts";
import { createHandlers } from "./commands/handlers.ts";
import type { CommandId } from "./commands/table.ts";
import { createDraft, type DraftStore } from "./draft.ts";
import type { Shell } from "./extension.ts";
import { createKeys, type Keys } from "./keys.ts";
import { createKnowledge, type KnowledgeStore } from "./knowledge.ts";
import { createLabels, type Labels } from "./labels.ts";
import { createLog, type Log } from "./log.ts";
import { createPanelHost, type PanelHost } from "./panel/panelHost.ts";
import { processLog } from "./place.ts";
import { createMarks, type Marks } from "./review/marks.ts";
import { createReviewer, type Reviewer } from "./review/reviewer.ts";
import { createHistory, type History } from "./run/history.ts";
import { createNotices } from "./run/notices.ts";
import { createRunner, type Runner } from "./run/runner.ts";
import { createStaleness } from "./run/staleness.ts";
import { createEnvironments, type Environments } from "./setup/environments.ts";
import { createStatusBar } from "./statusBar.ts";
import { createAdopted, type Adopted } from "./student/adopted.ts";
import { createAsker, type Asker } from "./student/asker.ts";
import { createEndings, type Endings } from "./teacher/endings.ts";
import { taskTerminal } from "./taskTerminal.ts";
import { createTexts, type Texts } from "./texts.ts";
import { createKnowledgeTree } from "./trees/knowledgeTree.ts";
import type { TreeContents } from "./trees/lazyTree.ts";
import { createRunsTree, type RunsTree } from "./trees/runsTree.ts";

export interface AppParts {
  shell: Shell;
  log: Log;
  keys: Keys;
  labels: Labels;
  draft: DraftStore;
  knowledge: KnowledgeStore;
  environments: Environments;
  history: History;
  endings: Endings;
  runner: Runner;
  adopted: Adopted;
  asker: Asker;
  conversation: Conversation;
  panel: PanelHost;
  runsTree: RunsTree;
  texts: Texts;
  reviewer: Reviewer;
}

export interface App extends AppParts {
  knowledgeTree: TreeContents;
  marks: Marks;
  command(id: CommandId, args: unknown[]): Promise<unknown>;
  showCheckpoint(document: vscode.TextDocument, panel: vscode.WebviewPanel): void;
  decoration(uri: vscode.Uri): Promise<vscode.FileDecoration | undefined>;
  taskTerminal(definition: vscode.TaskDefinition): vscode.Pseudoterminal;
  noticeInterrupted(): Promise<void>;
  /** Stops what runs, saves it and lets the models go. */
  dispose(): Promise<void>;
}

/** What may be done while the workspace is not trusted: look, and nothing else. */
const harmless: readonly CommandId[] = [
  "distillery.openPanel",
  "distillery.openReport",
  "distillery.showLog",
  "distillery.openWalkthrough",
  "distillery.openSection",
  "distillery.openCheckpoint",
  "distillery.refresh",
  "distillery.revealRun",
  "distillery.copyAsCli",
  "distillery.compareRuns",
  "distillery.compareWith",
];

export function createApp(shell: Shell): App {
  const { context } = shell;
  const memory = context.workspaceState;
  const log = createLog();
  let settingsChanged = (): void => {};
  const keys = createKeys(context.secrets, () => settingsChanged());
  const environments = createEnvironments(log, () => settingsChanged());
  const labels = createLabels(memory);
  const draft = createDraft(memory);
  const knowledge = createKnowledge(context);
  const history = createHistory(context);
  const endings = createEndings(context.globalState, keys, log);
  const runner = createRunner({ context, log, keys, environments, endings, history });
  const adopted = createAdopted({ context, history, log });
  const asker = createAsker({
    environments,
    knowledge,
    keys,
    log,
    logFile: () => processLog(context),
  });
  const staleness = createStaleness(history, knowledge);
  const texts = createTexts();
  const label = (run: string) => labels.of(run);
  const reviewer = createReviewer({ history, knowledge, runner });
  const marks = createMarks({ reviewer, knowledge, log, label, lensesChanged: shell.lensesChanged });
  const runsTree = createRunsTree({
    shell,
    history,
    runner,
    label,
    adopted: () => adopted.chosen,
    isStale: staleness.isStale,
  });
  const knowledgeTree = createKnowledgeTree(shell, knowledge, draft);
  const panel = createPanelHost({
    context,
    log,
    draft,
    environments,
    keys,
    knowledge,
    history,
    endings,
    runner,
    adopted,
    asker,
    reviewed: reviewer.onDidChange,
    label,
    command,
  });
  settingsChanged = panel.refreshSetup;
  const conversation = createConversation({ asker, adopted, knowledge });
  const notices = createNotices({ runner, history, log, memory, label });
  const parts: AppParts = {
    shell,
    log,
    keys,
    labels,
    draft,
    knowledge,
    environments,
    history,
    endings,
    runner,
    adopted,
    asker,
    conversation,
    panel,
    runsTree,
    texts,
    reviewer,
  };
  const handlers = createHandlers(parts);
  const statusBar = createStatusBar(runner, adopted);
  const listeners = [
    vscode.workspace.onDidChangeConfiguration(
      (event) => event.affectsConfiguration("distillery") && panel.refreshSetup(),
    ),
    vscode.workspace.onDidGrantWorkspaceTrust(() => (panel.refreshSetup(), mark())),
    knowledge.onDidChange(
      () => (staleness.forget(), runsTree.refresh(), shell.decorationsChanged.fire(undefined), mark()),
    ),
    // The newest tuned student is a language model as well, whether it was adopted or not.
    runner.onDidWrite(() => (staleness.forget(), runner.running || (mark(), shell.modelsChanged.fire()))),
    runner.onDidWrite(adopted.follow),
    endings.onDidChange(panel.refreshSetup),
    adopted.onDidChange(() => (shell.modelsChanged.fire(), runsTree.refresh())),
    reviewer.onDidChange(mark),
  ];
  mark();
  void keys.get().then(
    (key) => vscode.commands.executeCommand("setContext", "distillery.hasKey", key !== null),
    () => {},
  );
  void log.told(environments.find());

  function mark(): void {
    void log.told(marks.refresh());
  }

  async function command(id: CommandId, args: unknown[]): Promise<unknown> {
    try {
      if (!vscode.workspace.isTrusted && !harmless.includes(id))
        throw new UserError(
          "E_USAGE",
          vscode.l10n.t("This folder is in Restricted Mode: look, but nothing is run, sent or written."),
        );
      return await handlers[id](...args);
    } catch (error) {
      log.tell(error);
      return undefined;
    }
  }

  return {
    ...parts,
    knowledgeTree,
    marks,
    command,
    showCheckpoint: (document, view) =>
      showCheckpoint(document, view, vscode.Uri.joinPath(context.extensionUri, "dist")),
    async decoration(uri) {
      const at = checkpointOf(uri);
      if (!at || !(await staleness.isStale(at.run, at.stage, at.cycle))) return undefined;
      return {
        badge: "S",
        tooltip: vscode.l10n.t("Stale: the knowledge base changed since"),
        color: new vscode.ThemeColor("charts.yellow"),
      };
    },
    taskTerminal: (definition) => taskTerminal(parts, definition),
    noticeInterrupted: notices.interrupted,
    async dispose() {
      await Promise.all([runner.stop(true), asker.close()]);
      for (const each of [
        ...listeners,
        statusBar,
        adopted,
        endings,
        notices,
        panel,
        runsTree,
        knowledgeTree as TreeContents & vscode.Disposable,
        knowledge,
        texts,
        marks,
        reviewer,
        runner as Runner & vscode.Disposable,
        log.channel,
      ])
        each.dispose();
    },
  };
}
