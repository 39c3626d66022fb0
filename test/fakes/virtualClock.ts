/** A clock that jumps to the next wake-up as soon as nothing else is left to do. Only for code without real waits. */
import type { Clock } from "../../src/pipeline/adapters/teacher/clock.ts";

export function createVirtualClock(): Clock {
  let now = 0;
  let sleepers: { at: number; wake(): void }[] = [];
  let ticking = false;

  function tick(): void {
    const next = sleepers.reduce<(typeof sleepers)[0] | null>((a, b) => (a && a.at <= b.at ? a : b), null);
    ticking = next !== null;
    if (!next) return;
    now = Math.max(now, next.at);
    next.wake();
    // Promises settle before this comes.
    setImmediate(tick);
  }

  return {
    now: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve();
        const wake = () => {
          sleepers = sleepers.filter((each) => each !== sleeper);
          signal?.removeEventListener("abort", wake);
          resolve();
        };
        const sleeper = { at: now + Math.max(0, ms), wake };
        sleepers.push(sleeper);
        signal?.addEventListener("abort", wake, { once: true });
        if (!ticking) setImmediate(tick);
        ticking = true;
      }),
  };
}
