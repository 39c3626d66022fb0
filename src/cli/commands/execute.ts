/** Runs the pipeline on an open run with its progress in view; what `run`, `resume`, `rerun` and `start` share. */
import type { RunFile } from "../../protocol/run.ts";
import type { RunEvent } from "../../protocol/events.ts";
import type { Knowledge } from "../../protocol/model.ts";
import { planSentence, testPlan } from "../../pipeline/detectable.ts";
import { stableJson } from "../../pipeline/hash.ts";
import { looksSentence } from "../../pipeline/ledger.ts";
import { primarySentence } from "../../pipeline/report/model.ts";
import { runPipeline } from "../../pipeline/run.ts";
import { readyEnvironment } from "../../pipeline/adapters/environment.ts";
import type { FileRunStore } from "../../pipeline/adapters/runStore.ts";
import { findStudent } from "../../pipeline/adapters/studentRegistry.ts";
import { armsText } from "../armsText.ts";
import { composeParts } from "../compose.ts";
import type { CliContext } from "../context.ts";
import { earlierSpread } from "../earlierSpread.ts";
import { createProgress } from "../progress.ts";
import { comparisonText } from "../tables.ts";
import { bundled, type Workspace } from "../workspace.ts";

export interface Execution {
  workspace: Workspace;
  knowledge: Knowledge;
  json: boolean;
  /** The student's name in the settings; a wrong one is found before the run is opened. */
  student: string;
  /** Opens or creates the run; called once everything else is ready. */
  open(): Promise<FileRunStore>;
}

/** @returns the finished run's file and folder. Prints the comparison and where the report is. */
export async function execute(
  { workspace, knowledge, json, student, open }: Execution,
  context: CliContext,
): Promise<{ file: RunFile; folder: string }> {
  const output = json ? context.stderr : context.stdout;
  const environment = await readyEnvironment({
    signal: context.signal,
    workspace: workspace.folder,
    onProgress: (text) => output.write(`${text}\n`),
  });
  context.signal.throwIfAborted();
  const studentFiles = await findStudent(student, environment, workspace.folder);
  const store = await open();
  try {
    const progress = createProgress(output);
    context.sayStoppingWith(progress.say);
    const parts = await composeParts({
      store,
      knowledge,
      environment,
      studentFiles,
      workspace,
      onNotice: progress.say,
    });
    let told = store.file.spentDollars ?? 0;
    const show = (event: RunEvent): void => {
      progress.show(event);
      const spent = store.file.spentDollars ?? 0;
      if (event.type !== "stageFinished" || spent === told) return;
      told = spent;
      progress.say(spentSentence(spent, store.file.settings.budget));
    };
    try {
      progress.say(opening(store.file, parts.student.id, parts.teacher.id, knowledge));
      progress.say(await whatItCanShow(store.file, knowledge, workspace));
      const comparison = await runPipeline(parts, show, context.signal).finally(progress.end);
      const { id } = store.file;
      const report = `${store.folder}/report.md`;
      const page = `${store.folder}/report.html`;
      if (json) context.stdout.write(`${stableJson({ run: id, folder: store.folder, report, page, comparison }, 2)}\n`);
      else {
        const looks = looksSentence(store.file.looks?.length ?? 0);
        output.write(`\n${comparison.headline.sentence}\n${looks && `${looks}\n`}`);
        output.write(
          `${comparison.gate.sentence}\n${primarySentence(comparison.headline)}\n\n${comparisonText(comparison)}\n\n${armsText(comparison)}\n\nReport: ${report}\nTo read and print: ${page}\n`,
        );
      }
      return { file: store.file, folder: store.folder };
    } finally {
      await parts.close();
    }
  } finally {
    await store.close();
  }
}

/** Who teaches whom over what. The offline teacher is always named as such. */
function opening(
  { id, settings, knowledge: source }: RunFile,
  student: string,
  teacher: string,
  knowledge: Knowledge,
): string {
  const { questions, cycles } = settings;
  const work = `${questions} question${questions > 1 ? "s" : ""}, ${cycles} cycle${cycles > 1 ? "s" : ""}`;
  const base = `"${knowledge.domain.name}"${source === bundled ? " (bundled)" : ""}`;
  const size = `${knowledge.topics.length} topics and ${knowledge.sections.length} sections`;
  const who = settings.teacher.kind === "offline" ? "the offline teacher" : teacher;
  return `Run ${id}: ${who} teaches ${student}, ${work}, knowledge base ${base} with ${size}.`;
}

/** What the verdict will rest on, said before anything is answered, and the smallest change it can show. */
async function whatItCanShow(file: RunFile, { topics }: Knowledge, { store }: Workspace): Promise<string> {
  const { settings } = file;
  const plan = testPlan(settings, settings.topics.length || topics.length);
  const measured = await earlierSpread(store, file);
  return `The verdict will be on ${settings.primaryMetric} of the reworded questions; every other figure is secondary. ${planSentence(plan, measured)}`;
}

/** Requests under way count in full, so the last word may be a little less. */
function spentSentence(spent: number, budget: number | null): string {
  return `At most $${spent.toFixed(4)}${budget === null ? "" : ` of $${budget}`} spent on this run so far.`;
}

/** Lists what was left out of the knowledge base, before anything is sent or started. */
export function sayLeftOut({ skipped }: Knowledge, output: { write(text: string): unknown }): void {
  if (skipped.length === 0) return;
  const shown = skipped.slice(0, 20).map(({ file, reason }) => `  ${file}: ${reason}`);
  if (skipped.length > shown.length) shown.push(`  and ${skipped.length - shown.length} more`);
  output.write(`Left out of the knowledge base:\n${shown.join("\n")}\n`);
}
