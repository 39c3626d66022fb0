/** What every command gets besides its flags. */
import type { Output } from "./progress.ts";

export interface CliContext {
  /** Results. */
  readonly stdout: Output;
  /** Everything else, when `--json` keeps stdout for the result. */
  readonly stderr: Output;
  readonly signal: AbortSignal;
  /** Where "stopping" is said from now on; before, it goes to stderr. */
  sayStoppingWith(say: (text: string) => void): void;
  /** Told as soon as it is known, so that errors can name it. */
  setLogFile(path: string): void;
}
