/** `distillery show RUN`: its comparison and its checkpoints. Reads only. */
import { join } from "node:path";
import { nodeFiles } from "../../pipeline/adapters/fileLayer.ts";
import { listSuperseded } from "../../pipeline/adapters/superseded.ts";
import { stableJson } from "../../pipeline/hash.ts";
import { stageIds } from "../../protocol/model.ts";
import { armsText } from "../armsText.ts";
import type { CliContext } from "../context.ts";
import type { CommandLine } from "../options.ts";
import { duration } from "../progress.ts";
import { latestOutputs } from "../results.ts";
import { comparisonText, table } from "../tables.ts";
import { openWorkspace, runNamed } from "../workspace.ts";

export async function show(line: CommandLine, { stdout, stderr }: CliContext): Promise<number> {
  const workspace = openWorkspace(line.flags.out, (text) => stderr.write(`${text}\n`));
  const { store } = workspace;
  const id = await runNamed(workspace, line.positionals[0]);
  const run = (await store.runs()).find((each) => each.id === id);
  const entries = (await store.checkpoints(id)).toSorted(
    (a, b) => a.cycle - b.cycle || stageIds.indexOf(a.stage) - stageIds.indexOf(b.stage),
  );
  const folder = join(store.root, "runs", id);
  const superseded = await listSuperseded(folder, nodeFiles);
  const latest = latestOutputs(entries);
  if (line.flags.json) {
    const checkpoints = entries.map((entry) => ({
      ...entry,
      ...(entry.state === "ok" ? { frame: { ...entry.frame, output: null } } : {}),
    }));
    stdout.write(
      `${stableJson({ run, folder, checkpoints, superseded, comparison: latest?.outputs.comparison.output ?? null }, 2)}\n`,
    );
    return 0;
  }
  stdout.write(`Run ${id}\n`);
  if (run && "file" in run) {
    const { settings, knowledge, created } = run.file;
    const teacher = settings.teacher.kind === "offline" ? "offline teacher" : settings.teacher.model;
    stdout.write(
      `Created ${created}, knowledge base ${knowledge}, ${teacher} → ${settings.student}, ${settings.questions} questions, ${settings.cycles} cycle(s), seed ${settings.seed}\n`,
    );
  }
  if (latest) {
    const { comparison } = latest.outputs;
    stdout.write(`\n${comparison.output.headline.sentence}\n\n${comparisonText(comparison.output)}\n`);
    stdout.write(`\n${armsText(comparison.output)}\n`);
    stdout.write(`\nReport: ${join(folder, "report.md")}\n`);
  } else stdout.write("\nNo cycle is complete yet; `distillery resume` goes on.\n");
  const rows = entries.map((entry) =>
    entry.state === "ok"
      ? [String(entry.cycle), entry.stage, "ok", duration(entry.frame.seconds), entry.file]
      : [String(entry.cycle), entry.stage, entry.state, entry.reason, entry.file],
  );
  stdout.write(`\n${table([["cycle", "checkpoint", "state", "took", "file"], ...rows])}\n`);
  if (superseded.length > 0)
    stdout.write(
      `\nReplaced by re-runs; \`distillery restore ${id} FILE\` brings one back:\n${superseded.map(({ file }) => `  ${file}`).join("\n")}\n`,
    );
  return 0;
}
