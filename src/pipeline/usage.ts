/** What requests to teacher and judge came to, added up. */
import type { Usage } from "../protocol/model.ts";

/** Null when nobody counted; dollars are null as soon as one price is not known. */
export const totalUsage = (usages: readonly (Usage | null)[]): Usage | null =>
  usages.reduce<Usage | null>(together, null);

function together(one: Usage | null, other: Usage | null): Usage | null {
  if (!one || !other) return one ?? other;
  return {
    requests: one.requests + other.requests,
    inputTokens: one.inputTokens + other.inputTokens,
    outputTokens: one.outputTokens + other.outputTokens,
    dollars: one.dollars === null || other.dollars === null ? null : one.dollars + other.dollars,
  };
}
