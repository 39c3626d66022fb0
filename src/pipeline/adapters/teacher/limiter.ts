/**
 * One gate for all calls to one account: how many run at once, who waits for what, what is tried again.
 * Starts with a single request, so that a wrong key or an empty account costs one; then grows while all goes well and
 * halves when the service says it is busy. Within the limits the service states no request is sent that it would
 * refuse. Requests that are tried again go first.
 */
import { UserError } from "../../../protocol/errors.ts";
import { createClock, type Clock } from "./clock.ts";
import { createLine, type Request, type Turn } from "./line.ts";
import { backOff, longestWait } from "./waits.ts";

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

/** For calls that wait for something of their own between their turn and the sending. */
export interface Gate {
  /** Aborts when another call's error ends every call. */
  closed: AbortSignal;
  /** Resolves when no pause is in force, as one may have begun since the turn. */
  open(): Promise<void>;
}

export interface Call<T> extends Request {
  /** Sends one request. Its errors go to `classify`. */
  send(gate: Gate): Promise<Sent<T>>;
  classify(error: unknown, everSucceeded: boolean): Verdict;
}

export interface Limiter {
  run<T>(call: Call<T>): Promise<T>;
  /** Requests allowed at once at the moment. */
  readonly concurrency: number;
  /** True after an error that ends every call. */
  readonly stopped: boolean;
}

export interface LimiterOptions {
  /** Requests at once when all goes well; the default depends on whether the service states its limits. */
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

/** Requests at once after the first success, and at most: a server that states no limits may have one slot. */
const unstated = { start: 4, most: 16 };
const stated = { start: 16, most: 64 };
/** Failures in a row, over all calls, after which everyone waits. */
const failuresInRowLimit = 3;

/** A limiter that was stopped by a final error stays stopped: make a new one to resume. */
export function createLimiter({
  most,
  clock = createClock(),
  random = Math.random,
  onNotice = () => {},
}: LimiterOptions = {}): Limiter {
  const line = createLine(clock, onNotice);
  const stopping = new AbortController();
  let stopped: { error: unknown } | null = null;
  let successes = 0;
  let streak = 0;
  let failuresInRow = 0;
  let slowedAt = 0;

  function succeeded(limitsStated: boolean): void {
    successes += 1;
    streak += 1;
    failuresInRow = 0;
    const usual = limitsStated ? stated : unstated;
    const limit = most ?? usual.most;
    if (successes === 1) line.places = Math.min(usual.start, limit);
    // Twice as many with each round until the service first complains, then one more.
    else if (line.places < limit && (slowedAt === 0 || streak >= line.places)) {
      line.places += 1;
      streak = 0;
    }
  }

  const ending = ({ signal }: Request): AbortSignal => AbortSignal.any([signal, stopping.signal]);

  /** Halves what runs at once. False for requests that were under way when it last did: they tell nothing new. */
  function slowDown(number: number): boolean {
    streak = 0;
    if (number <= slowedAt) return false;
    slowedAt = line.turns;
    line.places = Math.max(1, Math.floor(line.places / 2));
    return true;
  }

  /** Ends every call, waiting or to come. */
  function stop(error: unknown): unknown {
    if (stopped) return stopped.error;
    stopped = { error };
    stopping.abort();
    line.dissolve();
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
      line.pause(askedMs + 1 + random() * Math.min(250, askedMs / 20), sentence);
      return 0;
    }
    if (everyone || failuresInRow >= failuresInRowLimit) line.pause(backOff(failuresInRow, random), sentence);
    return everyone && item.tries === 1 ? 0 : backOff(item.tries - (everyone ? 1 : 0), random);
  }

  /** Sends one request whose turn has come. */
  async function attempt<T>(call: Call<T>, item: Item, turn: Turn): Promise<{ value: T } | { wait: number }> {
    try {
      if (stopped) throw stopped.error;
      item.tries += 1;
      const { value, headers } = await call.send({ closed: stopping.signal, open: () => line.open(ending(call)) });
      succeeded(turn.learn(headers));
      return { value };
    } catch (error) {
      if (call.signal.aborted) throw call.signal.reason;
      if (stopped) throw stopped.error;
      return { wait: failed(call, item, turn.number, error) };
    } finally {
      line.leave();
    }
  }

  return {
    async run<T>(call: Call<T>): Promise<T> {
      const item: Item = { tries: 0, successesBefore: successes };
      for (;;) {
        call.signal.throwIfAborted();
        const outcome = await attempt(call, item, await line.enter(call, item.tries));
        if ("value" in outcome) return outcome.value;
        if (outcome.wait > 0) await clock.sleep(outcome.wait, ending(call));
      }
    },
    get concurrency() {
      return line.places;
    },
    get stopped() {
      return stopped !== null;
    },
  };
}
