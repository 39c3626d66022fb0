/** `distillery list`: the runs of a workspace, newest first. */
import { stableJson } from "../../pipeline/hash.ts";
import type { CliContext } from "../context.ts";
import type { CommandLine } from "../options.ts";
import { stateOf } from "../results.ts";
import { table } from "../tables.ts";
import { openWorkspace } from "../workspace.ts";

export async function list(line: CommandLine, { stdout, stderr }: CliContext): Promise<number> {
  const { store, folder } = openWorkspace(line.flags.out, (text) => stderr.write(`${text}\n`));
  const runs = await store.runs();
  const rows = [];
  for (const run of runs) {
    if (!("file" in run)) rows.push({ run: run.id, created: "", state: "damaged", sentence: run.reason });
    else rows.push({ run: run.id, created: run.file.created, ...(await stateOf(store, run.file)) });
  }
  if (line.flags.json) stdout.write(`${stableJson(rows, 2)}\n`);
  else if (rows.length === 0) stdout.write(`There is no run in ${folder} yet. Start one with \`distillery run\`.\n`);
  else {
    const body = rows.map(({ run, created, state, sentence }) => [
      run,
      created.slice(0, 16).replace("T", " "),
      state,
      sentence,
    ]);
    stdout.write(`${table([["run", "created (UTC)", "state", "result"], ...body])}\n`);
  }
  return 0;
}
