/** The panel: whole snapshots down, checked intentions up. It keeps nothing that cannot be made again but the last of each. */
import * as vscode from "vscode";
import { intentionSchema, type Intention, type PanelMessage, type PanelTab } from "../../protocol/panel.ts";
import type { Log } from "../log.ts";
import { panelHtml } from "./html.ts";

export interface Panel {
  /** Opens it, or brings it to the front. */
  open(tab?: PanelTab): void;
  restore(panel: vscode.WebviewPanel, state: unknown): void;
  /** Sends a part to the panel if there is one that listens. */
  send(message: PanelMessage): void;
  /** Messages that were not intentions, since the start. */
  readonly dropped: number;
  readonly visible: boolean;
  /** For tests: what the webview sends, without the webview. */
  receive(message: unknown): void;
}

export interface PanelParts {
  context: vscode.ExtensionContext;
  log: Log;
  /** Called for every intention that fits the schema. */
  onIntention(intention: Intention): void;
  /** Messages for a panel that has just become ready. */
  onSelect(run: string): void;
}

const viewType = "distillery.panel";
/** More in a second than a person can do; a page that sends more is not answered. */
const mostPerSecond = 50;
const largestMessage = 200_000;

export function createPanel({ context, log, onIntention, onSelect }: PanelParts): Panel & vscode.Disposable {
  let current: vscode.WebviewPanel | null = null;
  let dropped = 0;
  let second = 0;
  let count = 0;
  /** The tab to show as soon as the page listens. */
  let wanted: PanelTab | null = null;
  let ready = false;
  const last = new Map<PanelMessage["type"], PanelMessage>();

  function drop(why: string): void {
    dropped += 1;
    if (dropped <= 20) log.channel.warn(`A message of the panel was dropped: ${why}.`);
  }

  function receive(message: unknown): void {
    const now = Math.floor(Date.now() / 1000);
    count = now === second ? count + 1 : 1;
    second = now;
    if (count > mostPerSecond) return drop("too many at once");
    if (sizeOf(message) > largestMessage) return drop("it is too large");
    const parsed = intentionSchema.safeParse(message);
    if (!parsed.success) return drop(parsed.error.issues[0]?.message ?? "unknown shape");
    onIntention(parsed.data);
    if (parsed.data.type !== "ready") return;
    ready = true;
    if (wanted) send({ type: "show", tab: wanted });
    wanted = null;
  }

  function send(message: PanelMessage): void {
    if (message.type !== "show") last.set(message.type, message);
    // A webview has one reader and no origin to name.
    // oxlint-disable-next-line unicorn/require-post-message-target-origin
    void current?.webview.postMessage(message);
  }

  function adopt(panel: vscode.WebviewPanel): void {
    current?.dispose();
    current = panel;
    const media = vscode.Uri.joinPath(context.extensionUri, "dist");
    panel.webview.options = { enableScripts: true, localResourceRoots: [media] };
    panel.iconPath = vscode.Uri.joinPath(context.extensionUri, "media", "distillery.svg");
    panel.webview.onDidReceiveMessage(receive);
    panel.onDidDispose(() => {
      if (current === panel) current = null;
    });
    const fill = () => {
      ready = false;
      panel.webview.html = panelHtml(panel.webview, media, [...last.values()]);
    };
    // A hidden page is dropped and loaded again when shown, then with what is known by then.
    panel.onDidChangeViewState(() => panel.visible || fill());
    fill();
  }

  return {
    send,
    receive,
    get dropped() {
      return dropped;
    },
    get visible() {
      return current?.visible ?? false;
    },
    open(tab) {
      if (current) {
        current.reveal();
        // A page that is being restored, or was hidden, does not hear yet.
        if (tab && ready) send({ type: "show", tab });
        else if (tab) wanted = tab;
        return;
      }
      wanted = tab ?? null;
      adopt(
        vscode.window.createWebviewPanel(viewType, "Distillery", vscode.ViewColumn.Active, { enableFindWidget: true }),
      );
    },
    restore(panel, state) {
      const run = (state as { run?: unknown } | null)?.run;
      if (typeof run === "string" && /^[a-z0-9-]{1,64}$/.test(run)) onSelect(run);
      adopt(panel);
    },
    dispose: () => current?.dispose(),
  };
}

/** Characters of all texts in a message; stops counting early. Structures deeper than any intention count as too large. */
function sizeOf(value: unknown, depth = 0): number {
  if (typeof value === "string") return value.length;
  if (value === null || typeof value !== "object") return 8;
  if (depth > 6) return Number.POSITIVE_INFINITY;
  let size = 0;
  for (const [key, each] of Object.entries(value)) {
    size += key.length + sizeOf(each, depth + 1);
    if (size > largestMessage) return size;
  }
  return size;
}
