/** What the online models of a run share: spending limit and prices, and one limiter for each account. */
import type { Prices } from "../../../protocol/run.ts";
import { createLimiter, type Limiter } from "./limiter.ts";
import type { RunStore } from "../../ports.ts";
import type { SpendingCap } from "./spendingCap.ts";

export interface Accounts {
  /** An account is a key at an origin; null where the server takes none. */
  of(
    baseUrl: string,
    apiKey: string | null,
  ): { cap: SpendingCap; prices: Prices; limiter: Limiter; onLearnt: (text: string) => void };
}

/**
 * What endpoints turn out not to accept is kept in run.json.
 * @param onNotice told that as well, and about waits with the seconds left
 */
export function createAccounts(
  cap: SpendingCap,
  store: Pick<RunStore, "file" | "updateFile">,
  onNotice: (text: string) => void,
): Accounts {
  const { prices } = store.file.settings;
  const limiters = new Map<string, Limiter>();
  const onLearnt = (text: string): void => {
    onNotice(text);
    const noted = store.updateFile((file) => ({
      ...file,
      endpointNotes: [...new Set([...(file.endpointNotes ?? []), text])],
    }));
    // A disk that takes nothing more ends the run elsewhere, with the right name.
    noted.catch(() => {});
  };
  return {
    of(baseUrl, apiKey) {
      const account = JSON.stringify([new URL(baseUrl).origin, apiKey]);
      const limiter = limiters.get(account) ?? createLimiter({ onNotice });
      limiters.set(account, limiter);
      return { cap, prices, limiter, onLearnt };
    },
  };
}
