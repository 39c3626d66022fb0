/** How long a process has been silent while this machine was awake. */

export interface Silence {
  /** Something was heard. */
  reset(): void;
  /** Call about every `tick` milliseconds with a monotonic time; returns the milliseconds of silence so far. */
  tick(now: number): number;
}

/**
 * A gap much longer than a tick means that this process did not run either: the machine slept, or the event
 * loop was blocked and could not read. Such a gap counts as two ticks, whichever clock the system keeps in sleep.
 */
export function createSilence(tick: number, now: number): Silence {
  let last = now;
  let silent = 0;
  return {
    reset() {
      silent = 0;
    },
    tick(time) {
      silent += Math.min(time - last, 2 * tick);
      last = time;
      return silent;
    },
  };
}
