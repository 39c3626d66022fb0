/** `distillery resume`: goes on with a run. Flags change its settings; only what depends on them runs again. */
import { hashOf } from "../../pipeline/hash.ts";
import { chosenSections } from "../../pipeline/stages/sections.ts";
import { UserError } from "../../protocol/errors.ts";
import type { CliContext } from "../context.ts";
import { checkEndpoints } from "../endpoint.ts";
import type { CommandLine } from "../options.ts";
import { knowledgeBase, openWorkspace, runNamed, type Workspace } from "../workspace.ts";
import { execute, sayLeftOut } from "./execute.ts";
import { settingsWithOwn } from "./run.ts";
import type { FileRunStore } from "../../pipeline/adapters/runStore.ts";

export async function resume(line: CommandLine, context: CliContext): Promise<number> {
  const output = line.flags.json ? context.stderr : context.stdout;
  const workspace = openWorkspace(line.flags.out, (text) => output.write(`${text}\n`));
  context.setLogFile(workspace.logFile);
  await goOn(line, await runNamed(workspace, line.positionals[0]), workspace, context, async () => {});
  return 0;
}

/** Opens the run, applies changed settings, lets `prepare` change it further, and runs the pipeline. */
export async function goOn(
  line: CommandLine,
  id: string,
  workspace: Workspace,
  context: CliContext,
  prepare: (store: FileRunStore) => Promise<void>,
): Promise<{ folder: string }> {
  const output = line.flags.json ? context.stderr : context.stdout;
  // Opening repairs what a crash left behind, and refuses a run that is open elsewhere before any set-up.
  const store = await workspace.store.open(id);
  try {
    const { settings: before, knowledge: name } = store.file;
    const settings = await settingsWithOwn(line, before);
    const knowledge = await knowledgeBase(workspace, name)
      .read()
      .catch((error: unknown) => {
        if (!(error instanceof UserError)) throw error;
        throw new UserError(error.code, `The run's knowledge base: ${error.message}`, { cause: error });
      });
    chosenSections(knowledge, settings.topics);
    sayLeftOut(knowledge, output);
    const typed = { teacher: line.flags["base-url"] !== undefined, judge: line.flags["judge-url"] !== undefined };
    await checkEndpoints(settings, workspace, typed, (text) => output.write(`${text}\n`), context.signal);
    if (hashOf(settings) !== hashOf(before)) await store.updateFile((file) => ({ ...file, settings }));
    await prepare(store);
    const { folder } = await execute(
      { workspace, knowledge, json: line.flags.json ?? false, student: settings.student, open: async () => store },
      context,
    );
    return { folder };
  } finally {
    await store.close();
  }
}
