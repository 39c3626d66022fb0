/** The report as Markdown. Texts of models and files are shown, never interpreted. */
import type { Block, Cell, Report, Table } from "./blocks.ts";
import type { Example } from "./examples.ts";
import { harmless, number } from "./text.ts";

export function markdownOf(report: Report): string {
  return [
    `# Did fine-tuning help? Run ${report.run}`,
    "",
    `**${escaped(report.sentence)}**`,
    "",
    ...report.notes.flatMap(({ text, warning }) => [warning ? `**${escaped(text)}**` : escaped(text), ""]),
    ...report.sections.flatMap(({ title, blocks }, index) => [
      // What changed stands right below the verdict.
      ...(index === 0 ? [] : [`## ${title}`, ""]),
      ...blocks.flatMap(block),
    ]),
  ].join("\n");
}

function block(given: Block): string[] {
  switch (given.kind) {
    case "text":
      return [escaped(given.text), ""];
    case "list":
      return [...given.items.map(({ term, text }) => `- ${term ? `*${term}*: ` : ""}${escaped(text)}`), ""];
    case "table":
      return [...table(given), ""];
    case "examples":
      return given.examples.map(example);
    case "trend":
      return [];
  }
}

function table({ head, rows }: Table): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [
    line(head.map(({ title }) => title)),
    `|${head.map(() => "---").join("|")}|`,
    ...rows.map((row) => line(row.map(cell))),
  ];
}

const cell = (given: Cell): string => escaped(typeof given === "string" ? given : given.text);

function example({ question, topic, tier, baseline, tuned, reference, before, after, lacks }: Example): string {
  return [
    `**${escaped(question)}** (${escaped(topic)}, ${tier})`,
    "",
    `Baseline, ${number(before)}${also(lacks.baseline)}:`,
    "",
    quoted(baseline),
    "",
    `Fine-tuned, ${number(after)}${also(lacks.tuned)}:`,
    "",
    quoted(tuned),
    "",
    "Reference:",
    "",
    quoted(reference),
    "",
  ].join("\n");
}

const also = (words: string): string => (words === "" ? "" : `, ${escaped(words)}`);

/** One line in which nothing is markup. An underscore inside a word is none, so metric names stay as they are. */
const escaped = (text: string): string => atStart(inLine(text.trim().replace(/\s+/g, " ")));

const inLine = (text: string): string =>
  harmless(text)
    .replace(/[\\`*[\]<>|#&~]/g, "\\$&")
    .replace(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, "\\_");

/** Marks that begin a list or underline a heading, at the start of a line. */
const atStart = (line: string): string =>
  line.replace(/^([-+=])(?=\s|\1|$)/, "\\$1").replace(/^(\d+)([.)])(?=\s|$)/, "$1\\$2");

/** Text of several lines as a quote: neither a heading nor a list nor a table. */
function quoted(text: string): string {
  const lines = text.trim().split(/\r\n?|\n/);
  if (text.trim() === "") return "> (empty)";
  return lines.map((line) => `> ${atStart(inLine(line.trim()))}`).join("\n");
}
