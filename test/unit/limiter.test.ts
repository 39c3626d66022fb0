import { describe, expect, it } from "vitest";
import { UserError } from "../../src/protocol/errors.ts";
import { createClock } from "../../src/pipeline/adapters/teacher/clock.ts";
import { createLimiter, type Gate, type Limiter, type Verdict } from "../../src/pipeline/adapters/teacher/limiter.ts";
import { askedWait, backOff, usedUpWait } from "../../src/pipeline/adapters/teacher/waits.ts";

const fast = 200;
const busy = (askedMs: number | null = null): Verdict => ({
  kind: "again",
  everyone: true,
  askedMs,
  maxTries: 7,
  code: "E_SERVICE",
  sentence: "x is busy",
});
const down = (maxTries = 6): Verdict => ({
  kind: "again",
  everyone: false,
  askedMs: null,
  maxTries,
  code: "E_SERVICE",
  sentence: "x is down",
});

/** Errors of `send` in these tests are the verdicts themselves. */
function run<T>(
  limiter: Limiter,
  send: () => Promise<T> | T,
  signal = new AbortController().signal,
  headers: Headers | null = null,
): Promise<T> {
  return limiter.run({
    model: "m",
    tokens: 0,
    send: async () => ({ value: await send(), headers }),
    classify: (error) => error as Verdict,
    signal,
  });
}
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("askedWait", () => {
  const now = Date.parse("2026-11-22T10:00:00Z");
  it.each([
    [{ "retry-after": "2" }, 2000],
    [{ "retry-after": "120" }, 120_000],
    [{ "retry-after": "1.5" }, 1500],
    [{ "retry-after-ms": "350", "retry-after": "2" }, 350],
    [{ "retry-after": "Sun, 22 Nov 2026 10:00:30 GMT" }, 30_000],
    [{ "retry-after": "Sun, 22 Nov 2026 10:00:30 GMT", date: "Sun, 22 Nov 2026 10:00:25 GMT" }, 5000],
    [{ "retry-after": "Sun, 22 Nov 2026 09:00:00 GMT" }, null],
    [{ "retry-after": "-1" }, null],
    [{ "retry-after": "0" }, null],
    [{ "retry-after": "soon" }, null],
    [{ "retry-after": "1e9" }, null],
    [{}, null],
    [{ "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s" }, 360_000],
    [
      {
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "20ms",
        "x-ratelimit-remaining-requests": "7",
        "x-ratelimit-reset-requests": "1h",
      },
      20,
    ],
  ] as const)("%j is %s ms", (headers, expected) => {
    expect(askedWait(new Headers(headers as Record<string, string>), now)).toBe(expected);
  });

  it("reads reset times", () => {
    const reset = (text: string) =>
      usedUpWait(new Headers({ "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": text }));
    expect([reset("1s"), reset("1h2m3.5s"), reset("12"), reset("1795341600"), reset("soon"), reset("")]).toEqual([
      1000,
      3_723_500,
      12_000,
      null,
      null,
      null,
    ]);
  });
});

it("backs off by doubling, with a random half, to a minute", () => {
  expect([1, 2, 3, 4].map((failures) => backOff(failures, () => 1))).toEqual([1000, 2000, 4000, 8000]);
  expect([1, 2, 3, 4].map((failures) => backOff(failures, () => 0))).toEqual([500, 1000, 2000, 4000]);
  expect(backOff(50, () => 1)).toBe(60_000);
});

