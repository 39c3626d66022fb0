/** The command line as a child process, as a person runs it, with the real parts behind it. */
import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";

const main = join(import.meta.dirname, "../../src/cli/main.ts");

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/**
 * Starts `distillery ARGS`. `onOutput` sees everything printed so far, on either stream; `under` is a program, with its
 * arguments, that starts it in its place.
 */
export function startDistillery(
  args: readonly string[],
  options: {
    env?: Record<string, string>;
    cwd?: string;
    under?: string[];
    onOutput?: (text: string, child: ChildProcess) => void;
  } = {},
): Promise<Ended> {
  const [program = "", ...words] = [...(options.under ?? []), process.execPath, main, ...args];
  const child = spawn(program, words, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name].setEncoding("utf8").on("data", (text: string) => {
      ended[name] += text;
      options.onOutput?.(ended.stdout + ended.stderr, child);
    });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ ...ended, code, signal }));
  });
}

/** What `--json` printed. */
export function resultOf<T>(ended: Ended): T {
  if (ended.code !== 0) throw new Error(`exit code ${ended.code}\n${ended.stderr}\n${ended.stdout}`);
  return JSON.parse(ended.stdout) as T;
}
