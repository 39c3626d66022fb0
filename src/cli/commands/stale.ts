/** `distillery stale RUN`: sections whose text changed since they were asked about, and what rests on them. Reads only. */
import { stableJson } from "../../pipeline/hash.ts";
import { staleSections } from "../../pipeline/stale.ts";
import type { CliContext } from "../context.ts";
import type { CommandLine } from "../options.ts";
import { latestQuestions } from "../results.ts";
import { knowledgeBase, openWorkspace, runNamed } from "../workspace.ts";
import { UserError } from "../../protocol/errors.ts";

export async function stale(line: CommandLine, { stdout, stderr }: CliContext): Promise<number> {
  const workspace = openWorkspace(line.flags.out, (text) => stderr.write(`${text}\n`));
  const run = await runNamed(workspace, line.positionals[0]);
  const found = (await workspace.store.runs()).find(({ id }) => id === run);
  if (!found || !("file" in found)) throw new UserError("E_CKPT_CORRUPT", found?.reason ?? `There is no run ${run}.`);
  const entries = await workspace.store.checkpoints(run);
  const { questions } = latestQuestions(entries, run);
  const knowledge = await knowledgeBase(workspace, found.file.knowledge).read();
  const sections = staleSections(questions, knowledge).map(({ section, now, change, questions: resting }) => {
    const first = Math.min(...resting.map(({ cycle }) => cycle));
    return {
      section: section.id,
      heading: section.heading,
      topic: section.topic,
      file: section.file,
      line: (now ?? section).firstLine,
      change,
      questions: resting.map(({ id }) => id),
      stages: entries.filter(({ cycle }) => cycle >= first).map(({ cycle, stage }) => `${cycle}/${stage}`),
    };
  });
  if (line.flags.json) {
    stdout.write(`${stableJson({ run, sections }, 2)}\n`);
    return 0;
  }
  if (sections.length === 0) {
    stdout.write(`Nothing of run ${run} is stale: every section it asked about reads as it did.\n`);
    return 0;
  }
  for (const each of sections)
    stdout.write(
      `${each.file}:${each.line}  ${each.topic}, ${each.heading}: ${each.change}\n` +
        `  questions: ${each.questions.join(", ")}\n` +
        `  checkpoints: ${each.stages.join(", ")}\n`,
    );
  stdout.write(`\n\`distillery resume ${run}\` asks again about these sections only, and trains on the result.\n`);
  return 0;
}
