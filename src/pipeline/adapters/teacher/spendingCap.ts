/** The spending limit of a run, which all its online models share. What was spent is kept in run.json. */
import { UserError } from "../../../protocol/errors.ts";
import type { RunStore } from "../../ports.ts";

export interface SpendingCap {
  /** Whether there is a limit; models without a known price cannot be held to one. */
  readonly limited: boolean;
  /**
   * Sets US dollars aside for a request that is about to be sent. Where they are too many, it waits for requests under
   * way to end, as most cost less than was set aside; who asked first is first.
   * @returns what ends the request, with the US dollars it cost at most; to be called once
   * @throws UserError E_BUDGET when nothing is under way and the limit could be passed, and ever after; the signal's
   * reason when it stops the waiting
   */
  take(dollars: number, signal?: AbortSignal): Promise<(cost: number) => void>;
}

interface Waiting {
  dollars: number;
  go(): void;
  giveUp(error: unknown): void;
}

/**
 * @param limit US dollars; null for none
 * @param spent US dollars at most spent before
 * @param onChange called with what is at most spent by now, requests under way included
 */
export function createSpendingCap(
  limit: number | null,
  spent = 0,
  onChange: (spent: number) => void = () => {},
): SpendingCap {
  let atMost = spent;
  let underWay = 0;
  let refused: UserError | null = null;
  const waiting: Waiting[] = [];

  function change(dollars: number): void {
    atMost += dollars;
    if (dollars !== 0) onChange(atMost);
  }

  /** Lets go who may; nobody who came later overtakes one whose dollars are too many. */
  function admit(): void {
    for (let next = waiting[0]; next; next = waiting[0]) {
      if (limit === null || atMost + next.dollars <= limit) {
        waiting.shift();
        underWay += 1;
        change(next.dollars);
        next.go();
      } else if (underWay > 0) {
        return;
      } else {
        refused = new UserError(
          "E_BUDGET",
          `The next request could pass the spending limit of $${limit}; at most $${atMost.toFixed(4)} are spent.`,
        );
        for (const each of waiting.splice(0)) each.giveUp(refused);
      }
    }
  }

  function end(setAside: number, cost: number): void {
    underWay -= 1;
    change(cost - setAside);
    // Not in the same breath: what the service asked for with its answer comes to the limiter first.
    if (waiting.length > 0) setImmediate(admit);
  }

  return {
    limited: limit !== null,
    async take(dollars, signal) {
      signal?.throwIfAborted();
      if (refused) throw refused;
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const entry: Waiting = { dollars, go: resolve, giveUp: reject };
      const leave = (): void => {
        const place = waiting.indexOf(entry);
        if (place >= 0) waiting.splice(place, 1);
        reject(signal?.reason);
        // The one behind may need less.
        admit();
      };
      signal?.addEventListener("abort", leave, { once: true });
      waiting.push(entry);
      admit();
      try {
        await promise;
      } finally {
        signal?.removeEventListener("abort", leave);
      }
      return (cost) => end(dollars, cost);
    },
  };
}

/**
 * The limit of a run, which counts on over all its starts. What is noted includes requests under way, so that those of
 * a killed run count as paid; a kill can lose the note of the last milliseconds.
 */
export function spendingCapOf(store: RunStore): SpendingCap & { kept(): Promise<void> } {
  const { settings, spentDollars = 0 } = store.file;
  let latest = spentDollars;
  let written = spentDollars;
  let writing: Promise<void> | null = null;
  async function write(): Promise<void> {
    try {
      while (written !== latest) {
        const spent = latest;
        await store.updateFile((file) => ({ ...file, spentDollars: Math.max(0, spent) }));
        written = spent;
      }
    } catch {
      // A disk that takes nothing more ends the run elsewhere, with the right name; the next change is noted again.
    } finally {
      writing = null;
    }
  }
  const cap = createSpendingCap(settings.budget, spentDollars, (spent) => {
    latest = spent;
    writing ??= write();
  });
  return { ...cap, kept: async () => void (await writing) };
}
