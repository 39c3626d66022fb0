/**
 * One gate for all calls to one account: how many run at once, who waits for what, what is tried again.
 * Starts with a single request, so that a wrong key or an empty account costs one; then grows while all
 * goes well and halves when the service says it is busy. Requests that are tried again go first.
 */
import PQueue from "p-queue";
import { UserError } from "../../../protocol/errors.ts";
import { createClock, type Clock } from "./clock.ts";
import { backOff, longestWait, requestsLeft, usedUpWait } from "./waits.ts";

/** What an error means for the limiter. */
export type Verdict =
  /** Thrown as it is. With `all`, every other and later call ends with it as well. */
  | { kind: "final"; error: unknown; all: boolean }
  /** The service is busy or gone: tried again. `everyone`: all calls wait, not only this one. */
  | {
      kind: "again";
      everyone: boolean;
      askedMs: number | null;
      maxTries: number;
      code: "E_SERVICE" | "E_ENDPOINT";
      /** What happened, without a full stop: "api.example.org answered with status 503". */
      sentence: string;
    };

export interface Sent<T> {
  value: T;
  headers: Headers | null;
}

export interface Call<T> {
  /** Sends one request. Its errors go to `classify`. */
  send(): Promise<Sent<T>>;
  classify(error: unknown, everSucceeded: boolean): Verdict;
  signal: AbortSignal;
}

export interface Limiter {
  run<T>(call: Call<T>): Promise<T>;
  /** Requests allowed at once at the moment. */
  readonly concurrency: number;
  /** True after an error that ends every call. */
  readonly stopped: boolean;
}

export interface LimiterOptions {
  /** Requests at once when all goes well. */
  most?: number;
  clock?: Clock;
  random?: () => number;
  /** Told about waits, with the seconds left. */
  onNotice?: (text: string) => void;
}

interface Item {
  tries: number;
  /** Successes of all calls when this one began. */
  successesBefore: number;
}

/** Requests at once after the first success. */
const start = 4;
/** Failures in a row, over all calls, after which everyone waits. */
const failuresInRowLimit = 3;
/** Milliseconds between two notices of one wait. */
const noticeEvery = 15_000;

