/** The line in which requests wait for their turn: for a free place, for the end of a pause, for room in a limit. */
import type { Clock } from "./clock.ts";
import { createPace, type Pace } from "./pace.ts";

export interface Request {
  /** Whose limits it counts against: services state them for each model. */
  model: string;
  /** The most tokens it can use, prompt and answer. */
  tokens: number;
  signal: AbortSignal;
}

/** A request whose turn has come. */
export interface Turn {
  /** In the order in which they came, from 1. */
  number: number;
  /** Takes the headers of its response. True when the service states its limits. */
  learn(headers: Headers | null): boolean;
}

export interface Line {
  /** How many may be under way at once. */
  places: number;
  /** Resolves when it may be sent; those with more tries go first. Rejects when its signal aborts before. */
  enter(request: Request, tries: number): Promise<Turn>;
  /** Gives a place back. */
  leave(): void;
  /** Nobody goes for so many milliseconds; the sentence says why, without a full stop. */
  pause(ms: number, sentence: string): void;
  /** Resolves when no pause is in force; rejects when the signal aborts before. */
  open(signal: AbortSignal): Promise<void>;
  /** Lets all go that wait or come later. */
  dissolve(): void;
  /** The number of the latest turn. */
  readonly turns: number;
}

interface Waiting {
  request: Request;
  tries: number;
  go(): void;
}

/** Milliseconds between two notices of waiting; shorter waits than `shortWait` are not worth one. */
const noticeEvery = 15_000;
const shortWait = 2000;

/** @param onNotice told about waits, with the seconds left */
export function createLine(clock: Clock, onNotice: (text: string) => void): Line {
  const paces = new Map<string, Pace>();
  const waiting: Waiting[] = [];
  let places = 1;
  let underWay = 0;
  let turns = 0;
  let dissolved = false;
  let openAt = 0;
  let pausedBecause = "";
  let noticedAt = Number.NEGATIVE_INFINITY;
  let alarm: AbortController | null = null;

  function paceOf(model: string): Pace {
    const pace = paces.get(model) ?? createPace(clock.now);
    paces.set(model, pace);
    return pace;
  }

  /** Lets those go who may, and comes back when the next one may. */
  function pump(): void {
    alarm?.abort();
    alarm = null;
    while (waiting.length > 0 && hasPlace()) {
      const next = nextInLine();
      if (typeof next === "number") return void comeBackIn(next);
      waiting.splice(waiting.indexOf(next), 1);
      underWay += 1;
      turns += 1;
      next.go();
    }
  }

  const hasPlace = (): boolean => dissolved || underWay < places;

  /** The first who may go, or the milliseconds until one may. A model whose limit is used up holds no other back. */
  function nextInLine(): Waiting | number {
    const paused = openAt - clock.now();
    const waits = new Map<string, number>();
    for (const each of waiting) {
      if (dissolved) return each;
      if (paused > 0) return paused;
      const { model, tokens } = each.request;
      if (waits.has(model)) continue;
      const wait = paceOf(model).wait(tokens);
      // Where nothing is under way that could tell more, one request goes to find out.
      if (wait <= 0 || (wait === Infinity && underWay === 0)) return each;
      waits.set(model, wait);
    }
    return Math.min(...waits.values());
  }

  async function comeBackIn(ms: number): Promise<void> {
    // The next response pumps.
    if (ms === Infinity) return;
    if (ms > shortWait && clock.now() - noticedAt >= noticeEvery) {
      noticedAt = clock.now();
      const reason = openAt > clock.now() ? pausedBecause : "the service's limit is used up";
      onNotice(`Waiting ${Math.ceil(ms / 1000)} s: ${reason}.`);
    }
    const mine = new AbortController();
    alarm = mine;
    await clock.sleep(Math.min(Math.ceil(ms), noticeEvery), mine.signal);
    if (alarm === mine) pump();
  }

  function enter(request: Request, tries: number): Promise<Turn> {
    const { model, tokens, signal } = request;
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        waiting.splice(waiting.indexOf(mine), 1);
        reject(signal.reason);
        // Without anybody in line no alarm must keep the process alive.
        pump();
      };
      const go = () => {
        signal.removeEventListener("abort", giveUp);
        const pace = paceOf(model);
        const learn = pace.sent(tokens);
        resolve({
          number: turns,
          learn(headers) {
            if (headers) learn(headers);
            return pace.stated;
          },
        });
      };
      const mine: Waiting = { request, tries, go };
      signal.addEventListener("abort", giveUp, { once: true });
      const behind = waiting.findIndex((each) => each.tries < tries);
      waiting.splice(behind < 0 ? waiting.length : behind, 0, mine);
      pump();
    });
  }

  return {
    enter,
    leave() {
      underWay -= 1;
      pump();
    },
    pause(ms, sentence) {
      const now = clock.now();
      if (now + ms <= openAt) return;
      // A new pause is told of at once.
      if (openAt <= now) noticedAt = Number.NEGATIVE_INFINITY;
      openAt = now + ms;
      pausedBecause = sentence;
    },
    async open(signal) {
      for (let left = openAt - clock.now(); left > 0; left = openAt - clock.now()) await clock.sleep(left, signal);
    },
    dissolve() {
      dissolved = true;
      pump();
    },
    get places() {
      return places;
    },
    set places(count) {
      places = count;
    },
    get turns() {
      return turns;
    },
  };
}
