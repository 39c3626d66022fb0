/** Services with other limits, and the time that nobody can beat at each of them. */
import type { FakeServer } from "../test/fakes/openaiServer.ts";
import type { RateLimits } from "../test/fakes/rateLimits.ts";
import { normalDraws, seededRandom } from "./seededRandom.ts";

export interface Profile {
  name: string;
  /** What decides the time. */
  bound: "latency" | "requests" | "tokens";
  /** Questions asked. */
  questions: number;
  limits: RateLimits & { requests: number; tokens: number };
}

/**
 * Limits as OpenAI gives them to small accounts (500 requests and 200,000 tokens a minute), and one a hundred times as
 * large. Each takes less than a minute.
 */
export const profiles: readonly Profile[] = [
  {
    name: "limits far away",
    bound: "latency",
    questions: 3300,
    limits: { kind: "bucket", requests: 50_000, tokens: 200_000_000 },
  },
  {
    name: "500 requests a minute",
    bound: "requests",
    questions: 950,
    limits: { kind: "bucket", requests: 500, tokens: 20_000_000 },
  },
  {
    name: "200,000 tokens a minute",
    bound: "tokens",
    questions: 390,
    limits: { kind: "bucket", requests: 500, tokens: 200_000 },
  },
];

/** Requests at once that the ideal is computed with: the most our limiter ever sends. */
export const atOnce = 64;

/** Milliseconds from request to answer, log-normal about 1 s, as small chat models take for 60 words. */
export function latencyOf(profile: Profile): (number: number) => number {
  const draw = normalDraws(seededRandom("latency", profile.name));
  const drawn: number[] = [];
  return (number) => {
    while (drawn.length <= number) drawn.push(Math.min(3000, Math.max(300, 1000 * Math.exp(0.3 * draw()))));
    return drawn[number] ?? 1000;
  };
}

/**
 * Seconds the work takes at least, by the server's own ledger: the largest of
 * (requests − RPM) ÷ RPM · 60 and (tokens − TPM) ÷ TPM · 60, as the stores are full at first and filled steadily, and
 * the sum of all latencies ÷ the requests at once.
 */
export function idealSeconds({ limits }: Profile, server: FakeServer, latency: (number: number) => number): number {
  const admitted = server.calls.filter((call) => call.admitted);
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
  const tokens = sum(admitted.map(({ tokensAsked }) => tokensAsked));
  return Math.max(
    ((admitted.length - limits.requests) / limits.requests) * 60,
    ((tokens - limits.tokens) / limits.tokens) * 60,
    sum(admitted.map(({ number }) => latency(number))) / 1000 / atOnce,
  );
}
