/** Ctrl-C and its relatives: the first one stops the work and keeps everything, the second one ends the process. */

/** A terminal and a parent process may both pass on one key press; two within this time (ms) are one. */
const samePress = 500;

export interface Interruption {
  readonly signal: AbortSignal;
  /** Gives the signals back to the system's own handling. */
  release(): void;
}

/** `onFirst` tells the person that the stop was heard. */
export function listenForInterruption(onFirst: () => void): Interruption {
  const controller = new AbortController();
  let heard = 0;
  const handle = () => {
    const now = Date.now();
    if (heard === 0) {
      heard = now;
      onFirst();
      controller.abort();
      return;
    }
    if (now - heard < samePress) return;
    process.exit(130);
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const each of signals) process.on(each, handle);
  return {
    signal: controller.signal,
    release: () => {
      for (const each of signals) process.off(each, handle);
    },
  };
}
