/** C14: 1,000 questions through a mix of all faults; a release plays several mixes. */
import { afterEach, describe, expect, it } from "vitest";
import { createClock } from "../../src/pipeline/adapters/teacher/clock.ts";
import { createLimiter, type Limiter } from "../../src/pipeline/adapters/teacher/limiter.ts";
import { dollarsOf } from "../../src/pipeline/adapters/teacher/prices.ts";
import { createSpendingCap } from "../../src/pipeline/adapters/teacher/spendingCap.ts";
import { UserError } from "../../src/protocol/errors.ts";
import type { Reference } from "../../src/protocol/model.ts";
import { amount, faultSeed, tell } from "../fakes/amounts.ts";
import { closeAll, domain, fast, liftQuestion, section, setUp, signal } from "../fakes/openaiSetup.ts";
import type { Behavior } from "../fakes/openaiServer.ts";
import { pick, seededRandom } from "../fakes/random.ts";

afterEach(closeAll);

const seeds = Array.from({ length: amount("MIX_SEEDS", 1) }, (_, index) => faultSeed(20261126) + index);
const items = 1000;
const price = { input: 0.15, cachedInput: 0.075, output: 0.6 };

const status = (code: number, headers: Record<string, string> = {}): Behavior => ({
  kind: "status",
  status: code,
  headers,
});
const tooMany = [{}, { "retry-after": "2" }, { "retry-after": "5" }, { "retry-after-ms": "700" }];

/** 10 % 429, 5 % 5xx, 2 % hang, 2 % garbage, 1 % cut; the rest is well. */
function mix(seed: number): () => Behavior {
  const random = seededRandom(seed);
  return () => {
    const draw = random() * 100;
    if (draw < 10) return status(429, pick(random, tooMany));
    if (draw < 15) return status(pick(random, [500, 502, 503, 529]));
    if (draw < 17) return { kind: pick(random, ["hangBeforeHeaders", "hangInBody"] as const) };
    if (draw < 19) return { kind: pick(random, ["html", "empty", "brokenEnvelope", "wrongShape"] as const) };
    return { kind: draw < 20 ? "cut" : "normal" };
  };
}

/** A limiter that writes down when it sends, and until when it was told not to. */
function watched(limiter: Limiter, now: () => number) {
  const sent: number[] = [];
  const demands: { from: number; until: number }[] = [];
  const watching: Limiter = {
    run: (call) =>
      limiter.run({
        ...call,
        send: (gate) =>
          call.send({
            ...gate,
            async open() {
              await gate.open();
              sent.push(now());
            },
          }),
        classify: (error, everSucceeded) => {
          const verdict = call.classify(error, everSucceeded);
          if (verdict.kind === "again" && verdict.askedMs !== null)
            demands.push({ from: now(), until: now() + verdict.askedMs });
          return verdict;
        },
      }),
    get concurrency() {
      return limiter.concurrency;
    },
    get stopped() {
      return limiter.stopped;
    },
  };
  const early = () => sent.filter((at) => demands.some(({ from, until }) => at > from && at < until)).length;
  return { watching, early, demands };
}

/** Asks for 1,000 references under a spending limit of so many US dollars. */
async function askAll(seed: number, limit: number) {
  const clock = createClock(fast);
  const { watching, early, demands } = watched(createLimiter({ clock }), clock.now);
  const noted: number[] = [];
  const cap = createSpendingCap(limit, 0, (spent) => noted.push(spent));
  const script = mix(seed);
  const { teacher, server } = await setUp(
    { script },
    { clock, limiter: watching, cap, prices: { "gpt-4o-mini": price }, timeoutMs: 200 },
  );
  const outcomes = await Promise.allSettled(
    Array.from({ length: items }, () => teacher.reference(liftQuestion, section, domain, signal)),
  );
  const spent = server
    .paid()
    .map(({ inputTokens, outputTokens }) =>
      dollarsOf(price, { input: inputTokens, cachedInput: 0, output: outputTokens }),
    )
    .reduce((sum, dollars) => sum + dollars, 0);
  const done = outcomes.filter((each) => each.status === "fulfilled" && each.value.status === "answered").length;
  const named = outcomes.filter(isNamed).length;
  console.info(
    `Seed ${seed}: ${done} done, ${named} named, ${server.calls.length} calls, ${demands.length} demands to wait, $${spent.toFixed(4)} of $${limit} spent.`,
  );
  return {
    outcomes,
    calls: server.calls.length,
    done,
    named,
    early: early(),
    demands,
    spent,
    noted: noted.at(-1) ?? 0,
  };
}

function isNamed(outcome: PromiseSettledResult<Reference>): boolean {
  return outcome.status === "rejected" ? outcome.reason instanceof UserError : outcome.value.status !== "answered";
}

describe.each(seeds)("C14: a mix of faults, seed %d", (seed) => {
  it("every question is answered or named, with few calls and none too early", { timeout: 120_000 }, async () => {
    const { calls, done, named, early, demands, spent, noted } = await askAll(seed, 10);
    expect(done + named).toBe(items);
    expect(done).toBeGreaterThanOrEqual(0.99 * items);
    expect(calls / done).toBeLessThanOrEqual(1.5);
    expect(demands.length).toBeGreaterThan(20);
    expect(early).toBe(0);
    expect(spent).toBeLessThanOrEqual(noted);
    expect(noted).toBeLessThanOrEqual(10);
    tell("questions in a mix of faults", { tried: items, seed, done, named, calls, early });
  });

  it("no more is spent than the limit allows where that ends it halfway", { timeout: 120_000 }, async () => {
    const limit = 0.1;
    const { outcomes, done, named, early, spent, noted } = await askAll(seed, limit);
    expect(done + named).toBe(items);
    expect(done).toBeGreaterThan(0);
    const codes = outcomes.flatMap((each) => (each.status === "rejected" ? [(each.reason as UserError).code] : []));
    expect(codes).toContain("E_BUDGET");
    expect(early).toBe(0);
    expect(spent).toBeLessThanOrEqual(noted);
    expect(noted).toBeLessThanOrEqual(limit);
  });
});
