/** What the online models of a run share: one spending limit, and one limiter for each account. */
import { createLimiter, type Limiter } from "./limiter.ts";
import type { SpendingCap } from "./spendingCap.ts";

export interface Accounts {
  /** An account is a key at an origin; null where the server takes none. */
  of(baseUrl: string, apiKey: string | null): { cap: SpendingCap; limiter: Limiter };
}

/** @param onNotice told about waits, with the seconds left */
export function createAccounts(cap: SpendingCap, onNotice: (text: string) => void): Accounts {
  const limiters = new Map<string, Limiter>();
  return {
    of(baseUrl, apiKey) {
      const account = JSON.stringify([new URL(baseUrl).origin, apiKey]);
      const limiter = limiters.get(account) ?? createLimiter({ onNotice });
      limiters.set(account, limiter);
      return { cap, limiter };
    },
  };
}
