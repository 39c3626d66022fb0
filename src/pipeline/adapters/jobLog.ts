/** The log of the Python jobs: what libraries print, on disk up to a limit, with the last lines at hand. */
import { mkdir, open, rename } from "node:fs/promises";
import { dirname } from "node:path";

/** Above this the file becomes `FILE.1`, replacing the one before: two of them are kept at most. */
const largestLog = 5 * 1024 * 1024;
const tailBytes = 16 * 1024;
const tailLines = 20;

export interface JobLog {
  /** Resolves when the text is written. Never rejects: a full disk must not end the job. */
  write(chunk: Buffer | string): Promise<void>;
  /** The last 20 lines of this job. */
  tail(): string[];
}

/** Several jobs may share a file: writes and rotations of one file take turns. */
const turns = new Map<string, Promise<void>>();

export function createJobLog(file: string, limit: number = largestLog): JobLog {
  let last = Buffer.alloc(0);
  return {
    async write(chunk) {
      const bytes = Buffer.from(chunk);
      last = Buffer.concat([last, bytes]).subarray(-tailBytes);
      const turn = (turns.get(file) ?? Promise.resolve()).then(() => append(file, bytes, limit));
      turns.set(file, turn);
      await turn;
    },
    tail: () =>
      last
        .toString("utf8")
        .split(/\r?\n/)
        .filter((line) => line.trim())
        .slice(-tailLines),
  };
}

async function append(file: string, bytes: Buffer, limit: number): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true });
    const handle = await open(file, "a", 0o600);
    let size: number;
    try {
      await handle.appendFile(bytes);
      size = (await handle.stat()).size;
    } finally {
      await handle.close();
    }
    if (size > limit) await rename(file, `${file}.1`);
  } catch {
    // The last lines stay in memory and reach the error text all the same.
  }
}
