/** The spending limit of a run, which all its online models share. What was spent is kept in run.json. */
import { UserError } from "../../../protocol/errors.ts";
import type { RunStore } from "../../ports.ts";

export interface SpendingCap {
  /** Whether there is a limit; models without a known price cannot be held to one. */
  readonly limited: boolean;
  /**
   * Sets US dollars aside for a request that is about to be sent.
   * @throws UserError E_BUDGET when the limit could be passed
   */
  take(dollars: number): void;
  /** Gives back what a request did not cost; less than nothing where it cost more than was set aside. */
  giveBack(dollars: number): void;
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
  return {
    limited: limit !== null,
    take(dollars) {
      if (limit !== null && atMost + dollars > limit)
        throw new UserError(
          "E_BUDGET",
          `The next request could pass the spending limit of $${limit}; at most $${atMost.toFixed(4)} are spent.`,
        );
      atMost += dollars;
      if (dollars > 0) onChange(atMost);
    },
    giveBack(dollars) {
      atMost -= dollars;
      if (dollars !== 0) onChange(atMost);
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
