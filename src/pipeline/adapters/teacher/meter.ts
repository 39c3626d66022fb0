/** Counts what a model spent, and stops before a request that could pass the limit. */
import type { Usage } from "../../../protocol/model.ts";
import { UserError } from "../../../protocol/errors.ts";
import { dollarsOf, type Price, type TokenCount } from "./prices.ts";
import { createSpendingCap, type SpendingCap } from "./spendingCap.ts";

/** One request that is about to be sent. Exactly one of the methods ends it. */
export interface Charge {
  /** The service answered; `null` when it did not say what it used. */
  settle(tokens: TokenCount | null): void;
  /** No answer came: it may have been paid for, so the cap counts it in full. */
  unknown(): void;
  /** The service refused it: costs nothing. */
  free(): void;
}

export interface Meter {
  /**
   * Sets the most a request can cost aside.
   * @throws UserError E_BUDGET when the cap could be passed.
   */
  reserve(price: Price | null, most: TokenCount): Charge;
  usage(): Usage;
  /** Requests without an answer that may have been paid for. */
  possiblyPaid(): number;
}

export function createMeter(cap: SpendingCap = createSpendingCap(null)): Meter {
  const total = { requests: 0, inputTokens: 0, outputTokens: 0, dollars: 0 };
  let dollarsKnown = true;
  let possiblyPaid = 0;

  return {
    reserve(price, most) {
      if (cap.limited && !price)
        throw new UserError("E_BUDGET", "The model's price is not known, so the spending limit cannot be kept.");
      const reserved = price ? dollarsOf(price, most) : 0;
      cap.take(reserved);
      total.requests += 1;
      return {
        settle(tokens) {
          if (tokens) {
            total.inputTokens += tokens.input;
            total.outputTokens += tokens.output;
          }
          if (!tokens || !price) {
            dollarsKnown = false;
            return;
          }
          const dollars = dollarsOf(price, tokens);
          total.dollars += dollars;
          cap.giveBack(reserved - dollars);
        },
        unknown() {
          possiblyPaid += 1;
        },
        free() {
          cap.giveBack(reserved);
        },
      };
    },
    usage: () => ({ ...total, dollars: dollarsKnown ? total.dollars : null }),
    possiblyPaid: () => possiblyPaid,
  };
}
