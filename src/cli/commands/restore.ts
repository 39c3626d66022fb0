/** `distillery restore FILE` brings back a backup, `distillery restore RUN FILE` a checkpoint that a re-run replaced. */
import { resolve } from "node:path";
import { restoreBackup } from "../../pipeline/adapters/restoreBackup.ts";
import { stableJson } from "../../pipeline/hash.ts";
import { UserError } from "../../protocol/errors.ts";
import type { CliContext } from "../context.ts";
import type { CommandLine } from "../options.ts";
import { checkWritable, openWorkspace, runNamed } from "../workspace.ts";

export async function restore(line: CommandLine, { stdout, stderr, setLogFile }: CliContext): Promise<number> {
  const [first, second] = line.positionals;
  if (first === undefined)
    throw new UserError("E_USAGE", "Name the backup file, or a run and one of its superseded files.");
  const workspace = openWorkspace(line.flags.out, (text) => stderr.write(`${text}\n`));
  await checkWritable(workspace);
  setLogFile(workspace.logFile);
  const say = (run: string, text: string) =>
    stdout.write(line.flags.json ? `${stableJson({ run }, 2)}\n` : `${text}\n`);
  if (second === undefined) {
    const run = await restoreBackup(resolve(first), workspace.store.root);
    say(run, `Restored as run ${run}.`);
    return 0;
  }
  const id = await runNamed(workspace, first);
  const store = await workspace.store.open(id);
  try {
    await store.restoreSuperseded(second);
    say(
      id,
      `${second} is the current checkpoint again; \`distillery resume ${id}\` brings what rests on it up to date.`,
    );
    return 0;
  } finally {
    await store.close();
  }
}
