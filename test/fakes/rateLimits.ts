/** The limits of a service as it keeps and states them itself: the other side of the limiter. */

export interface RateLimits {
  /** Limits a minute. */
  requests?: number;
  tokens?: number;
  /** Filled bit by bit, as OpenAI does it, or all at once at the end of each minute. */
  kind: "bucket" | "window";
}

export interface Admission {
  admitted: boolean;
  /** `x-ratelimit-*`, and `retry-after` with a refusal. */
  headers: Record<string, string>;
}

const minute = 60_000;

/** @param now milliseconds */
export function createRateLimits(
  limits: RateLimits,
  now: () => number,
): {
  /** Lets a request in that may use so many tokens, or refuses it, which costs nothing. */
  admit(tokens: number): Admission;
  /** Requests that came before the time a refusal had named. */
  early(): number;
} {
  const stores = { requests: limits.requests, tokens: limits.tokens };
  const kept = Object.entries(stores)
    .filter((entry): entry is [string, number] => entry[1] !== undefined)
    .map(([name, limit]) => ({ name, limit, left: limit, filledAt: now(), windowEnd: now() + minute }));
  let refusedAt = Number.NEGATIVE_INFINITY;
  let notBefore = Number.NEGATIVE_INFINITY;
  let early = 0;

  type Store = (typeof kept)[0];
  function refill(store: Store): void {
    const at = now();
    if (limits.kind === "bucket") {
      store.left = Math.min(store.limit, store.left + ((at - store.filledAt) * store.limit) / minute);
      store.filledAt = at;
    } else if (at >= store.windowEnd) {
      store.left = store.limit;
      store.windowEnd += Math.ceil((at - store.windowEnd + 1) / minute) * minute;
    }
  }
  const untilLeft = (store: Store, wanted: number): number =>
    limits.kind === "bucket" ? ((wanted - store.left) * minute) / store.limit : store.windowEnd - now();
  const headersOf = (): Record<string, string> =>
    Object.fromEntries(
      kept.flatMap((store) => [
        [`x-ratelimit-limit-${store.name}`, String(store.limit)],
        [`x-ratelimit-remaining-${store.name}`, String(Math.max(0, Math.floor(store.left)))],
        [`x-ratelimit-reset-${store.name}`, `${Math.ceil(untilLeft(store, store.limit))}ms`],
      ]),
    );

  return {
    admit(tokens) {
      const at = now();
      if (at < notBefore && at > refusedAt + onItsWay) early += 1;
      kept.forEach(refill);
      const cost = (store: Store) => (store.name === "requests" ? 1 : Math.min(tokens, store.limit));
      const lacking = kept.filter((store) => store.left < cost(store));
      if (lacking.length === 0) {
        for (const store of kept) store.left -= cost(store);
        return { admitted: true, headers: headersOf() };
      }
      const wait = Math.ceil(Math.max(...lacking.map((store) => untilLeft(store, cost(store)))));
      refusedAt = at;
      notBefore = Math.max(notBefore, at + wait);
      return { admitted: false, headers: { ...headersOf(), "retry-after-ms": String(wait) } };
    },
    early: () => early,
  };
}

/** Milliseconds; a request that comes sooner after a refusal was sent before its sender knew. */
const onItsWay = 100;
