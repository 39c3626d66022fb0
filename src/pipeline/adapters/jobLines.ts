/** Bytes of a Python job's stdout into checked lines of the protocol. */
import { trainerLineSchema, type TrainerLine } from "../../protocol/trainer.ts";
import { UserError } from "../../protocol/errors.ts";

/** No line of the protocol comes near this; more means that something else writes to the pipe. */
const longestLine = 8 * 1024 * 1024;

export interface LineReader {
  /** Hands every complete line on. Throws UserError E_PROTOCOL at the first one that is none. */
  push(chunk: Buffer): void;
  /** True when the bytes so far end inside a line. */
  cut(): boolean;
}

export function createLineReader(onLine: (line: TrainerLine) => void): LineReader {
  let parts: Buffer[] = [];
  let waiting = 0;
  const collect = (part: Buffer): void => {
    parts.push(part);
    waiting += part.length;
    if (waiting > longestLine) throw garbage(Buffer.concat(parts), "a line without an end");
  };
  return {
    push(chunk) {
      let start = 0;
      for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
        collect(chunk.subarray(start, end));
        const line = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
        parts = [];
        waiting = 0;
        start = end + 1;
        onLine(parseLine(line));
      }
      if (start < chunk.length) collect(chunk.subarray(start));
    },
    cut: () => waiting > 0,
  };
}

/** One line. Throws UserError E_PROTOCOL for anything the schema does not know, NaN and Infinity included. */
export function parseLine(bytes: Buffer): TrainerLine {
  try {
    return trainerLineSchema.parse(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
  } catch (cause) {
    throw garbage(bytes, "a line that is not of the protocol", cause);
  }
}

function garbage(bytes: Buffer, what: string, cause?: unknown): UserError {
  return new UserError("E_PROTOCOL", `The Python process wrote ${what}: ${escaped(bytes)}`, { cause });
}

/** The first 200 characters with everything but plain ASCII escaped, so that no terminal or page acts on it. */
export function escaped(bytes: Buffer): string {
  const text = bytes.subarray(0, 800).toString("utf8").slice(0, 200);
  return text.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
