/** Places of Python jobs for tests: the real trainer, and one that runs fakeTrainer.py in a given mode. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readyEnvironment } from "../../src/pipeline/adapters/environment.ts";
import type { PythonPlace } from "../../src/pipeline/adapters/pythonJob.ts";

const { python, trainerFolder } = await readyEnvironment();

/** A folder of its own with a `main.py`, as the real trainer has one. */
export function fakePlace(mode: string): PythonPlace {
  const folder = mkdtempSync(join(tmpdir(), "distillery-fake-"));
  const globals = JSON.stringify({ MODE: mode, TRAINER: trainerFolder });
  const script = JSON.stringify(join(import.meta.dirname, "fakeTrainer.py"));
  writeFileSync(join(folder, "main.py"), `import runpy\nrunpy.run_path(${script}, ${globals}, "__main__")\n`);
  return { python, trainerFolder: folder, logFile: join(folder, "job.log") };
}
