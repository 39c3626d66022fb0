/**
 * Cuts one file into the pieces under its headings. A piece's text has exactly the lines of its range,
 * so that the line of a quote is the range's first line plus the line breaks before the quote.
 */
import type { Nodes, RootContent } from "mdast";
import { fromMarkdown } from "mdast-util-from-markdown";
import { parse } from "yaml";

/** The text under one heading. Lines count from 1, both ends included; they leave out the heading. */
export interface Piece {
  heading: string;
  firstLine: number;
  lastLine: number;
  text: string;
}

export interface CutFile {
  /** First h1, else the front matter's title, else null. */
  title: string | null;
  pieces: Piece[];
}

/** Blocks that say nothing about the subject; their lines are blanked, so that line numbers stay right. */
const silent = new Set<RootContent["type"]>(["html", "definition", "thematicBreak", "footnoteDefinition"]);
const sourceLine = /^\s*(?:Source|Sources)\s*:\s*(?:<https?:[^>]*>|\[[^\]]*\]\([^)]*\)|https?:\S+)\s*\.?\s*$/i;

/** Cuts Markdown at its headings of every depth. Headings without text of their own yield no piece. */
export function cutMarkdown(text: string): CutFile {
  const { title: frontTitle, lines } = withoutFrontMatter(text.split("\n"));
  const nodes = fromMarkdown(lines.join("\n")).children;
  const kept = lines.map((line) => (sourceLine.test(line) ? "" : line));
  const headings: { name: string; depth: number; first: number; last: number }[] = [];
  for (const node of nodes) {
    const first = node.position?.start.line ?? 1;
    const last = node.position?.end.line ?? first;
    if (node.type === "heading") headings.push({ name: plainText(node).trim(), depth: node.depth, first, last });
    else if (silent.has(node.type)) for (let line = first; line <= last; line++) kept[line - 1] = "";
  }
  const h1 = headings.find(({ depth, name }) => depth === 1 && name !== "")?.name ?? null;
  const title = h1 ?? frontTitle;
  const pieces: Piece[] = [];
  const add = (heading: string, first: number, last: number) => {
    const piece = trimmed(heading, kept, first, last);
    if (piece) pieces.push(piece);
  };
  add(title ?? "", 1, (headings[0]?.first ?? lines.length + 1) - 1);
  headings.forEach((heading, index) =>
    add(heading.name || title || "", heading.last + 1, (headings[index + 1]?.first ?? lines.length + 1) - 1),
  );
  return { title, pieces };
}

/** Cuts plain text at lines that stand alone, are short and end without a full stop, or are underlined. */
export function cutPlainText(text: string): CutFile {
  const lines = text.split("\n");
  const pieces: Piece[] = [];
  let heading = "";
  let start = 1;
  const close = (last: number) => {
    const piece = trimmed(heading, lines, start, last);
    if (piece) pieces.push(piece);
  };
  lines.forEach((line, index) => {
    const next = lines[index + 1] ?? "";
    const underlined = /^(={3,}|-{3,})\s*$/.test(next);
    const alone = (lines[index - 1] ?? "").trim() === "" && (underlined || next.trim() === "");
    const short = line.trim() !== "" && line.trim().split(/\s+/).length <= 8 && !/[.,;!?]\s*$/.test(line);
    if (!alone || !short || index === lines.length - 1) return;
    close(index);
    heading = line.trim().replace(/^#+\s*/, "");
    start = index + (underlined ? 3 : 2);
  });
  close(lines.length);
  return { title: null, pieces };
}

/** The piece from line `first` to `last` without blank lines at its ends; null when nothing is left. */
export function trimmed(heading: string, lines: readonly string[], first: number, last: number): Piece | null {
  const blank = (line: number) => (lines[line - 1] ?? "").trim() === "";
  while (first <= last && blank(first)) first += 1;
  while (last >= first && blank(last)) last -= 1;
  if (first > last) return null;
  return { heading, firstLine: first, lastLine: last, text: lines.slice(first - 1, last).join("\n") };
}

function withoutFrontMatter(lines: string[]): { title: string | null; lines: string[] } {
  if (lines[0]?.trimEnd() !== "---") return { title: null, lines };
  const end = lines.findIndex((line, index) => index > 0 && /^(---|\.\.\.)\s*$/.test(line));
  if (end === -1) return { title: null, lines };
  const blanked = lines.map((line, index) => (index <= end ? "" : line));
  return { title: titleOf(lines.slice(1, end).join("\n")), lines: blanked };
}

function titleOf(yaml: string): string | null {
  try {
    const data: unknown = parse(yaml, { logLevel: "silent" });
    const title = data !== null && typeof data === "object" && "title" in data ? data.title : null;
    return typeof title === "string" && title.trim() !== "" ? title.trim() : null;
  } catch {
    // Front matter is optional: one that is not YAML names no title.
    return null;
  }
}

function plainText(node: Nodes): string {
  if ("value" in node) return node.value;
  if ("alt" in node) return node.alt ?? "";
  return "children" in node ? node.children.map(plainText).join("") : "";
}
