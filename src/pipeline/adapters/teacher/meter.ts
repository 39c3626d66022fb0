/** Counts what was spent, and stops before a request that could pass the cap. */
import type { Usage } from "../../../protocol/model.ts";
import { UserError } from "../../../protocol/errors.ts";
import { dollarsOf, type Price, type TokenCount } from "./prices.ts";

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

/**
 * @param capDollars null for no cap. Models without a known price cannot be held to one.
 */
export function createMeter(capDollars: number | null): Meter {
  const total = { requests: 0, inputTokens: 0, outputTokens: 0, dollars: 0 };
  let dollarsKnown = true;
  let possiblyPaid = 0;
  /** What has been spent at most, with all that is under way. */
  let atMost = 0;

  return {
    reserve(price, most) {
      if (capDollars !== null && !price)
        throw new UserError("E_BUDGET", "The model's price is not known, so the spending limit cannot be kept.");
      const reserved = price ? dollarsOf(price, most) : 0;
      if (capDollars !== null && atMost + reserved > capDollars)
        throw new UserError(
          "E_BUDGET",
          `The next request could pass the spending limit of $${capDollars}; at most $${atMost.toFixed(4)} are spent.`,
        );
      atMost += reserved;
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
          atMost += dollars - reserved;
        },
        unknown() {
          possiblyPaid += 1;
        },
        free() {
          atMost -= reserved;
        },
      };
    },
    usage: () => ({ ...total, dollars: dollarsKnown ? total.dollars : null }),
    possiblyPaid: () => possiblyPaid,
  };
}
