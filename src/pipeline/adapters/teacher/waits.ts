/** How long to wait before asking again: what the response's headers demand, or a back-off of our own. */

/** The longest wait that is sat out, in milliseconds. */
export const longestWait = 10 * 60_000;

/**
 * The wait a response demands, in milliseconds from `now`; null when it names none that makes sense.
 * Reads `retry-after-ms`, `Retry-After` as seconds or HTTP date (RFC 9110, 10.2.3), then the reset
 * times of limits that are used up.
 */
export function askedWait(headers: Headers, now: number): number | null {
  const milliseconds = positive(headers.get("retry-after-ms"));
  if (milliseconds !== null) return milliseconds;
  const after = headers.get("retry-after")?.trim() ?? "";
  const seconds = positive(after);
  if (seconds !== null) return seconds * 1000;
  const date = httpDate(after);
  if (date !== null) {
    // Dates have whole seconds, and the server's clock may differ from ours: its own Date tells by how much.
    const wait = date - (httpDate(headers.get("date") ?? "") ?? now);
    if (wait > 0) return wait;
  }
  return usedUpWait(headers);
}

/** The time until the last of the used-up limits (`x-ratelimit-remaining-*: 0`) resets; null when none is. */
export function usedUpWait(headers: Headers): number | null {
  const waits = ["requests", "tokens"]
    .filter((kind) => headers.get(`x-ratelimit-remaining-${kind}`)?.trim() === "0")
    .map((kind) => resetTime(headers.get(`x-ratelimit-reset-${kind}`) ?? ""))
    .filter((wait) => wait !== null);
  return waits.length > 0 ? Math.max(...waits) : null;
}

/** What a service says it still grants of one kind. */
export interface Grant {
  /** The most there can be; null when it is not told. */
  limit: number | null;
  left: number;
  /** Milliseconds until all of the limit is there again; null when it is not told. */
  resetMs: number | null;
}

/** The grant that a response's `x-ratelimit-*` headers name; null without a number of what is left. */
export function grantOf(headers: Headers, kind: "requests" | "tokens"): Grant | null {
  const left = count(headers.get(`x-ratelimit-remaining-${kind}`));
  if (left === null) return null;
  const limit = count(headers.get(`x-ratelimit-limit-${kind}`));
  return {
    limit: limit === null || limit === 0 ? null : Math.max(limit, left),
    left,
    resetMs: resetTime(headers.get(`x-ratelimit-reset-${kind}`) ?? ""),
  };
}

function count(text: string | null): number | null {
  return text !== null && /^\d{1,12}$/.test(text.trim()) ? Number(text) : null;
}

/** 1 s, 2 s, 4 s … at most 60 s, each with a random half so that clients do not come back together. */
export function backOff(failures: number, random: () => number): number {
  const full = Math.min(60_000, 1000 * 2 ** Math.max(0, failures - 1));
  return full / 2 + random() * (full / 2);
}

function positive(text: string | null): number | null {
  if (text === null || !/^\d{1,12}(\.\d+)?$/.test(text.trim())) return null;
  const value = Number(text);
  // Zero would mean a loop without a pause.
  return value > 0 ? value : null;
}

function httpDate(text: string): number | null {
  // Date.parse takes "-1" and much else for a date.
  if (!/^[a-z]{3,9},? .*\d:\d\d/i.test(text.trim())) return null;
  const date = Date.parse(text);
  return Number.isNaN(date) ? null : date;
}

/** "1s", "6m0s", "20ms", "1h2m3.5s" or plain seconds, in milliseconds. */
function resetTime(text: string): number | null {
  const trimmed = text.trim();
  const plain = positive(trimmed);
  // A larger number is a point in time, whose zero nobody agrees on.
  if (plain !== null) return plain <= 86_400 ? plain * 1000 : null;
  if (!/^(\d+(\.\d+)?(h|ms|m|s))+$/.test(trimmed)) return null;
  const units: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
  const parts = [...trimmed.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s)/g)];
  const sum = parts.reduce((total, [, value, unit]) => total + Number(value) * (units[unit ?? ""] ?? 0), 0);
  return sum > 0 ? sum : null;
}