/** A limiter that was stopped by a final error stays stopped: make a new one to resume. */
export function createLimiter({
  most = 16,
  clock = createClock(),
  random = Math.random,
  onNotice = () => {},
}: LimiterOptions = {}): Limiter {
  const queue = new PQueue({ concurrency: 1 });
  let stopped: { error: unknown } | null = null;
  let successes = 0;
  let streak = 0;
  let failuresInRow = 0;
  let sent = 0;
  let slowedAt = 0;
  let openAt = 0;
  let waitSentence = "";
  let waiting: AbortController | null = null;
  const stopping = new AbortController();

  function succeeded(headers: Headers | null): void {
    successes += 1;
    streak += 1;
    failuresInRow = 0;
    if (successes === 1) queue.concurrency = Math.min(start, most);
    else if (streak >= queue.concurrency && queue.concurrency < most) {
      queue.concurrency += 1;
      streak = 0;
    }
    if (!headers) return;
    const left = requestsLeft(headers);
    if (left !== null && left < queue.concurrency) queue.concurrency = Math.max(1, left);
    const reset = usedUpWait(headers);
    if (reset !== null) closeFor(Math.min(reset, longestWait), "the service's limit for this minute is used up");
  }

  /** Halves what runs at once. False for requests that were under way when it last did: they tell nothing new. */
  function slowDown(number: number): boolean {
    streak = 0;
    if (number <= slowedAt) return false;
    slowedAt = sent;
    queue.concurrency = Math.max(1, Math.floor(queue.concurrency / 2));
    return true;
  }

  function closeFor(ms: number, sentence: string): void {
    if (clock.now() + ms <= openAt) return;
    openAt = clock.now() + ms;
    waitSentence = sentence;
    if (!waiting) void close();
  }

  /** The queue stays closed; the next call waits for what is left of the time. */
  function abandonWait(): void {
    waiting?.abort();
    waiting = null;
  }

  /** Lets no request out until `openAt`, which may move while it waits. */
  async function close(): Promise<void> {
    queue.pause();
    const mine = new AbortController();
    waiting = mine;
    let noticedAt = Number.NEGATIVE_INFINITY;
    for (let left = openAt - clock.now(); left > 0 && !mine.signal.aborted; left = openAt - clock.now()) {
      if (left > 2000 && clock.now() - noticedAt >= noticeEvery) {
        noticedAt = clock.now();
        onNotice(`Waiting ${Math.ceil(left / 1000)} s: ${waitSentence}.`);
      }
      await clock.sleep(Math.min(left, noticeEvery), mine.signal);
    }
    if (waiting === mine) open();
  }

  function open(): void {
    waiting?.abort();
    waiting = null;
    queue.start();
  }

  /** Ends every call, waiting or to come. */
  function stop(error: unknown): unknown {
    if (stopped) return stopped.error;
    stopped = { error };
    stopping.abort();
    open();
    return error;
  }

  /** Decides what comes of a failed request: throws, or says how long this item waits before its next try. */
  function failed<T>(call: Call<T>, item: Item, number: number, error: unknown): number {
    const verdict = call.classify(error, successes > 0);
    if (verdict.kind === "final") throw verdict.all ? stop(verdict.error) : verdict.error;
    if (slowDown(number)) failuresInRow += 1;
    const { askedMs, sentence, code, everyone } = verdict;
    if (askedMs !== null && askedMs > longestWait) {
      const minutes = Math.ceil(askedMs / 60_000);
      throw stop(
        new UserError(
          "E_SERVICE",
          `${sentence} and asks to wait ${minutes} minutes, longer than the 10 minutes that are waited for.`,
        ),
      );
    }
    if (item.tries >= verdict.maxTries) {
      const gaveUp = new UserError(code, `${sentence}${item.tries > 1 ? `, at the last of ${item.tries} tries` : ""}.`);
      // While others get through, it is this one item that fails; otherwise the service is gone.
      throw successes > item.successesBefore ? gaveUp : stop(gaveUp);
    }
    if (askedMs !== null) {
      // A little more than what was asked, so that not all come back in the same moment, and never less.
      closeFor(askedMs + 1 + random() * Math.min(250, askedMs / 20), sentence);
      return 0;
    }
    if (everyone || failuresInRow >= failuresInRowLimit) closeFor(backOff(failuresInRow, random), sentence);
    return everyone && item.tries === 1 ? 0 : backOff(item.tries - (everyone ? 1 : 0), random);
  }

  /** One request in its turn. */
  async function attempt<T>(call: Call<T>, item: Item): Promise<{ value: T } | { wait: number }> {
    if (stopped) throw stopped.error;
    const number = ++sent;
    item.tries += 1;
    try {
      const { value, headers } = await call.send();
      succeeded(headers);
      return { value };
    } catch (error) {
      if (call.signal.aborted) throw call.signal.reason;
      return { wait: failed(call, item, number, error) };
    }
  }

  return {
    async run<T>(call: Call<T>): Promise<T> {
      const item: Item = { tries: 0, successesBefore: successes };
      for (;;) {
        call.signal.throwIfAborted();
        if (!waiting && clock.now() < openAt) void close();
        else if (!waiting) queue.start();
        try {
          const outcome = await queue.add(() => attempt(call, item), { priority: item.tries, signal: call.signal });
          if ("value" in outcome) return outcome.value;
          if (outcome.wait > 0) await clock.sleep(outcome.wait, AbortSignal.any([call.signal, stopping.signal]));
        } finally {
          // A wait that nobody is left to wait for must not keep the process alive.
          if (call.signal.aborted && queue.size === 0) abandonWait();
        }
      }
    },
    get concurrency() {
      return queue.concurrency;
    },
    get stopped() {
      return stopped !== null;
    },
  };
}
