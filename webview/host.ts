/** The way to the extension, and the little the panel remembers by itself. */
import type { Intention, PanelMessage, PanelTab } from "../src/protocol/panel.ts";

/** Survives hiding and reloading; everything else comes from the extension. */
export interface Remembered {
  tab: PanelTab;
  run: string | null;
  question: string;
}

interface Api {
  postMessage(message: Intention): void;
  getState(): Partial<Remembered> | undefined;
  setState(state: Remembered): void;
}
declare function acquireVsCodeApi(): Api;

const api = acquireVsCodeApi();

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- this is VS Code's API, which has no origin
export const send = (intention: Intention): void => api.postMessage(intention);

const remembered: Remembered = { tab: "configure", run: null, question: "", ...api.getState() };
export const recall = (): Remembered => remembered;
export function remember(change: Partial<Remembered>): void {
  Object.assign(remembered, change);
  api.setState(remembered);
}

/** What the panel showed before it was closed, which the page brings along. */
export const lastMessages = (): PanelMessage[] =>
  JSON.parse(document.querySelector("#last")?.textContent || "[]") as PanelMessage[];

const types = new Set<PanelMessage["type"]>(["setup", "run", "results", "ask", "show"]);

export function onMessage(handle: (message: PanelMessage) => void): void {
  window.addEventListener("message", ({ data }: MessageEvent<PanelMessage>) => {
    if (data !== null && typeof data === "object" && types.has(data.type)) handle(data);
  });
}
