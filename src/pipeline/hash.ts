/** Stable JSON and hashes: the ground that fingerprints, item keys and file checks stand on. */
import { createHash } from "node:crypto";

/**
 * JSON with sorted keys, so that equal values give equal bytes. `undefined` members are left out as
 * in JSON.stringify.
 * @throws TypeError for NaN, infinities and values JSON has no form for.
 */
export function stableJson(value: unknown, indent?: number): string {
  return JSON.stringify(sorted(value), null, indent);
}

function sorted(value: unknown): unknown {
  if (typeof value === "number" && !Number.isFinite(value)) throw new TypeError(`${value} has no JSON form`);
  if (typeof value === "function" || typeof value === "bigint" || typeof value === "symbol")
    throw new TypeError(`a ${typeof value} has no JSON form`);
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  // A null prototype keeps a key named __proto__ an ordinary key.
  const result: Record<string, unknown> = Object.create(null);
  for (const key of Object.keys(value).sort()) result[key] = sorted((value as Record<string, unknown>)[key]);
  return result;
}

/** SHA-256 of text or bytes, as 64 hex digits. */
export function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

/** SHA-256 of a value's stable JSON. */
export function hashOf(value: unknown): string {
  return sha256(stableJson(value));
}

/** A seed in 0 … 2³¹−1 that depends on every part. */
export function seedOf(...parts: unknown[]): number {
  return Number.parseInt(hashOf(parts).slice(0, 8), 16) & 0x7fffffff;
}

/** A seeded permutation: order by the hash of seed and key, so adding an element moves no other. */
export function shuffled<T>(items: readonly T[], seed: number, key: (item: T) => string): T[] {
  return items
    .map((item) => ({ item, order: hashOf([seed, key(item)]) }))
    .sort((a, b) => (a.order < b.order ? -1 : 1))
    .map(({ item }) => item);
}
