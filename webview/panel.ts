/** The panel: five tabs over the parts the extension sends. */
import "./styles.css";
import "uplot/dist/uPlot.min.css";
import { html, render } from "lit-html";
import type { PanelMessage, PanelTab } from "../src/protocol/panel.ts";
import { answersTab } from "./tabs/answers.ts";
import { askTab } from "./tabs/ask.ts";
import { configureTab } from "./tabs/configure.ts";
import { resultsTab } from "./tabs/results.ts";
import { runTab } from "./tabs/run.ts";
import { lastMessages, onMessage, remember, send } from "./host.ts";
import { onRender, redraw, view } from "./state.ts";
import { registerToolkit } from "./toolkit.ts";

const tabs: readonly [PanelTab, string, () => unknown][] = [
  ["configure", "Configure", configureTab],
  ["run", "Run", runTab],
  ["results", "Results", resultsTab],
  ["answers", "Answers", answersTab],
  ["ask", "Ask", askTab],
];

function draw(): void {
  const root = document.getElementById("panel");
  if (!root) return;
  const show = (tab: PanelTab) => {
    if (view.tab === tab) return;
    view.tab = tab;
    remember({ tab });
    redraw();
  };
  // Only the tab in view is drawn: the others would cost time on every snapshot.
  const page = html`
    <h1 class="visually-hidden">Distillery</h1>
    <vscode-panels
      aria-label="Distillery"
      activeid=${`tab-${view.tab}`}
      @change=${(event: Event) => show((event.target as HTMLElement & { activeid: string }).activeid.replace("tab-", "") as PanelTab)}
    >
      ${tabs.map(([id, title]) => html`<vscode-panel-tab id=${`tab-${id}`}>${title}${badge(id)}</vscode-panel-tab>`)}
      ${tabs.map(([id, , content]) => html`<vscode-panel-view id=${`view-${id}`}>${view.tab === id ? html`<div class="tab" data-tab=${id}>${content()}</div>` : ""}</vscode-panel-view>`)}
    </vscode-panels>
  `;
  render(page, root);
}

const badge = (tab: PanelTab): unknown =>
  tab === "run" && view.run?.live ? html`&nbsp;<vscode-badge>running</vscode-badge>` : "";

function take(message: PanelMessage): void {
  switch (message.type) {
    case "setup":
      view.setup = message.value;
      // What is being edited is newer than what comes back.
      if (!view.draft || Date.now() - view.editedAt > 600) view.draft = message.value.draft;
      break;
    case "run":
      view.run = message.value;
      remember({ run: message.value.selected });
      break;
    case "results":
      view.results = message.value;
      break;
    case "ask":
      view.ask = message.value;
      break;
    case "show":
      view.tab = message.tab;
      remember({ tab: message.tab });
  }
  redraw();
}

registerToolkit();
onRender(draw);
onMessage(take);
lastMessages().forEach(take);
draw();
send({ type: "ready" });
