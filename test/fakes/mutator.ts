/** Damages a JSON file in the ways disks, tools and people do. Seeded: the same random numbers give the same damage. */
import { below, pick } from "./random.ts";

export interface Others {
  /** An earlier, valid version of the same file. */
  older: Buffer;
  /** The same file of another run. */
  foreign: Buffer;
  /** Another file of the same run. */
  sibling: Buffer;
}

type Random = () => number;
type Mutation = (bytes: Buffer, random: Random, others: Others) => Buffer;

const cut = (bytes: Buffer, random: Random): [number, number] => {
  const start = below(random, bytes.length);
  return [start, Math.min(bytes.length, start + 1 + below(random, 40))];
};

const inserted = (bytes: Buffer, at: number, what: string | Buffer): Buffer =>
  Buffer.concat([bytes.subarray(0, at), Buffer.from(what as string), bytes.subarray(at)]);

/** Replaces one random match; the bytes are unchanged when there is none. */
function replaced(bytes: Buffer, random: Random, pattern: RegExp, by: (found: string) => string): Buffer {
  const text = bytes.toString();
  const matches = [...text.matchAll(pattern)];
  if (matches.length === 0) return bytes;
  const match = pick(random, matches);
  return Buffer.from(text.slice(0, match.index) + by(match[0]) + text.slice(match.index + match[0].length));
}

const number = /(?<=: ?|\[|\s)-?\d+(\.\d+)?(?=[,\s}\]])/g;
const textValue = /(?<=: ?)"[^"\\]*"/g;
const opened = /\{(?=\s*")/g;

export const mutations: Record<string, Mutation> = {
  bitFlip(bytes, random) {
    const copy = Buffer.from(bytes);
    const at = below(random, copy.length);
    copy[at] = (copy[at] as number) ^ (1 << below(random, 8));
    return copy;
  },
  delete: (bytes, random) => {
    const [start, end] = cut(bytes, random);
    return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
  },
  double: (bytes, random) => {
    const [start, end] = cut(bytes, random);
    return inserted(bytes, end, bytes.subarray(start, end));
  },
  truncate: (bytes, random) => bytes.subarray(0, below(random, bytes.length)),
  swapPieces: (bytes, random) => {
    const middle = 1 + below(random, bytes.length - 1);
    return Buffer.concat([bytes.subarray(middle), bytes.subarray(0, middle)]);
  },
  olderCopy: (_bytes, _random, { older }) => older,
  otherRun: (_bytes, _random, { foreign }) => foreign,
  otherFile: (_bytes, _random, { sibling }) => sibling,
  changedDigit: (bytes, random) =>
    replaced(bytes, random, /\d/g, (digit) => String((Number(digit) + 1 + below(random, 9)) % 10)),
  changedLetter: (bytes, random) =>
    replaced(bytes, random, /[a-z]/g, () => String.fromCharCode(97 + below(random, 26))),
  wrongType: (bytes, random) =>
    replaced(bytes, random, textValue, () => pick(random, ["null", "7", "[]", "{}", "true"])),
  hugeNumber: (bytes, random) =>
    replaced(bytes, random, number, () => pick(random, ["1e400", "-1e999", "9".repeat(400)])),
  exactBigNumber: (bytes, random) => replaced(bytes, random, number, () => "9007199254740993"),
  notANumber: (bytes, random) => replaced(bytes, random, number, () => pick(random, ["NaN", "Infinity", "-Infinity"])),
  deepNesting: (bytes, random) => replaced(bytes, random, textValue, () => "[".repeat(10_000) + "]".repeat(10_000)),
  duplicateKey: (bytes, random) => replaced(bytes, random, opened, () => '{"version":1,"version":1,'),
  doubledKey: (bytes, random) => replaced(bytes, random, /"(\w+)": \d+,/g, (member) => `${member}${member}`),
  prototypeKey: (bytes, random) => replaced(bytes, random, opened, () => '{"__proto__":{"polluted":true},'),
  constructorKey: (bytes, random) =>
    replaced(bytes, random, opened, () => '{"constructor":{"prototype":{"polluted":true}},'),
  extraKey: (bytes, random) => replaced(bytes, random, opened, () => '{"py/object":"os.system",'),
  byteOrderMark: (bytes) => inserted(bytes, 0, "\uFEFF"),
  windowsLines: (bytes) => Buffer.from(bytes.toString().replaceAll("\n", "\r\n")),
  nul: (bytes, random) => inserted(bytes, below(random, bytes.length), "\0"),
  zeroed: (bytes, random) => Buffer.from(bytes).fill(0, ...cut(bytes, random)),
  loneSurrogate: (bytes, random) => replaced(bytes, random, textValue, (value) => `${value.slice(0, -1)}\\ud800"`),
  brokenUtf8: (bytes, random) => inserted(bytes, below(random, bytes.length), Buffer.from([0xc3])),
  newerVersion: (bytes) => Buffer.from(bytes.toString().replace(/"version": ?1\b/, '"version": 2')),
  empty: () => Buffer.alloc(0),
};

/** One random mutation. */
export function mutate(bytes: Buffer, random: Random, others: Others): { kind: string; bytes: Buffer } {
  const kind = pick(random, Object.keys(mutations));
  const mutation = mutations[kind] as Mutation;
  return { kind, bytes: mutation(bytes, random, others) };
}
