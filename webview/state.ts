/** What the panel shows: the last of each part, and what a person is doing with it. */
import type {
  AskArm,
  AskSnapshot,
  Draft,
  PanelTab,
  ResultsSnapshot,
  RunSnapshot,
  SetupSnapshot,
} from "../src/protocol/panel.ts";
import type { Tier } from "../src/protocol/model.ts";
import { recall, send } from "./host.ts";

export interface View {
  setup: SetupSnapshot | null;
  run: RunSnapshot | null;
  /** Undefined until the extension has said that there are none. */
  results: ResultsSnapshot | null | undefined;
  ask: AskSnapshot | null;
  tab: PanelTab;
  /** What is being edited; runs ahead of the extension's copy while a slider moves. */
  draft: Draft | null;
  editedAt: number;
  topicSearch: string;
  lossAsTable: boolean;
  answers: { search: string; topic: string; tier: Tier | ""; sort: "worst" | "best" | "order"; marked: boolean };
  question: string;
  arms: Record<AskArm, boolean>;
}

export const view: View = {
  setup: null,
  run: null,
  results: undefined,
  ask: null,
  tab: recall().tab,
  draft: null,
  editedAt: 0,
  topicSearch: "",
  lossAsTable: false,
  answers: { search: "", topic: "", tier: "", sort: "worst", marked: true },
  question: recall().question,
  arms: { base: true, tuned: true, teacher: false },
};

let render = (): void => {};
export function onRender(draw: () => void): void {
  let asked = false;
  render = () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => ((asked = false), draw()));
  };
}
export const redraw = (): void => render();

let timer: number | undefined;

/** Changes the draft here at once and at the extension a moment later, so that a slider does not flood it. */
export function edit(change: Partial<Draft>): void {
  if (!view.draft) return;
  view.draft = { ...view.draft, preset: "own", ...change };
  view.editedAt = Date.now();
  redraw();
  clearTimeout(timer);
  const draft = view.draft;
  timer = window.setTimeout(() => send({ type: "configure", draft }), 150);
}
