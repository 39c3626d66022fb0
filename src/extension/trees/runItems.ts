/** How runs, cycles and stages look in the tree: icon and color for the state, counts and times in words. */
import * as vscode from "vscode";
import type { CheckpointEntry } from "../../pipeline/ports.ts";
import { secondsLeft } from "../../pipeline/state.ts";
import type { ArmAnswers, ArmScores, ComparisonOutput, FineTuningOutput, StageId } from "../../protocol/model.ts";
import type { RunState, StageState } from "../../protocol/state.ts";
import { checkpointUri } from "../checkpointUri.ts";
import { duration, stageTitle } from "../words.ts";
import type { CycleNode, RunNode, StageNode } from "./runsTree.ts";

export interface StageFacts {
  /** What the run's events say; null for a cycle that is over. */
  live: StageState | null;
  entry: CheckpointEntry | null;
  stale: boolean;
}

const { None, Collapsed, Expanded } = vscode.TreeItemCollapsibleState;
const icon = (name: string, color?: string) =>
  new vscode.ThemeIcon(name, color ? new vscode.ThemeColor(color) : undefined);

const runIcons: Record<RunState["status"], vscode.ThemeIcon> = {
  idle: icon("circle-outline"),
  running: icon("loading~spin", "charts.blue"),
  finished: icon("pass", "testing.iconPassed"),
  stopped: icon("debug-pause", "charts.yellow"),
  failed: icon("error", "testing.iconFailed"),
};

const runWords: Record<RunState["status"], string> = {
  idle: vscode.l10n.t("not started"),
  running: vscode.l10n.t("running"),
  finished: vscode.l10n.t("finished"),
  stopped: vscode.l10n.t("interrupted"),
  failed: vscode.l10n.t("failed"),
};

export function runItem(
  { id, run, file, state }: RunNode,
  label: string | undefined,
  adopted: boolean,
): vscode.TreeItem {
  const created = new Date(file.created);
  const item = new vscode.TreeItem(
    label ?? created.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" }),
    state.status === "running" ? Expanded : Collapsed,
  );
  item.id = id;
  item.iconPath = runIcons[state.status];
  const questions = vscode.l10n.t("{0} questions", file.settings.questions);
  const words = state.status === "finished" ? verdictOf(state.sentence) : runWords[state.status];
  item.description = [
    adopted ? vscode.l10n.t("in use") : "",
    words,
    questions,
    file.settings.cycles > 1 ? vscode.l10n.t("{0} cycles", file.settings.cycles) : "",
  ]
    .filter(Boolean)
    .join(" · ");
  item.contextValue = ["run", state.status, ...(adopted ? ["adopted"] : [])].join(" ");
  item.tooltip = runTooltip(run, state, file.settings.teacher.kind);
  item.accessibilityInformation = { label: `${String(item.label)}, ${item.description}` };
  return item;
}

/** "better" out of the verdict's sentence, which is too long for a line. */
const verdictOf = (sentence: string): string =>
  /\bbetter\b/i.test(sentence)
    ? vscode.l10n.t("better")
    : /\bworse\b/i.test(sentence)
      ? vscode.l10n.t("worse")
      : vscode.l10n.t("cannot tell");

function runTooltip(run: string, state: RunState, teacher: string): vscode.MarkdownString {
  const text = new vscode.MarkdownString();
  // appendText escapes: names, sentences and errors are shown, never interpreted.
  text.appendText(run);
  text.appendMarkdown("\n\n");
  if (state.sentence) text.appendText(state.sentence);
  if (state.gate) text.appendText(` ${state.gate}`);
  if (state.error) text.appendText(`${state.error.code}: ${state.error.message}`);
  text.appendMarkdown("\n\n");
  text.appendText(vscode.l10n.t("Teacher: {0}. Student: {1}.", state.teacher || teacher, state.student));
  return text;
}

export function cycleItem({ id, cycle, parent }: CycleNode): vscode.TreeItem {
  const current = parent.state.cycle === cycle;
  const item = new vscode.TreeItem(vscode.l10n.t("Cycle {0}", cycle), current ? Expanded : Collapsed);
  item.id = id;
  item.iconPath = current ? runIcons[parent.state.status] : icon("pass", "testing.iconPassed");
  item.contextValue = "cycle";
  return item;
}

type Look = [vscode.ThemeIcon, string];

function lookOf({ live, entry, stale }: StageFacts): Look {
  if (live?.status === "running") return [icon("loading~spin", "charts.blue"), vscode.l10n.t("running")];
  if (live?.status === "failed" && !entry) return [icon("error", "testing.iconFailed"), vscode.l10n.t("failed")];
  if (live?.status === "interrupted" && !entry)
    return [icon("debug-pause", "charts.yellow"), vscode.l10n.t("interrupted")];
  if (entry && entry.state !== "ok")
    return [
      icon("warning", "testing.iconFailed"),
      entry.state === "newer" ? vscode.l10n.t("made by a newer version") : vscode.l10n.t("damaged"),
    ];
  if (stale) return [icon("history", "charts.yellow"), vscode.l10n.t("stale: the knowledge base changed since")];
  if (live?.status === "reused") return [icon("pass-filled", "testing.iconPassed"), vscode.l10n.t("reused")];
  if (entry) return [icon("pass", "testing.iconPassed"), vscode.l10n.t("done")];
  return [icon("circle-outline"), vscode.l10n.t("waiting")];
}

