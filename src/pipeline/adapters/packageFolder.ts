/** Where this program's own files lie: the sources here, `dist` when bundled. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * The nearest folder above this file that holds the trainer.
 * @throws Error when the installation lacks it.
 */
export function packageFolder(start: string = import.meta.dirname): string {
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, "trainer", "main.py"))) return folder;
    if (folder === dirname(folder)) throw new Error(`no trainer folder above ${start}: the installation is incomplete`);
  }
}
