/** The prose sentences of a section, each with its words as the file has them and its line. */
import type { Section } from "../../../protocol/model.ts";

export interface Sentence {
  /** As it stands in the section, line breaks made spaces. */
  text: string;
  /** Without Markdown marks and parentheses: what the grammar reads. */
  plain: string;
  /** Line in the file, from 1. */
  line: number;
}

const abbreviation = /(?:\b(?:e\.g|i\.e|etc|vs|cf|approx|incl|Fig|No|Nos|Dr|Mr|Mrs|St|resp|max|min)|\b[A-Z])\.$/;
const silentLine = /^\s*(?:Sources?\s*:|#{1,6}\s|\||<!--|<\/?[a-z][^>]*>\s*$|[-*_]{3,}\s*$|!\[)/i;
const listMark = /^\s*(?:[-*+]|\d+[.)])\s+|^\s*>\s?/;

/** Sentences in order. Code blocks, tables, headings, images and source lines are no prose. */
export function sentencesOf(section: Section): Sentence[] {
  const sentences: Sentence[] = [];
  for (const { text, line } of paragraphs(section.text))
    for (const { start, end } of sentenceRanges(text)) {
      const raw = text.slice(start, end);
      const before = text.slice(0, start).split("\n").length - 1;
      const whole = raw.replace(/\s*\n\s*/g, " ").trim();
      if (!/[.!]["'”’)]*$/.test(whole)) continue;
      sentences.push({ text: whole, plain: plainText(whole), line: section.firstLine + line + before });
    }
  return sentences;
}

/** Runs of prose lines; a list item is a paragraph of its own. `line` counts from 0. */
function paragraphs(text: string): { text: string; line: number }[] {
  const found: { text: string; line: number }[] = [];
  let open: { lines: string[]; line: number } | null = null;
  let fence = "";
  const close = () => {
    if (open) found.push({ text: open.lines.join("\n"), line: open.line });
    open = null;
  };
  text.split("\n").forEach((line, index) => {
    const mark = /^\s*(```+|~~~+)/.exec(line)?.[1];
    if (mark || fence) {
      close();
      if (!fence) fence = mark ?? "";
      else if (mark?.startsWith(fence)) fence = "";
      return;
    }
    if (line.trim() === "" || silentLine.test(line) || (/^(?: {4}|\t)/.test(line) && !open)) return close();
    if (listMark.test(line)) close();
    const content = line.replace(listMark, "");
    if (open) open.lines.push(content);
    else open = { lines: [content], line: index };
  });
  close();
  return found;
}

/** Where sentences begin and end: at . ! ? before a capital, a digit or a code mark, never inside code. */
function sentenceRanges(text: string): { start: number; end: number }[] {
  const ranges: { start: number; end: number }[] = [];
  let start = 0;
  let inCode = false;
  for (let index = 0; index < text.length; index++) {
    if (text[index] === "`") inCode = !inCode;
    if (inCode || !/[.!?]/.test(text[index] ?? "")) continue;
    const after = /^[.!?]["'”’)]*(?=\s+["'“‘(]?[\p{Lu}\p{N}`*_[]|\s*$)/u.exec(text.slice(index));
    if (!after || abbreviation.test(text.slice(Math.max(0, index - 12), index + 1))) continue;
    ranges.push({ start, end: index + after[0].length });
    start = index + after[0].length;
    index = start - 1;
  }
  if (text.slice(start).trim()) ranges.push({ start, end: text.length });
  return ranges.map((range) => ({
    ...range,
    start: range.start + (/^\s*/.exec(text.slice(range.start, range.end))?.[0].length ?? 0),
  }));
}

/** Without links, emphasis and parentheses; code keeps its marks, since the grammar treats it as one name. */
export function plainText(text: string): string {
  return text
    .split(/(`[^`]*`)/)
    .map((part, index) =>
      index % 2
        ? part
        : part
            .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
            .replace(/\[\^?[^\]]*\]/g, "")
            .replace(/(\*\*|__)(.*?)\1/g, "$2")
            .replace(/(^|\W)[*_](\S[^*_]*)[*_](?=\W|$)/g, "$1$2")
            .replace(/<(?:https?:)?[^>]*>/g, ""),
    )
    .join("")
    .replace(/\s*\([^()]*\)/g, "")
    .replace(/, (?:which is )?the default(?=,)/g, "")
    .replace(/\s+/g, " ")
    .trim();
}