export function stageItem(node: StageNode): vscode.TreeItem {
  if (node.kind === "adapter") return adapterItem(node);
  const { facts, stage } = node;
  const [iconPath, words] = lookOf(facts);
  const item = new vscode.TreeItem(stageTitle(stage), None);
  item.id = node.id;
  item.iconPath = iconPath;
  item.description = describe(facts, words);
  const kept = facts.entry?.state === "ok";
  item.contextValue = ["stage", kept ? "kept" : "open", facts.stale ? "stale" : ""].join(" ").trim();
  item.tooltip = stageTooltip(node, words);
  item.accessibilityInformation = { label: `${String(item.label)}, ${words}, ${item.description}` };
  if (kept) {
    item.resourceUri = checkpointUri(node.run, node.cycle, stage);
    item.command = { command: "distillery.openCheckpoint", title: vscode.l10n.t("Open Checkpoint"), arguments: [node] };
  }
  return item;
}

function describe({ live, entry }: StageFacts, words: string): string {
  if (live?.status === "running") {
    const left = secondsLeft(live, Date.now());
    const count = live.total === null ? "" : `${live.done}/${live.total}`;
    return [count, left === null ? "" : vscode.l10n.t("{0} left", duration(left))].filter(Boolean).join(" · ");
  }
  if (entry?.state !== "ok")
    return entry
      ? words
      : live?.total && live.done > 0 && live.status !== "waiting"
        ? `${words} · ${live.done}/${live.total}`
        : "";
  // The icon says "done" already, and a side bar is narrow.
  const state = words === vscode.l10n.t("done") ? "" : words;
  return [state, countOf(entry.stage, entry.frame.output), duration(entry.frame.seconds)].filter(Boolean).join(" · ");
}

function countOf(stage: StageId, output: unknown): string {
  const data = output as Record<string, never>;
  const size = (value: unknown) =>
    Array.isArray(value) ? value.length : Object.keys((value as object | undefined) ?? {}).length;
  if (stage === "questions") return vscode.l10n.t("{0} questions", size(data["questions"]));
  if (stage === "baselineAnswers" || stage === "tunedAnswers")
    return vscode.l10n.t(
      "{0} answers",
      countOfArms<ArmAnswers>(output, ({ answers }) => answers),
    );
  if (stage === "references") return vscode.l10n.t("{0} references", size(data["references"]));
  if (stage === "fineTuning") return vscode.l10n.t("loss {0}", (output as FineTuningOutput).finalLoss.toFixed(2));
  if (stage === "comparison") return improvement(output as ComparisonOutput);
  return vscode.l10n.t(
    "{0} scored",
    countOfArms<ArmScores>(output, ({ scores }) => scores),
  );
}

/** Answers or scores of all arms, repeats included. */
const countOfArms = <T>(output: unknown, of: (arm: T) => Record<string, unknown[]>): number =>
  Object.values((output as { arms: Record<string, T> }).arms)
    .flatMap((arm) => Object.values(of(arm)))
    .flat().length;

/** The headline's difference, "+0.12". */
function improvement({ headline, rows }: ComparisonOutput): string {
  const row = rows.find(
    ({ metric, tier, part }) => metric === headline.metric && tier === headline.tier && part === headline.part,
  );
  const change = row?.means?.absolute;
  return change === undefined
    ? headline.verdict
    : `${change < 0 ? "−" : "+"}${Math.abs(change).toFixed(2)} ${headline.verdict}`;
}

function stageTooltip({ facts, cycle, stage }: StageNode, words: string): vscode.MarkdownString {
  const text = new vscode.MarkdownString();
  text.appendText(vscode.l10n.t("{0}, cycle {1}: {2}", stageTitle(stage), cycle, words));
  const { entry, live } = facts;
  const line = (value: string) => {
    text.appendMarkdown("\n\n");
    text.appendText(value);
  };
  if (live?.summary) line(live.summary);
  if (entry?.state === "ok") {
    line(
      vscode.l10n.t(
        "Started {0}, took {1}.",
        new Date(entry.frame.started).toLocaleString(),
        duration(entry.frame.seconds),
      ),
    );
    if (entry.stage === "comparison") line((entry.frame.output as ComparisonOutput).gate.sentence);
    for (const [role, model] of Object.entries(entry.frame.models)) line(`${role}: ${model}`);
    if (entry.frame.usage) line(vscode.l10n.t("{0} requests to the teacher", entry.frame.usage.requests));
  } else if (entry) line(entry.reason);
  return text;
}

function adapterItem({ id, facts }: StageNode): vscode.TreeItem {
  const item = new vscode.TreeItem(vscode.l10n.t("Adapter"), None);
  item.id = id;
  item.iconPath = icon("mortar-board");
  item.contextValue = "adapter";
  if (facts.entry?.state === "ok") {
    const output = facts.entry.frame.output as FineTuningOutput;
    item.description = vscode.l10n.t(
      "{0} M parameters, {1} steps",
      (output.trainableParameters / 1e6).toFixed(1),
      output.steps,
    );
  }
  return item;
}

export function damagedItem(id: string, run: string, reason: string): vscode.TreeItem {
  const item = new vscode.TreeItem(run, None);
  item.id = id;
  item.iconPath = icon("warning", "testing.iconFailed");
  item.description = reason;
  item.contextValue = "damaged";
  return item;
}

export function moreItem(id: string, rest: number): vscode.TreeItem {
  const item = new vscode.TreeItem(vscode.l10n.t("{0} older runs are not shown", rest), None);
  item.id = id;
  item.iconPath = icon("ellipsis");
  return item;
}
