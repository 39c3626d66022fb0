import { UserError } from "../../../protocol/errors.ts";
import type { JudgeModel, Prices, RunSettings } from "../../../protocol/run.ts";

/**
 * US dollars per million tokens. Standard tier, without batch or cache discounts beyond `cachedInput`.
 */
export interface Price {
  input: number;
  /** Input the provider had cached. */
  cachedInput: number;
  output: number;
}

/**
 * Source: https://platform.openai.com/docs/pricing, as published in 2026. Only for api.openai.com. What a provider takes
 * for writing to its cache (gpt-6-luna: 1.25 times the input) counts for all input, as replies do not tell how much it was.
 */
const openaiPrices: Readonly<Record<string, Price>> = {
  "gpt-4o-mini": { input: 0.15, cachedInput: 0.075, output: 0.6 },
  "gpt-4o": { input: 2.5, cachedInput: 1.25, output: 10 },
  "gpt-4.1": { input: 2, cachedInput: 0.5, output: 8 },
  "gpt-4.1-mini": { input: 0.4, cachedInput: 0.1, output: 1.6 },
  "gpt-4.1-nano": { input: 0.1, cachedInput: 0.025, output: 0.4 },
  "gpt-6-luna": { input: 0.125, cachedInput: 0.01, output: 0.5 },
  "text-embedding-3-small": { input: 0.02, cachedInput: 0.02, output: 0 },
  "text-embedding-3-large": { input: 0.13, cachedInput: 0.13, output: 0 },
};

/** A name without its date: "gpt-4o-mini" of "gpt-4o-mini-2024-07-18". */
export const undated = (model: string): string => model.replace(/-\d{4}-\d{2}-\d{2}$/, "");

/**
 * The price of a model at an endpoint; null when it is not known. Dated names count as the model.
 * @param own prices the user gave; they stand above the table
 */
export function priceOf(model: string, baseUrl: string, own: Prices = {}): Price | null {
  const plain = undated(model);
  const given = [model, plain].find((name) => Object.hasOwn(own, name));
  const price = given === undefined ? undefined : own[given];
  if (price) return { ...price, cachedInput: price.cachedInput ?? price.input };
  if (new URL(baseUrl).hostname !== "api.openai.com") return null;
  return Object.hasOwn(openaiPrices, plain) ? (openaiPrices[plain] ?? null) : null;
}

/** @throws UserError E_SETTINGS for a budget that cannot be kept, as the model's price is not known */
export function checkPrice(
  { model, baseUrl }: JudgeModel,
  { budget, prices }: Pick<RunSettings, "budget" | "prices">,
): void {
  if (budget === null || priceOf(model, baseUrl, prices)) return;
  const { host } = new URL(baseUrl);
  throw new UserError(
    "E_SETTINGS",
    `The price of ${model} at ${host} is not known, so no budget can be kept. Prices can be given with the run.`,
  );
}

export interface TokenCount {
  input: number;
  /** Part of `input`. */
  cachedInput: number;
  output: number;
}

/** US dollars. */
export function dollarsOf(price: Price, { input, cachedInput, output }: TokenCount): number {
  return ((input - cachedInput) * price.input + cachedInput * price.cachedInput + output * price.output) / 1e6;
}
