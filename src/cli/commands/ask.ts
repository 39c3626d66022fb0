/** `distillery ask "QUESTION"`: the base model and the tuned student answer side by side. */
import { join } from "node:path";
import { checkAdapter } from "../../pipeline/adapters/artefacts.ts";
import { readyEnvironment } from "../../pipeline/adapters/environment.ts";
import { nodeFiles } from "../../pipeline/adapters/fileLayer.ts";
import { seedOf, stableJson } from "../../pipeline/hash.ts";
import { studentMessages } from "../../pipeline/template.ts";
import { UserError } from "../../protocol/errors.ts";
import { composeStudent } from "../compose.ts";
import type { CliContext } from "../context.ts";
import type { CommandLine } from "../options.ts";
import { sideBySide, wrapped } from "../tables.ts";
import { openWorkspace, runNamed, type Workspace } from "../workspace.ts";
import { cycleGiven } from "./rerun.ts";

export async function ask(line: CommandLine, { stdout, stderr, signal, setLogFile }: CliContext): Promise<number> {
  const question = line.positionals.join(" ").trim();
  if (question === "") throw new UserError("E_USAGE", 'Say what to ask: distillery ask "What is a Pod?"');
  const workspace = openWorkspace(line.flags.out, (text) => stderr.write(`${text}\n`));
  setLogFile(workspace.logFile);
  const id = await runNamed(workspace, line.flags.run);
  const { settings, adapter, domain, cycle } = await tunedOf(workspace, id, line.flags.cycle);
  const environment = await readyEnvironment({
    signal,
    workspace: workspace.folder,
    onProgress: (text) => stderr.write(`${text}\n`),
  });
  const student = await composeStudent(settings, environment, workspace);
  try {
    // The same template, sampling values and seed for both, as in the scoring.
    const messages = studentMessages(domain, question);
    const options = { ...settings.sampling, seed: seedOf(settings.seed, question), signal };
    const base = await student.generate(messages, options);
    const tuned = await student.tuned(adapter).generate(messages, options);
    if (line.flags.json) stdout.write(`${stableJson({ run: id, cycle, question, base, tuned }, 2)}\n`);
    else {
      const left = { title: `${student.id}, untuned`, text: base.text || "(no answer)" };
      const right = { title: `tuned in run ${id}, cycle ${cycle}`, text: tuned.text || "(no answer)" };
      stdout.write(
        `${wrapped(question, (stdout.columns || 120) - 1).join("\n")}\n\n${sideBySide(left, right, stdout.columns || 120)}\n`,
      );
    }
    return 0;
  } finally {
    await student.close();
  }
}

/** The run's settings and the checked adapter of its last trained cycle, or of the one asked for. */
async function tunedOf({ store }: Workspace, id: string, given: string | undefined) {
  const run = (await store.runs()).find((each) => each.id === id);
  if (!run || !("file" in run)) throw new UserError("E_CKPT_CORRUPT", `The run file of ${id} cannot be read.`);
  const { settings } = run.file;
  const entries = (await store.checkpoints(id)).filter((entry) => entry.state === "ok");
  const wanted = given === undefined ? null : cycleGiven(given, settings.cycles);
  const trained = entries
    .filter(({ stage, cycle }) => stage === "fineTuning" && (wanted === null || cycle === wanted))
    .toSorted((a, b) => b.cycle - a.cycle)[0];
  const questions = entries.find(({ stage, cycle }) => stage === "questions" && cycle === trained?.cycle);
  if (!trained || !questions)
    throw new UserError(
      "E_ARTEFACT_MISSING",
      `Run ${id} has no tuned student${wanted === null ? " yet" : ` for cycle ${wanted}`}.`,
    );
  const output = trained.frame.output as Parameters<typeof checkAdapter>[1];
  const folder = join(store.root, "runs", id);
  await checkAdapter(folder, output, trained.cycle, output.adapter.folder, nodeFiles);
  const { domain } = questions.frame.output as { domain: Parameters<typeof studentMessages>[0] };
  return { settings, domain, cycle: trained.cycle, adapter: join(folder, output.adapter.folder, "adapter.gguf") };
}
