/** `npm start`: one cycle over the bundled knowledge base in a sample workspace, or the rest of an unfinished one. */
import { join } from "node:path";
import { runSettingsSchema } from "../../protocol/run.ts";
import { packageFolder } from "../../pipeline/adapters/packageFolder.ts";
import { examplesOf, type Example } from "../../pipeline/report/examples.ts";
import type { CliContext } from "../context.ts";
import type { CommandLine } from "../options.ts";
import { isFinished, latestOutputs } from "../results.ts";
import { sideBySide } from "../tables.ts";
import { bundled, checkWritable, knowledgeBase, openWorkspace, type Workspace } from "../workspace.ts";
import { execute } from "./execute.ts";
import { goOn } from "./resume.ts";
import { newRunFile } from "./run.ts";

export async function start(line: CommandLine, context: CliContext): Promise<number> {
  const say = (text: string) => context.stdout.write(`${text}\n`);
  const workspace = openWorkspace(line.flags.out ?? join(packageFolder(), "sample"), say);
  await checkWritable(workspace);
  context.setLogFile(workspace.logFile);
  say("Distillery: the offline teacher distils the bundled Kubernetes v1.28 knowledge base into SmolLM2-135M.");
  say(
    "The offline teacher needs no key and sends nothing: its questions and answers come from the knowledge base itself.",
  );
  const unfinished = line.flags.new ? null : await unfinishedRun(workspace);
  const id = unfinished ? await continueRun(line, unfinished, workspace, context) : await newRun(workspace, context);
  const latest = latestOutputs(await workspace.store.checkpoints(id));
  if (latest)
    say(`\nThree answers before and after: the most improved, the middle and the least improved of the new wordings.`);
  for (const example of latest ? threeOf(examplesOf(latest.outputs)) : []) say(`\n${exampleText(example, context)}`);
  const sample = line.flags.out === undefined ? "sample" : line.flags.out;
  say(`\nReport: ${join(workspace.store.root, "runs", id, "report.md")}`);
  say(`To read and print: ${join(workspace.store.root, "runs", id, "report.html")}`);
  say(`Ask both students yourself: npx distillery ask "What does a Service do?" --out ${sample}`);
  return 0;
}

async function newRun(workspace: Workspace, context: CliContext): Promise<string> {
  const knowledge = await knowledgeBase(workspace, bundled).read();
  const settings = runSettingsSchema.parse({ questions: 20, cycles: 1 });
  const open = () => workspace.store.create(newRunFile(bundled, settings));
  const { file } = await execute({ workspace, knowledge, json: false, student: settings.student, open }, context);
  return file.id;
}

async function continueRun(line: CommandLine, id: string, workspace: Workspace, context: CliContext): Promise<string> {
  context.stdout.write(`Going on with the unfinished run ${id}. (\`npm start -- --new\` begins a new one.)\n`);
  await goOn({ ...line, flags: {} }, id, workspace, context, async () => {});
  return id;
}

/** The newest run that was never compared; none when the newest one is finished. */
async function unfinishedRun({ store }: Workspace): Promise<string | null> {
  const [newest] = await store.runs();
  if (!newest || !("file" in newest)) return null;
  return (await isFinished(store, newest.file)) ? null : newest.id;
}

/** Best, middle and worst of the reworded questions, so that the choice flatters nobody. */
function threeOf(examples: readonly Example[]): Example[] {
  const reworded = examples.filter(({ tier }) => tier === "reworded");
  const picked = new Set([reworded[0], reworded[Math.floor(reworded.length / 2)], reworded.at(-1)]);
  return [...picked].filter((example) => example !== undefined);
}

function exampleText(example: Example, { stdout }: CliContext): string {
  const { question, baseline, tuned, reference, before, after, lacks } = example;
  const score = (value: number | null) => (value === null ? "not scored" : `similarity ${value.toFixed(2)}`);
  const short = (text: string) => (text.length > 500 ? `${text.slice(0, 500)}…` : text || "(no answer)");
  const also = (words: string) => (words === "" ? "" : `\n→ ${words}`);
  const columns = sideBySide(
    { title: `Before (${score(before)})`, text: `${short(baseline)}${also(lacks.baseline)}` },
    { title: `After (${score(after)})`, text: `${short(tuned)}${also(lacks.tuned)}` },
    stdout.columns || 120,
  );
  return `Question: ${question}\nReference: ${reference}\n${columns}`;
}
