/** Time as the limiter sees it, so that tests can run it faster. */
export interface Clock {
  /** Milliseconds since 1970. Never runs backwards. */
  now(): number;
  /** Resolves after `ms` milliseconds, or at once when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** A clock `factor` times as fast as the real one; 1 is the real one. */
export function createClock(factor = 1): Clock {
  return {
    // Steps of the system's clock must not lengthen a wait, hence the monotonic source.
    now: () => performance.timeOrigin + performance.now() * factor,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve();
        const end = () => {
          clearTimeout(timer);
          signal?.removeEventListener("abort", end);
          resolve();
        };
        const timer = setTimeout(end, Math.max(0, ms / factor));
        signal?.addEventListener("abort", end, { once: true });
      }),
  };
}
