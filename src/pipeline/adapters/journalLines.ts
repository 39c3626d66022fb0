/**
 * The journal's line format. Each line carries a checksum of its own text and the checksum of the line before
 * it, so that damage, loss, reordering and lines of another run all show.
 *
 *     {"sum":"<64 hex>","prev":"<64 hex>","record":{…}}
 *
 * `sum` is the SHA-256 of everything after it on the line, byte for byte: no second way of writing the same
 * record verifies.
 */
import { sha256, stableJson } from "../hash.ts";
import { parseStrictText } from "./strictJson.ts";

export interface SealedLine {
  text: string;
  sum: string;
}

const opening = '{"sum":"';
const sumEnds = opening.length + 64;

/** What the first line of a run's journal names as the line before it. */
export const firstLink = (run: string): string => sha256(`distillery-journal ${run}`);

/** @throws TypeError for records JSON has no form for. */
export function seal(record: unknown, previous: string): SealedLine {
  const rest = `","prev":"${previous}","record":${stableJson(record)}}`;
  const sum = sha256(rest);
  const text = `${opening}${sum}${rest}`;
  if (!unseal(text)) throw new TypeError("a journal record is nested too deeply to be read back");
  return { text, sum };
}

/** Seals records one after the other into the text of a whole journal. */
export function sealAll(records: readonly unknown[], run: string): { lines: string[]; link: string } {
  let link = firstLink(run);
  const lines = records.map((record) => {
    const line = seal(record, link);
    link = line.sum;
    return line.text;
  });
  return { lines, link };
}

function unseal(text: string): { sum: string; prev: string; record: unknown } | null {
  const sum = text.slice(opening.length, sumEnds);
  if (!text.startsWith(opening) || sha256(text.slice(sumEnds)) !== sum) return null;
  const parsed = parseStrictText(text);
  if (!("value" in parsed)) return null;
  const { prev, record } = parsed.value as { prev?: unknown; record?: unknown };
  return typeof prev === "string" && record !== undefined ? { sum, prev, record } : null;
}

export interface JournalContent {
  records: unknown[];
  /** Link for the next line to append. */
  link: string;
  /** Numbers (from 1) of the lines that do not verify. */
  damaged: number[];
  /** Lines after the damage that verify by themselves but cannot be shown to belong here. */
  untrusted: number;
  /** A last line cut off by a crash; it was never acknowledged. */
  torn: boolean;
  /** The bytes of everything that is not in `records`, for the quarantine. */
  aside: Buffer;
}

const carriageReturn = Buffer.from("\r");
const decoder = new TextDecoder("utf-8", { fatal: true });

function decode(bytes: Buffer): string | null {
  try {
    return decoder.decode(bytes).replace(/\r$/, "");
  } catch {
    return null;
  }
}

/**
 * Reads a journal and says what of it can be trusted: all up to the first damage, and what follows when the
 * chain closes over the damaged stretch, which means that the stretch still names the line before it and is
 * named by the line after it.
 */
export function readJournal(bytes: Buffer, run: string): JournalContent {
  const content: JournalContent = {
    records: [],
    link: firstLink(run),
    damaged: [],
    untrusted: 0,
    torn: false,
    aside: Buffer.alloc(0),
  };
  const aside: Buffer[] = [];
  let stretch = "";
  let broken = false;
  let start = 0;
  for (let number = 1; start < bytes.length; number++) {
    const newline = bytes.indexOf(0x0a, start);
    const end = newline < 0 ? bytes.length : newline;
    const raw = bytes.subarray(start, end);
    start = end + 1;
    if (raw.length === 0 || raw.equals(carriageReturn)) continue;
    const line = unseal(decode(raw) ?? "");
    if (
      line &&
      !broken &&
      (stretch === "" ? line.prev === content.link : closesOver(stretch, content.link, line.prev))
    ) {
      content.records.push(line.record);
      content.link = line.sum;
      stretch = "";
      continue;
    }
    aside.push(raw, Buffer.from("\n"));
    if (!line && newline < 0) content.torn = true;
    else if (line && (broken || stretch !== "")) content.untrusted += 1;
    else content.damaged.push(number);
    // A whole line that does not fit belongs somewhere else: after it no link leads back. A doubled line breaks nothing.
    if (!line) stretch += `${raw.toString("latin1")}\n`;
    else if (line.sum !== content.link || stretch !== "") broken = true;
  }
  content.aside = Buffer.concat(aside);
  return content;
}

function closesOver(stretch: string, before: string, after: string): boolean {
  const namesBefore = stretch.includes(`"prev":"${before}"`);
  const lastSum = stretch.lastIndexOf(opening);
  const claimed = stretch.slice(lastSum + opening.length, lastSum + sumEnds);
  const computed = sha256(Buffer.from(stretch.slice(lastSum + sumEnds, -1), "latin1"));
  return namesBefore && (claimed === after || computed === after);
}
