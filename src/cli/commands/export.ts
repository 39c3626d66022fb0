/** `distillery export [RUN]`: the tuned student for other programs, with the proof that it answers alike. */
import { join, resolve } from "node:path";
import { readyEnvironment } from "../../pipeline/adapters/environment.ts";
import { exportKinds, exportStudent, type ExportKind } from "../../pipeline/adapters/exportStudent.ts";
import { findStudent } from "../../pipeline/adapters/studentRegistry.ts";
import { checkBase, tunedOfRun } from "../../pipeline/adapters/tunedStudents.ts";
import { stableJson } from "../../pipeline/hash.ts";
import { UserError } from "../../protocol/errors.ts";
import type { CliContext } from "../context.ts";
import type { CommandLine } from "../options.ts";
import { openWorkspace, runNamed } from "../workspace.ts";
import { cycleNamed } from "./student.ts";

export async function exportRun(line: CommandLine, context: CliContext): Promise<number> {
  const { stdout, stderr, signal, setLogFile } = context;
  const kinds = kindsNamed(line.flags.as);
  const onProgress = (text: string) => void stderr.write(`${text}\n`);
  const workspace = openWorkspace(line.flags.out, onProgress);
  setLogFile(workspace.logFile);
  const run = await runNamed(workspace, line.positionals[0]);
  const { student, questions } = await tunedOfRun(
    workspace.store,
    run,
    await cycleNamed(workspace, run, line.flags.cycle),
  );
  const target = resolve(line.flags.to ?? join(workspace.folder, `${run}-cycle-${student.cycle}-export`));
  const environment = await readyEnvironment({ signal, workspace: workspace.folder, onProgress });
  const { gguf, id } = await findStudent(student.settings.student, environment, workspace.folder);
  checkBase(student, id);
  const place = { ...environment, logFile: workspace.logFile };
  const proofs = await exportStudent({ student, questions, gguf, kinds, target, place, signal, onProgress });
  if (line.flags.json) stdout.write(`${stableJson({ run, cycle: student.cycle, folder: target, proofs }, 2)}\n`);
  else {
    for (const { as, equal, asked, compared, notes } of proofs)
      stdout.write(`${[`${as}: ${equal} of ${asked} greedy answers alike (${compared}).`, ...notes].join(" ")}\n`);
    stdout.write(`The files and proof.json are in ${target}.\n`);
  }
  return 0;
}

/** @throws UserError E_USAGE */
function kindsNamed(given = "all"): readonly ExportKind[] {
  if (given === "all") return exportKinds;
  const kinds = exportKinds.filter((kind) => given.split(",").includes(kind));
  if (kinds.length !== given.split(",").length)
    throw new UserError("E_USAGE", `--as is one or more of ${exportKinds.join(", ")}, or all; not "${given}".`);
  return kinds;
}
