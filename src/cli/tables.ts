/** Text in columns for the terminal. */
import { unscored } from "../pipeline/report/text.ts";
import type { ComparisonOutput, ComparisonRow } from "../protocol/model.ts";

/** Rows of cells as aligned lines; the first row is the head. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => [...(row[column] ?? "")].length)));
  const line = (row: readonly string[]) =>
    row.map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - [...cell].length)).join("  ");
  const [head = [], ...body] = rows;
  return [line(head), widths.map((width) => "─".repeat(width)).join("  "), ...body.map(line)]
    .map((text) => text.trimEnd())
    .join("\n");
}

const order: readonly ComparisonRow["tier"][] = ["reworded", "train", "unseen"];
const tierNames = { reworded: "reworded (new wordings)", train: "trained (recall)", unseen: "unseen (other sections)" };

/** Baseline against fine-tuned, one row per metric and tier. */
export function comparisonText({ rows }: Pick<ComparisonOutput, "rows">): string {
  const head = ["questions", "metric", "baseline", "fine-tuned", "change", "95 % interval", "n", "better/same/worse"];
  const body = rows
    .toSorted((a, b) => order.indexOf(a.tier) - order.indexOf(b.tier))
    .map(({ tier, part, metric, means, scored, failed, notApplicable, better, same, worse }) => [
      `${tierNames[tier]}${part === "dev" ? ", dev" : ""}`,
      metric,
      means ? means.baseline.toFixed(2) : "–",
      means ? means.tuned.toFixed(2) : "–",
      means ? signed(means.absolute) : unscored(scored + failed),
      means?.interval ? `${signed(means.interval.low)} to ${signed(means.interval.high)}` : "–",
      counts(scored, failed, notApplicable),
      `${better}/${same}/${worse}`,
    ]);
  return table([head, ...body]);
}

/** "18 (1 failed, 1 not applicable)": what has no score is never left unsaid. */
export function counts(scored: number, failed: number, notApplicable: number): string {
  const without = [failed > 0 ? `${failed} failed` : "", notApplicable > 0 ? `${notApplicable} not applicable` : ""];
  const said = without.filter(Boolean).join(", ");
  return said === "" ? String(scored) : `${scored} (${said})`;
}

const signed = (value: number): string => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;

/** Two texts next to each other, or one above the other where the terminal is narrow. */
export function sideBySide(
  left: { title: string; text: string },
  right: { title: string; text: string },
  columns: number,
): string {
  if (columns < 80)
    return [left, right].map(({ title, text }) => `${title}\n${wrapped(text, columns - 1).join("\n")}`).join("\n\n");
  const width = Math.min(70, Math.floor((columns - 3) / 2));
  const both = [left, right].map(({ title, text }) => [title, "─".repeat(width), ...wrapped(text, width)]);
  const height = Math.max(...both.map((lines) => lines.length));
  const lines = Array.from({ length: height }, (_, index) => {
    const [first = "", second = ""] = both.map((each) => each[index] ?? "");
    return `${first}${" ".repeat(Math.max(0, width - [...first].length))} │ ${second}`.trimEnd();
  });
  return lines.join("\n");
}

/** Lines of at most `width` characters, broken at spaces; a longer word is cut. Control characters are dropped. */
export function wrapped(text: string, width: number): string[] {
  return printable(text)
    .split("\n")
    .flatMap((paragraph) => {
      const lines: string[] = [];
      let line = "";
      for (const word of paragraph.split(" ")) {
        let rest = word;
        if (line !== "" && line.length + 1 + rest.length > width) {
          lines.push(line);
          line = "";
        }
        while (rest.length > width) {
          lines.push(rest.slice(0, width));
          rest = rest.slice(width);
        }
        line = line === "" ? rest : `${line} ${rest}`;
      }
      return [...lines, line];
    });
}

/** Text of models and documents without what a terminal would obey. */
export function printable(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, "");
}
