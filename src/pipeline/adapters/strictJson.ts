/**
 * JSON from a disk that may lie: refused are duplicate keys (parsers silently keep the last), `__proto__`,
 * numbers too large for a number, deep nesting and bytes that are no UTF-8.
 */

/** `syntax`: not JSON at all, most likely damaged. `shape`: JSON, but nothing we wrote. */
export type StrictResult = { value: unknown } | { problem: string; kind: "syntax" | "shape" };

const deepest = 64;
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Bytes to a value. A byte order mark and line endings of other systems change nothing and are accepted. */
export function parseStrict(bytes: Uint8Array): StrictResult {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    return { problem: "it is not UTF-8 text", kind: "syntax" };
  }
  return parseStrictText(text);
}

export function parseStrictText(text: string): StrictResult {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { problem: "it is not JSON", kind: "syntax" };
  }
  const problem = findOddity(text);
  return problem === null ? { value } : { problem, kind: "shape" };
}

interface Level {
  /** Keys so far, for an object; null for an array. */
  keys: Set<string> | null;
  at: string | number;
}

const pathOf = (levels: readonly Level[]): string => levels.map(({ at }) => at).join(".") || "the top level";

/** Walks text that is known to be JSON, without recursion; returns what is odd and where, or null. */
function findOddity(text: string): string | null {
  const levels: Level[] = [];
  let expectKey = false;
  for (let index = 0; index < text.length; index++) {
    const char = text[index] as string;
    const level = levels.at(-1);
    if (char === "{" || char === "[") {
      if (levels.length >= deepest) return `it is nested more than ${deepest} deep at ${pathOf(levels.slice(0, 4))}…`;
      levels.push({ keys: char === "{" ? new Set() : null, at: char === "{" ? "" : 0 });
      expectKey = char === "{";
    } else if (char === "}" || char === "]") {
      levels.pop();
      expectKey = false;
    } else if (char === "," && level) {
      expectKey = level.keys !== null;
      if (typeof level.at === "number") level.at += 1;
    } else if (char === '"') {
      const end = endOfString(text, index);
      if (expectKey && level?.keys) {
        const key = JSON.parse(text.slice(index, end + 1)) as string;
        level.at = key;
        if (key === "__proto__") return `the key __proto__ is not allowed at ${pathOf(levels)}`;
        if (level.keys.has(key)) return `the key ${pathOf(levels)} stands there twice`;
        level.keys.add(key);
        expectKey = false;
      }
      index = end;
    } else if (char === "-" || (char >= "0" && char <= "9")) {
      const digits = /^[-+0-9.eE]+/.exec(text.slice(index, index + 400))?.[0] ?? char;
      if (!Number.isFinite(Number(digits))) return `the number at ${pathOf(levels)} is too large`;
      index += digits.length - 1;
    }
  }
  return null;
}

/** Index of the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  let index = start + 1;
  while (text[index] !== '"') index += text[index] === "\\" ? 2 : 1;
  return index;
}
