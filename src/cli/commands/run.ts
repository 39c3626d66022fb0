/** `distillery run`: a new run. Everything that can be wrong with what was asked is found before anything starts. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { RunFile, RunSettings } from "../../protocol/run.ts";
import { packageFolder } from "../../pipeline/adapters/packageFolder.ts";
import { readQuestionsFile } from "../../pipeline/adapters/questionsFile.ts";
import { costSentence } from "../../pipeline/adapters/teacher/costs.ts";
import { readPricesFile } from "../../pipeline/adapters/teacher/pricesFile.ts";
import { chosenSections } from "../../pipeline/stages/sections.ts";
import type { CliContext } from "../context.ts";
import { checkEndpoints } from "../endpoint.ts";
import { settingsFrom, type CommandLine } from "../options.ts";
import { checkWritable, knowledgeBase, knowledgeName, openWorkspace } from "../workspace.ts";
import { execute, sayLeftOut } from "./execute.ts";

export async function run(line: CommandLine, context: CliContext): Promise<number> {
  const output = line.flags.json ? context.stderr : context.stdout;
  const settings = await settingsWithOwn(line, {});
  const workspace = openWorkspace(line.flags.out, (text) => output.write(`${text}\n`));
  const name = knowledgeName(workspace, line.flags.knowledge);
  const knowledge = await knowledgeBase(workspace, name).read();
  chosenSections(knowledge, settings.topics);
  await checkWritable(workspace);
  context.setLogFile(workspace.logFile);
  sayLeftOut(knowledge, output);
  // All addresses of a new run come from this command line.
  const typed = { teacher: true, judge: true };
  await checkEndpoints(settings, workspace, typed, (text) => output.write(`${text}\n`), context.signal);
  const cost = costSentence(settings, knowledge);
  if (cost) output.write(`${cost}\n`);
  const open = () => workspace.store.create(newRunFile(name, settings));
  await execute({ workspace, knowledge, json: line.flags.json ?? false, student: settings.student, open }, context);
  return 0;
}

/** The settings of the flags over `base`, with what the files of `--own-questions` and `--prices` hold. */
export async function settingsWithOwn(line: CommandLine, base: Partial<RunSettings>): Promise<RunSettings> {
  const { "own-questions": questions, prices } = line.flags;
  // What is wrong with the flags themselves is told before any file is read.
  settingsFrom(line, base);
  return settingsFrom(line, {
    ...base,
    ...(questions === undefined ? {} : { own: await readQuestionsFile(questions) }),
    ...(prices === undefined ? {} : { prices: await readPricesFile(prices) }),
  });
}

export function newRunFile(knowledge: string, settings: RunSettings): RunFile {
  const created = new Date().toISOString();
  const [day = "", time = ""] = created.split("T");
  const id = `${day.replaceAll("-", "")}-${time.slice(0, 8).replaceAll(":", "")}-${randomBytes(2).toString("hex")}`;
  return {
    schema: "distillery-run",
    version: 1,
    id,
    created,
    knowledge,
    settings,
    versions: { distillery: productVersion(), node: process.versions.node },
    attempts: {},
  };
}

/** The version in package.json. */
export function productVersion(): string {
  const data: unknown = JSON.parse(readFileSync(join(packageFolder(), "package.json"), "utf8"));
  return String((data as { version?: unknown }).version);
}
