/** The limiter against services that state their limits in the headers of each response. */
import { describe, expect, it } from "vitest";
import { createLimiter, type Verdict } from "../../src/pipeline/adapters/teacher/limiter.ts";
import { askedWait } from "../../src/pipeline/adapters/teacher/waits.ts";
import { createRateLimits, type RateLimits } from "../fakes/rateLimits.ts";
import { createVirtualClock } from "../fakes/virtualClock.ts";

const refusal = (askedMs: number | null): Verdict => ({
  kind: "again",
  everyone: true,
  askedMs,
  maxTries: 7,
  code: "E_SERVICE",
  sentence: "x is busy",
});

/** Runs calls against a service with limits, on a clock without real time. Times in milliseconds. */
async function runAgainst(limits: RateLimits, { count = 600, latency = 1000, used = 300 } = {}) {
  const clock = createVirtualClock();
  const service = createRateLimits(limits, clock.now);
  const limiter = createLimiter({ clock });
  const tally = { requests: 0, refused: 0, most: 0 };
  let underWay = 0;
  const one = () =>
    limiter.run({
      model: "m",
      tokens: 300,
      signal: new AbortController().signal,
      classify: (error) => error as Verdict,
      async send() {
        tally.requests += 1;
        tally.most = Math.max(tally.most, ++underWay);
        try {
          await clock.sleep(20);
          const { admitted, headers } = service.admit(used);
          if (!admitted) {
            tally.refused += 1;
            throw refusal(askedWait(new Headers(headers), 0));
          }
          await clock.sleep(latency - 40);
          return { value: null, headers: new Headers(headers) };
        } finally {
          await clock.sleep(20);
          underWay -= 1;
        }
      },
    });
  await Promise.all(Array.from({ length: count }, one));
  return { ...tally, wall: clock.now(), early: service.early() };
}

describe("limits that a service states", () => {
  it.each<[string, RateLimits, Parameters<typeof runAgainst>[1], number]>([
    // 300 are there, the others come at 5 a second.
    ["requests, filled bit by bit", { kind: "bucket", requests: 300 }, {}, 60_000],
    // The last of them is answered 6 s after it came.
    ["requests, slow answers", { kind: "bucket", requests: 300 }, { latency: 6000, count: 900 }, 126_000],
    // 60,000 are there, the others come at 1,000 a second.
    ["tokens, filled bit by bit", { kind: "bucket", tokens: 60_000, requests: 5000 }, {}, 120_000],
    ["tokens that are fewer than asked for", { kind: "bucket", tokens: 60_000 }, { used: 150, count: 800 }, 60_000],
    ["requests, by the minute", { kind: "window", requests: 250 }, {}, 121_000],
    ["tokens, by the minute", { kind: "window", tokens: 60_000 }, {}, 121_000],
    ["limits far away", { kind: "bucket", requests: 1e6, tokens: 1e9 }, { count: 2000 }, 32_000],
  ])("%s: none is sent too soon, and little time is lost", async (_, limits, work, ideal) => {
    const { wall, refused, requests, early } = await runAgainst(limits, work);
    expect(refused / requests).toBeLessThanOrEqual(0.01);
    expect(early).toBe(0);
    expect(wall / ideal).toBeLessThanOrEqual(1.1);
  });

  it("let more run at once than where none are stated", async () => {
    const open = await runAgainst({ kind: "bucket" });
    expect(open.most).toBe(16);
    const stated = await runAgainst({ kind: "bucket", requests: 1e6 });
    expect(stated.most).toBe(64);
  });

  it("are each model's own: one that is used up holds no other back", async () => {
    const clock = createVirtualClock();
    const limiter = createLimiter({ clock });
    const ask = (model: string, headers: Record<string, string> = {}) =>
      limiter.run({
        model,
        tokens: 0,
        signal: new AbortController().signal,
        classify: (error) => error as Verdict,
        send: async () => ({ value: clock.now(), headers: new Headers(headers) }),
      });
    await ask("used up", { "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "20s" });
    const [first, second] = await Promise.all([ask("used up"), ask("free")]);
    expect([first, second]).toEqual([20_000, 0]);
  });
});