describe("createLimiter", () => {
  it("sends one request first and more after it succeeded", async () => {
    const limiter = createLimiter({ most: 8 });
    let inFlight = 0;
    const seen: number[] = [];
    await Promise.all(
      Array.from({ length: 60 }, () =>
        run(limiter, async () => {
          seen.push(++inFlight);
          await pause(3);
          inFlight -= 1;
        }),
      ),
    );
    expect(seen[1]).toBe(1);
    expect(Math.max(...seen)).toBe(8);
    expect(limiter.concurrency).toBe(8);
  });

  it("halves what runs at once when told to slow down, once for all that were under way, and recovers", async () => {
    const limiter = createLimiter({ clock: createClock(fast), most: 8 });
    await Promise.all(Array.from({ length: 60 }, () => run(limiter, () => pause(1))));
    expect(limiter.concurrency).toBe(8);
    let refused = 0;
    const after: number[] = [];
    await Promise.all(
      Array.from({ length: 40 }, () =>
        run(limiter, async () => {
          await pause(2);
          if (refused < 4) {
            refused += 1;
            throw busy();
          }
          after.push(limiter.concurrency);
        }),
      ),
    );
    expect(Math.min(...after)).toBe(4);
    expect(limiter.concurrency).toBeGreaterThan(4);
  });

  it("lets nobody out before the demanded time, counts it down, and then goes on", async () => {
    const clock = createClock(fast);
    const notices: string[] = [];
    const limiter = createLimiter({ clock, onNotice: (text) => notices.push(text) });
    let openAt = 0;
    const sentAt: number[] = [];
    const send = () => {
      sentAt.push(clock.now());
      if (openAt > 0) return "done";
      openAt = clock.now() + 50_000;
      throw busy(50_000);
    };
    const first = run(limiter, send);
    await pause(10);
    const later = run(limiter, send);
    expect(await Promise.all([first, later])).toEqual(["done", "done"]);
    expect(Math.min(...sentAt.slice(1))).toBeGreaterThanOrEqual(openAt);
    expect(notices[0]).toMatch(/^Waiting (50|51) s: x is busy\.$/);
    // A busy machine wakes late and says it more seldom.
    const left = notices.map((text) => Number(/\d+/.exec(text)?.[0]));
    expect(left.length).toBeGreaterThanOrEqual(2);
    expect(left).toEqual(left.toSorted((a, b) => b - a));
  });

  it("does not wait longer than ten minutes", async () => {
    const limiter = createLimiter({ clock: createClock(fast) });
    let sent = 0;
    const send = () => {
      sent += 1;
      throw busy(11 * 60_000);
    };
    await expect(run(limiter, send)).rejects.toMatchObject({
      code: "E_SERVICE",
      message: expect.stringContaining("11 minutes"),
    });
    expect(sent).toBe(1);
  });

  it("holds back after a success that used up the limit", async () => {
    const clock = createClock(fast);
    const limiter = createLimiter({ clock });
    const begin = clock.now();
    await run(
      limiter,
      () => 1,
      undefined,
      new Headers({ "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "20s" }),
    );
    expect(await run(limiter, () => clock.now() - begin)).toBeGreaterThanOrEqual(20_000);
  });

  it("sends no more than the service grants, as long as it is not told when there will be more", async () => {
    const limiter = createLimiter();
    const grant = (left: number) => new Headers({ "x-ratelimit-remaining-requests": String(left) });
    await run(limiter, () => 1, undefined, grant(2));
    let sent = 0;
    let most = 0;
    const send = async () => {
      most = Math.max(most, ++sent);
      await pause(5);
      sent -= 1;
    };
    await Promise.all(Array.from({ length: 9 }, () => run(limiter, send, undefined, grant(2))));
    expect(most).toBe(2);
    await Promise.all(Array.from({ length: 9 }, () => run(limiter, send, undefined, grant(0))));
    expect(sent).toBe(0);
  });

  it("tries an item six times, then gives up for all when nobody gets through", async () => {
    const limiter = createLimiter({ clock: createClock(fast) });
    let sent = 0;
    const send = () => {
      sent += 1;
      throw down();
    };
    const all = await Promise.allSettled(Array.from({ length: 5 }, () => run(limiter, send)));
    for (const each of all)
      expect(each).toMatchObject({
        status: "rejected",
        reason: { code: "E_SERVICE", message: "x is down, at the last of 6 tries." },
      });
    expect(sent).toBeLessThanOrEqual(30);
    expect(limiter.stopped).toBe(true);
    const before = sent;
    await expect(run(limiter, send)).rejects.toMatchObject({ code: "E_SERVICE" });
    expect(sent).toBe(before);
  });

  it("gives up on one item only while others get through", async () => {
    const limiter = createLimiter({ clock: createClock(fast) });
    const bad = run(limiter, () => {
      throw down(3);
    });
    const good = Promise.all(Array.from({ length: 30 }, () => run(limiter, () => pause(2))));
    await expect(bad).rejects.toBeInstanceOf(UserError);
    await good;
    expect(limiter.stopped).toBe(false);
  });

  it("ends every call with the first final error, after one request", async () => {
    const limiter = createLimiter();
    let sent = 0;
    const error = new UserError("E_QUOTA", "No credit.");
    const send = () => {
      sent += 1;
      throw { kind: "final", error, all: true } satisfies Verdict;
    };
    const all = await Promise.allSettled(Array.from({ length: 20 }, () => run(limiter, send)));
    expect(all.every((each) => each.status === "rejected" && each.reason === error)).toBe(true);
    expect(sent).toBe(1);
  });

  it("lets go of an aborted call at once and still keeps the demanded wait", async () => {
    const clock = createClock(fast);
    const limiter = createLimiter({ clock });
    const controller = new AbortController();
    let openAt = 0;
    const refused = run(
      limiter,
      () => {
        openAt = clock.now() + 40_000;
        throw busy(40_000);
      },
      controller.signal,
    );
    await pause(10);
    controller.abort(new Error("stopped by hand"));
    await expect(refused).rejects.toThrow("stopped by hand");
    expect(clock.now()).toBeLessThan(openAt);
    expect(await run(limiter, () => clock.now())).toBeGreaterThanOrEqual(openAt);
  });

  it("runs retried items before new ones", async () => {
    const limiter = createLimiter({ clock: createClock(fast), most: 1 });
    const order: string[] = [];
    let first = true;
    const item = (name: string) =>
      run(limiter, async () => {
        await pause(5);
        order.push(name);
        if (name === "a" && first) {
          first = false;
          throw busy(100);
        }
      });
    await Promise.all(["a", "b", "c", "d"].map(item));
    expect(order).toEqual(["a", "a", "b", "c", "d"]);
  });
});

describe("the gate between a turn and the sending", () => {
  const call = <T>(limiter: Limiter, send: (gate: Gate) => Promise<T>) =>
    limiter.run({
      ...{ model: "m", tokens: 0, signal: new AbortController().signal },
      send: async (gate) => ({ value: await send(gate), headers: null }),
      classify: (error) => error as Verdict,
    });

  it("is shut while a pause that began after the turn is in force", async () => {
    const clock = createClock(fast);
    const limiter = createLimiter({ clock });
    await call(limiter, async () => "first");
    const { promise: money, resolve: pay } = Promise.withResolvers<void>();
    const sent = call(limiter, async ({ open }) => {
      await money;
      await open();
      return clock.now();
    });
    let demanded = Number.NaN;
    const refusals = [busy(2000)];
    await call(limiter, async () => {
      const refusal = refusals.pop();
      if (!refusal) return;
      demanded = clock.now();
      // As the spending limit does it.
      setImmediate(pay);
      throw refusal;
    });
    expect(await sent).toBeGreaterThanOrEqual(demanded + 2000);
  });

  it("closes when another call's error ends all", async () => {
    const limiter = createLimiter();
    await call(limiter, async () => "first");
    const waiting = call(
      limiter,
      ({ closed }) =>
        new Promise((_, reject) => {
          closed.addEventListener("abort", () => reject(closed.reason));
        }),
    );
    const error = new UserError("E_AUTH", "The key is refused.");
    await expect(
      call(limiter, () => Promise.reject({ kind: "final", all: true, error } satisfies Verdict)),
    ).rejects.toBe(error);
    await expect(waiting).rejects.toBe(error);
  });
});
