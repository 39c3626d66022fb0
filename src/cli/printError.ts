/** Errors as a person reads them: the code, what happened, what is kept, what to do next, where the log is. */
import { appendFile } from "node:fs/promises";
import { UserError } from "../protocol/errors.ts";

const wrongUse = new Set(["E_USAGE", "E_SETTINGS"]);

/**
 * Prints to stderr; with `json` one JSON object instead of lines. What is not a UserError is a bug: its stack goes
 * to the log.
 * @returns the exit code
 */
export async function printError(error: unknown, logFile: string | null, json: boolean): Promise<number> {
  const known = error instanceof UserError ? error : null;
  const code = known?.code ?? "E_BUG";
  const happened = known?.message ?? `Something happened that Distillery was not made for: ${messageOf(error)}`;
  const kept = known?.kept ?? "Everything finished so far is saved.";
  const next = known?.next ?? "Try again; when it comes back, report it with the log.";
  const log = await logged(error, logFile);
  if (json) console.error(JSON.stringify({ error: { code, message: happened, kept, next, log } }));
  else {
    console.error(`\n${code}: ${happened}\n  Kept: ${kept}\n  Next: ${next}`);
    if (log) console.error(`  Log:  ${log}`);
  }
  if (code === "E_STOPPED") return 130;
  return wrongUse.has(code) ? 2 : 1;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Adds the stack and its causes to the log; without a log to write to, a bug's stack goes to stderr. */
async function logged(error: unknown, logFile: string | null): Promise<string | null> {
  const stack = stackOf(error);
  if (logFile) {
    try {
      await appendFile(logFile, `${new Date().toISOString()} ${stack}\n`, { mode: 0o600 });
      return logFile;
    } catch {
      // No folder for a log, as nothing was started: the stack of a bug is shown below instead.
    }
  }
  if (!(error instanceof UserError)) console.error(stack);
  return null;
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? "" : `\n  caused by ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
