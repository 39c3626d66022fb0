/**
 * How fast one model may be asked, as the `x-ratelimit-*` headers of its responses tell: requests and tokens, each a
 * store that is drawn from and filled again. Services fill it bit by bit (OpenAI's token bucket) or all at once at the
 * end of a window; which of the two shows in how the time to the reset moves.
 */
import { grantOf, type Grant } from "./waits.ts";

export interface Pace {
  /** Milliseconds until such a request may go; 0 for now, Infinity when only a response under way can tell. */
  wait(tokens: number): number;
  /** Notes that a request goes now. The returned function takes the headers of its response. */
  sent(tokens: number): (headers: Headers) => void;
  /** True once a response stated a limit. */
  readonly stated: boolean;
}

/** @param now milliseconds, monotonic */
export function createPace(now: () => number): Pace {
  const requests = createStore(now);
  const tokenStore = createStore(now);
  return {
    wait: (tokens) => Math.max(requests.wait(1), tokenStore.wait(tokens)),
    sent(tokens) {
      const learn = { requests: requests.draw(1), tokens: tokenStore.draw(tokens) };
      return (headers) => {
        learn.requests(grantOf(headers, "requests"));
        learn.tokens(grantOf(headers, "tokens"));
      };
    },
    get stated() {
      return requests.stated || tokenStore.stated;
    },
  };
}

/** Share of a store that is left in it, so that a request overtaken on its way still finds room. */
const reserve = 0.01;

/** One store. Its level is what the latest response said, filled since, less what was drawn after that request. */
function createStore(now: () => number) {
  let told: (Grant & { at: number; number: number; drawn: number }) | null = null;
  let draws = 0;
  let drawn = 0;
  let fillsSteadily = true;

  /** Windows that ended since are full again. */
  function refresh(): void {
    if (!told || told.resetMs === null || (fillsSteadily && told.limit !== null)) return;
    if (now() < told.at + told.resetMs) return;
    told = told.limit === null ? null : { ...told, left: told.limit, resetMs: null, drawn };
  }

  return {
    wait(cost: number): number {
      refresh();
      if (!told) return 0;
      const { limit, left, resetMs, at } = told;
      const passed = now() - at;
      const perMs = fillsSteadily && limit !== null && resetMs !== null ? (limit - left) / resetMs : 0;
      const level = Math.min(limit ?? Infinity, left + perMs * passed - (drawn - told.drawn));
      // What is larger than the whole store goes when the store is full.
      const needed = Math.min(cost + (perMs > 0 ? reserve * (limit ?? 0) : 0), limit ?? Infinity);
      if (level >= needed) return 0;
      if (resetMs === null) return Infinity;
      return perMs > 0 ? (needed - level) / perMs : resetMs - passed;
    },

    draw(cost: number): (grant: Grant | null) => void {
      const at = now();
      const number = ++draws;
      drawn += cost;
      const drawnBefore = drawn;
      return (grant) => {
        // Answers overtake each other; the request sent last knows best.
        if (!grant || (told && told.number >= number)) return;
        if (told && told.resetMs !== null && grant.resetMs !== null && grant.left < told.left) {
          if (grant.resetMs > told.resetMs) fillsSteadily = true;
          if (grant.resetMs < told.resetMs) fillsSteadily = false;
        }
        told = { ...grant, at, number, drawn: drawnBefore };
      };
    },

    get stated() {
      return told !== null && told.limit !== null;
    },
  };
}
