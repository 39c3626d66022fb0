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
   * Sets the most a request can cost aside, and waits where only requests under way stand in the way of it.
   * @throws UserError E_BUDGET when the cap could be passed; the signal's reason
   */
  reserve(price: Price | null, most: TokenCount, signal?: AbortSignal): Promise<Charge>;
  usage(): Usage;
  /** Requests without an answer that may have been paid for. */
  possiblyPaid(): number;
}

export function createMeter(cap: SpendingCap = createSpendingCap(null)): Meter {
  const total = { requests: 0, inputTokens: 0, outputTokens: 0, dollars: 0 };
  let dollarsKnown = true;
  let possiblyPaid = 0;

  return {
    async reserve(price, most, signal) {
      if (cap.limited && !price)
        throw new UserError("E_BUDGET", "The model's price is not known, so the spending limit cannot be kept.");
      const reserved = price ? dollarsOf(price, most) : 0;
      const end = await cap.take(reserved, signal);
      total.requests += 1;
      return {
        settle(tokens) {
          if (tokens) {
            total.inputTokens += tokens.input;
            total.outputTokens += tokens.output;
          }
          if (!tokens || !price) {
            dollarsKnown = false;
            end(reserved);
            return;
          }
          const dollars = dollarsOf(price, tokens);
          total.dollars += dollars;
          end(dollars);
        },
        unknown() {
          possiblyPaid += 1;
          end(reserved);
        },
        free() {
          end(0);
        },
      };
    },
    usage: () => ({ ...total, dollars: dollarsKnown ? total.dollars : null }),
    possiblyPaid: () => possiblyPaid,
  };
}
