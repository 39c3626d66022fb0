/** Runs one program of the set-up: no shell, its output in the log, its failure as a sentence. */
import { execa } from "execa";
import { appendFile } from "node:fs/promises";
import { dirname } from "node:path";
import { UserError } from "../../protocol/errors.ts";
import { writeError } from "./storageError.ts";

export interface SetupLog {
  file: string;
  onProgress: (text: string) => void;
  signal: AbortSignal | undefined;
}

/** Installers need the network settings of the user, and nothing else of the environment. */
const passed =
  /^(PATH|HOME|USER|LOGNAME|LANG|LC_.*|TMPDIR|TEMP|TMP|SYSTEMROOT|SYSTEMDRIVE|WINDIR|COMSPEC|PATHEXT|USERPROFILE|APPDATA|LOCALAPPDATA|PROGRAMDATA|PROGRAMFILES.*|XDG_.*|PIP_.*|UV_.*|NETRC|SSL_CERT_.*|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|(ALL|HTTPS?|NO)_PROXY|CUDA_.*|NVIDIA_.*|LD_LIBRARY_PATH)$/i;

function setupVariables(extra: Record<string, string>): Record<string, string> {
  const own = Object.entries(process.env).filter(([name, value]) => value !== undefined && passed.test(name));
  return { ...(Object.fromEntries(own) as Record<string, string>), ...extra, PYTHONNOUSERSITE: "1" };
}

/** uv's and pip's lines a person wants to see; the others are for the log. */
const worthShowing = /^\s*(Downloading|Building|Prepared|Installed) .*(\d|GiB|MiB|kB|MB)/;

/**
 * Starts `program` and waits for its end.
 * @param what completes "… failed", for people
 * @throws UserError E_STOPPED, E_DISK_FULL, E_ENV_HASH, or E_PY_ENV with the program's last line; E_DISK_FULL, E_READ_ONLY
 * or E_STORAGE when its output cannot be kept
 */
export async function runSetupStep(
  what: string,
  program: string,
  args: readonly string[],
  log: SetupLog,
  extra: Record<string, string> = {},
): Promise<void> {
  if (log.signal?.aborted) throw stopped();
  await appendFile(log.file, `\n# ${what}\n`);
  // Nothing may be awaited between the start and reading: a program that fails at once would not be heard.
  const child = execa(program, args, {
    cwd: dirname(log.file),
    env: setupVariables(extra),
    extendEnv: false,
    preferLocal: false,
    stdin: "ignore",
    all: true,
    buffer: false,
    reject: false,
    forceKillAfterDelay: 2_000,
    // A compiler that an installer started would hold the output open.
    killDescendants: true,
    ...(log.signal ? { cancelSignal: log.signal } : {}),
  });
  const tail: string[] = [];
  try {
    for await (const line of child.iterable({ from: "all" })) {
      const text = String(line);
      if (worthShowing.test(text)) log.onProgress(`  ${text.trim()}`);
      if (text.trim() !== "") tail.push(text.trim());
      if (tail.length > 30) tail.shift();
      await appendFile(log.file, `${text}\n`);
    }
  } catch (error) {
    // Without a log nobody could tell what failed, and what stops the log stops an installation as well.
    child.kill();
    await child;
    if (log.signal?.aborted) throw stopped();
    throw writeError(error, "the log of the set-up", 0);
  }
  const result = await child;
  if (log.signal?.aborted) throw stopped();
  if (!result.failed) return;
  throw explained(what, tail, result.shortMessage ?? "no reason given", log.file);
}

const stopped = (): UserError => new UserError("E_STOPPED", "The set-up was stopped; the next call goes on with it.");

function explained(what: string, tail: string[], fallback: string, logFile: string): UserError {
  const all = tail.join("\n");
  if (/No space left on device|not enough space|ENOSPC|os error (28|112)\b/i.test(all))
    return new UserError("E_DISK_FULL", `${what} failed: the disk is full.`);
  if (/hash mismatch|do not match the hashes/i.test(all))
    return new UserError(
      "E_ENV_HASH",
      `${what} failed: a package is not the one this version of Distillery was made with (log: ${logFile}).`,
    );
  const reason = tail.filter((line) => /error|failed|no matching|could not|cause/i.test(line)).at(-1) ?? tail.at(-1);
  return new UserError("E_PY_ENV", `${what} failed: ${(reason ?? fallback).slice(0, 300)} (log: ${logFile})`);
}
