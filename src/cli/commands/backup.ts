/** `distillery backup RUN [FILE]`: a run with its adapter in one file. */
import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { backupRun } from "../../pipeline/adapters/backup.ts";
import { stableJson } from "../../pipeline/hash.ts";
import type { CliContext } from "../context.ts";
import type { CommandLine } from "../options.ts";
import { openWorkspace, runNamed } from "../workspace.ts";

export async function backup(line: CommandLine, { stdout, stderr, setLogFile }: CliContext): Promise<number> {
  const workspace = openWorkspace(line.flags.out, (text) => stderr.write(`${text}\n`));
  setLogFile(workspace.logFile);
  const id = await runNamed(workspace, line.positionals[0]);
  const store = await workspace.store.open(id);
  try {
    const target = resolve(line.positionals[1] ?? join(workspace.folder, `${id}.distillery-backup`));
    const { files, leftOut } = await backupRun(store, target);
    const { size } = await stat(target);
    if (line.flags.json) stdout.write(`${stableJson({ run: id, file: target, files, bytes: size, leftOut }, 2)}\n`);
    else {
      stdout.write(`${files} files of run ${id} are in ${target} (${(size / 1e6).toFixed(1)} MB).\n`);
      for (const each of leftOut) stdout.write(`Left out, because it does not verify: ${each}\n`);
    }
    return 0;
  } finally {
    await store.close();
  }
}
