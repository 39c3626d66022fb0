/** `distillery ask "QUESTION"`: the base model and the student in use answer side by side. */
import { readyEnvironment } from "../../pipeline/adapters/environment.ts";
import { createStudentInUse } from "../../pipeline/adapters/studentInUse.ts";
import { checkBase, tunedOfRun } from "../../pipeline/adapters/tunedStudents.ts";
import { seedOf, stableJson } from "../../pipeline/hash.ts";
import type { TunedStudent } from "../../pipeline/ports.ts";
import { studentMessages } from "../../pipeline/template.ts";
import { UserError } from "../../protocol/errors.ts";
import { composeStudent } from "../compose.ts";
import type { CliContext } from "../context.ts";
import type { CommandLine } from "../options.ts";
import { sideBySide, wrapped } from "../tables.ts";
import { openWorkspace, runNamed, type Workspace } from "../workspace.ts";
import { cycleNamed } from "./student.ts";

export async function ask(line: CommandLine, { stdout, stderr, signal, setLogFile }: CliContext): Promise<number> {
  const question = line.positionals.join(" ").trim();
  if (question === "") throw new UserError("E_USAGE", 'Say what to ask: distillery ask "What is a Pod?"');
  const workspace = openWorkspace(line.flags.out, (text) => stderr.write(`${text}\n`));
  setLogFile(workspace.logFile);
  const asked = await studentAsked(workspace, line.flags);
  const { settings, domain, run, cycle } = asked;
  const environment = await readyEnvironment({
    signal,
    workspace: workspace.folder,
    onProgress: (text) => stderr.write(`${text}\n`),
  });
  const student = await composeStudent(settings, environment, workspace);
  try {
    checkBase(asked, student.id);
    // The same template, sampling values and seed for both, as in the scoring.
    const messages = studentMessages(domain, question);
    const options = { ...settings.sampling, seed: seedOf(settings.seed, question), signal };
    const base = await student.generate(messages, options);
    const tuned = await student.tuned(asked.adapterGguf).generate(messages, options);
    if (line.flags.json) stdout.write(`${stableJson({ run, cycle, question, base, tuned }, 2)}\n`);
    else {
      const left = { title: `${student.id}, untuned`, text: base.text || "(no answer)" };
      const right = { title: `tuned in run ${run}, cycle ${cycle}`, text: tuned.text || "(no answer)" };
      stdout.write(
        `${wrapped(question, (stdout.columns || 120) - 1).join("\n")}\n\n${sideBySide(left, right, stdout.columns || 120)}\n`,
      );
    }
    return 0;
  } finally {
    await student.close();
  }
}

/**
 * The student that was named, else the one in use; where none is in use yet, the newest run's.
 * @throws UserError when its adapter does not verify.
 */
async function studentAsked(workspace: Workspace, { run, cycle }: CommandLine["flags"]): Promise<TunedStudent> {
  const inUse = createStudentInUse(workspace.store.root);
  const { current } = await inUse.read();
  if (current && run === undefined && cycle === undefined) return inUse.kept(current);
  const id = await runNamed(workspace, run);
  return (await tunedOfRun(workspace.store, id, await cycleNamed(workspace, id, cycle))).student;
}
