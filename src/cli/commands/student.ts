/** `distillery student`: the student in use and how it came to be; chooses another one, or goes back to the former. */
import { createStudentInUse, type FileStudentInUse } from "../../pipeline/adapters/studentInUse.ts";
import { tunedOfRun } from "../../pipeline/adapters/tunedStudents.ts";
import { whyChosen } from "../../pipeline/adoption.ts";
import { stableJson } from "../../pipeline/hash.ts";
import { UserError } from "../../protocol/errors.ts";
import type { StudentEntry } from "../../protocol/student.ts";
import type { CliContext } from "../context.ts";
import type { CommandLine } from "../options.ts";
import { table } from "../tables.ts";
import { checkWritable, openWorkspace, runNamed, type Workspace } from "../workspace.ts";
import { cycleGiven } from "./rerun.ts";

export async function student(line: CommandLine, { stdout, stderr }: CliContext): Promise<number> {
  const { use, rollback, cycle, json } = line.flags;
  if (use !== undefined && rollback) throw new UserError("E_USAGE", "--use and --rollback exclude each other.");
  if (cycle !== undefined && use === undefined) throw new UserError("E_USAGE", "--cycle belongs to --use RUN.");
  const notice = (text: string) => stderr.write(`${text}\n`);
  const workspace = openWorkspace(line.flags.out, notice);
  const inUse = createStudentInUse(workspace.store.root, { onNotice: notice });
  const said = json ? stderr : stdout;
  if (use !== undefined || rollback) await checkWritable(workspace);
  if (use !== undefined) await choose(workspace, inUse, use, cycle);
  if (rollback) {
    const began = performance.now();
    const { from, to } = await inUse.rollBack();
    const seconds = ((performance.now() - began) / 1000).toFixed(2);
    said.write(`Back from ${nameOf(from)} to ${nameOf(to)}, verified by its hash, in ${seconds} s.\n`);
  }
  const file = await inUse.read();
  if (json) {
    stdout.write(`${stableJson(file, 2)}\n`);
    return 0;
  }
  if (!file.current) {
    stdout.write(`No student is in use in ${workspace.folder} yet.\n`);
    return 0;
  }
  const rows = file.history.map(({ at, to, why }) => [
    at.slice(0, 19).replace("T", " "),
    to.run,
    String(to.cycle),
    to.adapterHash.slice(0, 12),
    why,
  ]);
  stdout.write(`In use: ${nameOf(file.current)}.\n\n`);
  stdout.write(`${table([["since (UTC)", "run", "cycle", "adapter", "why"], ...rows])}\n`);
  return 0;
}

const nameOf = ({ run, cycle, adapterHash }: StudentEntry): string =>
  `run ${run}, cycle ${cycle} (adapter ${adapterHash.slice(0, 12)})`;

/** A student of a run that is there, else one that was in use before its run was deleted. */
async function choose(
  workspace: Workspace,
  inUse: FileStudentInUse,
  use: string,
  cycle: string | undefined,
): Promise<void> {
  const { history } = await inUse.read().catch((error: unknown) => {
    // A damaged history is set aside when the choice is written.
    if (error instanceof UserError && error.code === "E_STUDENT_FILE") return { history: [] };
    throw error;
  });
  const before = history.findLast(({ to }) => to.run === use && (cycle === undefined || String(to.cycle) === cycle));
  const exists = (await workspace.store.runs()).some(({ id }) => id === use);
  if (before && !exists) return inUse.choose(await inUse.kept(before.to), "chosen by hand, from the history");
  const run = await runNamed(workspace, use);
  const found = await tunedOfRun(workspace.store, run, await cycleNamed(workspace, run, cycle));
  await inUse.choose(found.student, whyChosen(found.gate));
}

/** @throws UserError E_USAGE when the run has no such cycle. Undefined where none is given: the last trained one. */
export async function cycleNamed(
  { store }: Workspace,
  run: string,
  cycle: string | undefined,
): Promise<number | undefined> {
  if (cycle === undefined) return undefined;
  const found = (await store.runs()).find(({ id }) => id === run);
  return cycleGiven(cycle, found && "file" in found ? found.file.settings.cycles : 10);
}
