/** What a report is made of. Markdown and HTML draw the same blocks; all words stand here, none in the two writers. */
import type { ComparisonOutput } from "../../protocol/model.ts";
import type { Example } from "./examples.ts";

export interface Interval {
  low: number;
  high: number;
}

/** A change with its interval; HTML draws it on a scale that all of its table share. */
export interface Drawn {
  text: string;
  at: number;
  interval: Interval;
}

export type Cell = string | Drawn;

export interface Table {
  kind: "table";
  caption: string;
  head: readonly { title: string; figures?: boolean }[];
  /** The first cell of a row names it; equal names in a row form a group. */
  rows: readonly (readonly Cell[])[];
}

/** Baseline and fine-tuned over the cycles; the table after it has the same figures. Drawn in HTML only. */
export interface Trend {
  kind: "trend";
  title: string;
  points: readonly { cycle: number; baseline: number | null; tuned: number | null }[];
}

export type Block =
  | { kind: "text"; text: string }
  | { kind: "list"; items: readonly { term?: string; text: string }[] }
  | { kind: "examples"; examples: readonly Example[] }
  | Table
  | Trend;

export interface Section {
  title: string;
  blocks: readonly Block[];
}

/** The change the verdict is about; null when there is no mean. */
export interface Figure {
  metric: string;
  tier: string;
  baseline: number;
  tuned: number;
  change: number;
  interval: Interval | null;
  questions: number;
}

export interface Report {
  run: string;
  /** "2026-11-25 22:13 UTC". */
  created: string;
  verdict: ComparisonOutput["headline"]["verdict"];
  sentence: string;
  figure: Figure | null;
  /** Said right below the verdict, such as who the teacher was; warnings stand out. */
  notes: readonly { text: string; warning?: boolean }[];
  sections: readonly Section[];
}
