/** Two runs side by side: what they were made with, and what came out. */
import * as vscode from "vscode";
import type { ComparisonRow } from "../../protocol/model.ts";
import type { RunSettings } from "../../protocol/run.ts";
import type { History } from "./history.ts";

/** A Markdown page. */
export async function comparisonOfRuns(
  history: History,
  left: string,
  right: string,
  label: (run: string) => string,
): Promise<string> {
  const [a, b] = [await resultOf(history, left), await resultOf(history, right)];
  const keys = [...new Set([...a.rows.keys(), ...b.rows.keys()])].toSorted();
  const lines = keys.map((key) => {
    const [x, y] = [a.rows.get(key), b.rows.get(key)];
    return `| ${key} | ${cell(x)} | ${cell(y)} |`;
  });
  const differing = Object.keys({ ...a.settings, ...b.settings }).filter(
    (name) => a.settings[name] !== b.settings[name],
  );
  return [
    `# ${vscode.l10n.t("Two runs")}`,
    "",
    `| | ${safe(label(left))} | ${safe(label(right))} |`,
    "|---|---|---|",
    `| ${vscode.l10n.t("verdict")} | ${safe(a.sentence)} | ${safe(b.sentence)} |`,
    ...differing.map((name) => `| ${name} | ${safe(a.settings[name] ?? "–")} | ${safe(b.settings[name] ?? "–")} |`),
    "",
    `| ${vscode.l10n.t("metric, tier")} | ${safe(label(left))} | ${safe(label(right))} |`,
    "|---|---|---|",
    ...lines,
    "",
    vscode.l10n.t(
      "Each cell: baseline → fine-tuned, the difference with its 95 % interval, and the number of questions. Runs on different questions cannot be told apart by small differences.",
    ),
    "",
  ].join("\n");
}

async function resultOf(history: History, run: string) {
  const entry = (await history.runs()).find(({ id }) => id === run);
  const entries = await history.checkpoints(run);
  const cycle = Math.max(0, ...entries.map((each) => each.cycle));
  const comparison = history.output(entries, cycle, "comparison");
  const rows = new Map(
    (comparison?.rows ?? []).map((row) => [`${row.metric}, ${row.tier}${row.part === "dev" ? " (dev)" : ""}`, row]),
  );
  const sentence = comparison?.headline.sentence ?? vscode.l10n.t("not compared yet");
  return { rows, sentence, settings: entry && "file" in entry ? flat(entry.file.settings) : {} };
}

function cell(row: ComparisonRow | undefined): string {
  if (!row?.means) return "–";
  const { baseline, tuned, absolute, interval } = row.means;
  const sign = (value: number) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;
  return `${baseline.toFixed(2)} → ${tuned.toFixed(2)}, ${sign(absolute)}${interval ? ` (${sign(interval.low)} … ${sign(interval.high)})` : ""}, n ${row.scored}`;
}

/** "training.rank" → "16". */
function flat(settings: RunSettings): Record<string, string> {
  const entries: [string, string][] = [];
  const walk = (value: unknown, path: string): void => {
    if (value !== null && typeof value === "object" && !Array.isArray(value))
      for (const [key, each] of Object.entries(value)) walk(each, path ? `${path}.${key}` : key);
    else
      entries.push([
        path,
        Array.isArray(value)
          ? value.map((each) => (typeof each === "string" ? each : JSON.stringify(each))).join(", ") ||
            (path === "topics" ? "all" : "none")
          : String(value),
      ]);
  };
  walk(settings, "");
  return Object.fromEntries(entries);
}

/** Text in a Markdown table cell, shown as it is. */
const safe = (text: string): string => text.replace(/[\r\n]+/g, " ").replace(/[\\`*_{}[\]<>#|]/g, "\\$&");
