/** Keeps what a measurement found: bench/results/NAME-DATE.json, never over an earlier one. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

const folder = join(import.meta.dirname, "results");

/**
 * @param name of the measurement
 * @returns the file's name; the second of a day ends in -2
 */
export async function keepResult(name: string, date: Date, result: object): Promise<string> {
  await mkdir(folder, { recursive: true });
  const stem = `${name}-${date.toISOString().slice(0, 10)}`;
  const text = `${JSON.stringify(result, null, 2)}\n`;
  for (let number = 1; ; number++) {
    const file = number === 1 ? `${stem}.json` : `${stem}-${number}.json`;
    try {
      await writeFile(join(folder, file), text, { flag: "wx" });
      return file;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}
