/** `distillery show RUN`: its comparison and its checkpoints. Reads only. */
import { join } from "node:path";
import { nodeFiles } from "../../pipeline/adapters/fileLayer.ts";
import { listSuperseded } from "../../pipeline/adapters/superseded.ts";
import { stableJson } from "../../pipeline/hash.ts";
import { ledgerOf, looksSentence } from "../../pipeline/ledger.ts";
import type { CheckpointEntry } from "../../pipeline/ports.ts";
import { primarySentence } from "../../pipeline/report/model.ts";
import { stageIds, type StageOutputs } from "../../protocol/model.ts";
import { armsText } from "../armsText.ts";
import type { CliContext } from "../context.ts";
import { ledgerText } from "../ledgerTable.ts";
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
  const looks = run && "file" in run ? (run.file.looks?.length ?? 0) : 0;
  const ledger = line.flags.ledger ? ledgerFrom(entries, run && "file" in run ? run.file.settings.cycles : 1) : null;
  if (line.flags.json) {
    const checkpoints = entries.map((entry) => ({
      ...entry,
      ...(entry.state === "ok" ? { frame: { ...entry.frame, output: null } } : {}),
    }));
    stdout.write(
      `${stableJson({ run, folder, checkpoints, superseded, comparison: latest?.outputs.comparison.output ?? null, ...(ledger ? { ledger } : {}) }, 2)}\n`,
    );
    return 0;
  }
  if (ledger) {
    stdout.write(`${ledgerText(ledger)}\n\nThe test part was looked at ${looks === 1 ? "once" : `${looks} times`}.\n`);
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
    const { headline, gate } = comparison.output;
    stdout.write(`\n${headline.sentence}\n${looks > 1 ? `${looksSentence(looks)}\n` : ""}${gate.sentence}\n`);
    stdout.write(`${primarySentence(headline)}\n\n${comparisonText(comparison.output)}\n`);
    stdout.write(`\n${armsText(comparison.output)}\n`);
    stdout.write(`\nReport: ${join(folder, "report.md")}\nTo read and print: ${join(folder, "report.html")}\n`);
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

/** The ledger of the newest cycle that has questions. */
function ledgerFrom(entries: readonly CheckpointEntry[], cycles: number) {
  const newest = entries.filter(({ stage, state }) => stage === "questions" && state === "ok").at(-1);
  if (newest?.state !== "ok") return [];
  // The store has checked every output against its stage's schema.
  const questions = newest.frame.output as StageOutputs["questions"];
  const compared = entries.filter(({ stage, state }) => stage === "comparison" && state === "ok").at(-1);
  return ledgerOf(questions, compared?.cycle ?? 0, cycles);
}
