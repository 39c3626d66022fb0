/** Brings the pieces of a file to a size that questions can be asked about: none tiny, none over-long. */
import { trimmed, type Piece } from "./markdownSections.ts";

/** A section with fewer words has nothing to ask about. */
export const fewestWords = 15;
/** A longer section is split: it has to fit a teacher's attention and a student's answer. */
export const mostWords = 350;

/** Words of a text; addresses do not count, and two characters of a script without spaces count as one word. */
export function countWords(text: string): number {
  const prose = text.replace(/https?:\S+/g, " ");
  const wide = prose.match(/[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]/g)?.length ?? 0;
  const spaced =
    prose.replace(/[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]/g, " ").match(/\S*[\p{L}\p{N}]\S*/gu)?.length ?? 0;
  return spaced + Math.floor(wide / 2);
}

/**
 * Joins neighbouring short pieces, their headings standing as "Heading:" lines, and leaves out what is
 * still short. `lines` is the file, so that a joined piece keeps one line of text per line of the file.
 */
export function joinShort(pieces: readonly Piece[]): { pieces: Piece[]; short: Piece[] } {
  const result: Piece[] = [];
  const short: Piece[] = [];
  let open: Piece | null = null;
  for (const piece of pieces) {
    if (countWords(piece.text) >= fewestWords) {
      if (open) short.push(open);
      open = null;
      result.push(piece);
      continue;
    }
    open = open ? joined(open, piece) : piece;
    if (countWords(open.text) < fewestWords) continue;
    result.push(open);
    open = null;
  }
  if (open) short.push(open);
  return { pieces: result, short };
}

function joined(first: Piece, second: Piece): Piece {
  const between: string[] = Array.from({ length: second.firstLine - first.lastLine - 1 }, () => "");
  if (between.length > 0 && second.heading) between[between.length - 1] = `${second.heading}:`;
  const text = [first.text, ...between, second.text].join("\n");
  return { heading: first.heading, firstLine: first.firstLine, lastLine: second.lastLine, text };
}

/** Splits an over-long piece at blank lines outside code, and a single over-long line at its sentences. */
export function splitLong(piece: Piece): Piece[] {
  if (countWords(piece.text) <= mostWords) return [piece];
  const lines = piece.text.split("\n");
  const blocks = blocksOf(lines).flatMap(([first, last]) => cutBlock(piece, lines, first, last));
  // Even parts read better than full ones and a rest.
  const parts = Math.ceil(countWords(piece.text) / mostWords);
  const target = countWords(piece.text) / parts;
  const result: Piece[] = [];
  for (const block of blocks) {
    const current = result.at(-1);
    const words = current ? countWords(current.text) : 0;
    const whole = words + countWords(block.text);
    if (!current || words >= target || whole > mostWords) result.push(block);
    else result[result.length - 1] = glued(current, block);
  }
  const last = result.at(-1);
  const previous = result.at(-2);
  if (last && previous && countWords(last.text) < fewestWords) result.splice(-2, 2, glued(previous, last));
  return result;
}

function glued(first: Piece, second: Piece): Piece {
  // Two sentences of one line stay on it.
  const gap = second.firstLine === first.lastLine ? " " : "\n".repeat(second.firstLine - first.lastLine);
  return { ...first, lastLine: second.lastLine, text: first.text + gap + second.text };
}

/** Index ranges of the lines between blank lines; a fenced code block is never cut. */
function blocksOf(lines: readonly string[]): [number, number][] {
  const blocks: [number, number][] = [];
  let start = -1;
  let fence: string | null = null;
  lines.forEach((line, index) => {
    const mark = /^\s{0,3}(```+|~~~+)/.exec(line)?.[1] ?? null;
    if (fence === null) fence = mark;
    else if (mark?.startsWith(fence)) fence = null;
    if (line.trim() !== "" && start === -1) start = index;
    if (line.trim() !== "" || fence !== null || start === -1) return;
    blocks.push([start, index - 1]);
    start = -1;
  });
  if (start !== -1) blocks.push([start, lines.length - 1]);
  return blocks;
}

function cutBlock(piece: Piece, lines: readonly string[], first: number, last: number): Piece[] {
  const offset = piece.firstLine - 1;
  const whole = trimmed(piece.heading, lines, first + 1, last + 1);
  if (!whole) return [];
  const placed = (text: string, line: number, end: number): Piece => ({
    heading: piece.heading,
    firstLine: offset + line,
    lastLine: offset + end,
    text,
  });
  if (countWords(whole.text) <= mostWords) return [placed(whole.text, whole.firstLine, whole.lastLine)];
  return lines.slice(first, last + 1).flatMap((line, index) => {
    const number = first + index + 1;
    const sentences = countWords(line) > mostWords ? line.split(/(?<=[.!?])\s+(?=\p{Lu})/u) : [line];
    return sentences.map((sentence) => placed(sentence, number, number));
  });
}
