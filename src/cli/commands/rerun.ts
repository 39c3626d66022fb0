/** `distillery rerun RUN --cycle N --from STAGE`: does a stage and all that rests on it again. */
import { UserError } from "../../protocol/errors.ts";
import { screenStages, stageIds, type StageId } from "../../protocol/model.ts";
import { rerunFrom } from "../../pipeline/run.ts";
import type { CliContext } from "../context.ts";
import type { CommandLine } from "../options.ts";
import { openWorkspace, runNamed } from "../workspace.ts";
import { goOn } from "./resume.ts";

export async function rerun(line: CommandLine, context: CliContext): Promise<number> {
  const output = line.flags.json ? context.stderr : context.stdout;
  const stage = stageNamed(line.flags.from);
  const workspace = openWorkspace(line.flags.out, (text) => output.write(`${text}\n`));
  context.setLogFile(workspace.logFile);
  const id = await runNamed(workspace, line.positionals[0]);
  await goOn(line, id, workspace, context, async (store) => {
    const cycle = cycleGiven(line.flags.cycle, store.file.settings.cycles);
    await rerunFrom(store, cycle, stage);
    output.write(
      `The checkpoints from ${stage} of cycle ${cycle} on were moved to superseded/; \`distillery show\` lists them.\n`,
    );
  });
  return 0;
}

/** A stage by its stored name, its name on screen, or its number on screen. */
function stageNamed(given: string | undefined): StageId {
  if (given === undefined)
    throw new UserError(
      "E_USAGE",
      `Say where to start with --from: ${stageIds.join(", ")}, or 1 to ${screenStages.length}.`,
    );
  const plain = given.toLowerCase();
  const exact = stageIds.find((id) => id.toLowerCase() === plain);
  const shown = screenStages.find(({ title }, index) => title.toLowerCase() === plain || String(index + 1) === plain);
  const stage = exact ?? shown?.stages[0];
  if (!stage)
    throw new UserError("E_USAGE", `--from: there is no stage "${given}". There are: ${stageIds.join(", ")}.`);
  return stage;
}

/** @throws UserError E_USAGE unless it is a cycle of the run; the last one when none is given. */
export function cycleGiven(given: string | undefined, cycles: number): number {
  if (given === undefined) return cycles;
  const cycle = Number(given);
  if (Number.isInteger(cycle) && cycle >= 1 && cycle <= cycles) return cycle;
  throw new UserError("E_USAGE", `--cycle is a whole number from 1 to ${cycles} for this run, not "${given}".`);
}
