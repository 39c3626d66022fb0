/** `npm run bench -- catches`: which of the product's catch blocks do the test suites reach? README.md says more. */
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { isSuite, suites } from "../scripts/suites.mjs";
import type * as Suites from "../scripts/suites.mjs";
import { readyEnvironment } from "../src/pipeline/adapters/environment.ts";
import { cacheFolder } from "../src/pipeline/adapters/cacheFolder.ts";
import { packageFolder } from "../src/pipeline/adapters/packageFolder.ts";
import { copyRepository } from "../test/checks/repositoryCopy.ts";
import { type CatchBlock, markCatches } from "./catchMarks.ts";
import { unreached, type Unreached } from "./catchesUnreached.ts";
import { describeMachine, describeVersions } from "./machine.ts";
import { keepResult } from "./resultFile.ts";

/** The checks look at the sources themselves, which marks change. */
const measured = suites.filter((name) => name !== "checks");
const usage = `Usage: npm run bench -- catches [SUITE[/FILE] ...] [--add] [--without FILE ...]. Suites: ${measured.join(", ")}.`;
/** What each suite reached, one line a run of a suite; `--add` goes on with it. */
const earlier = join(packageFolder(), ".cache", "catches.jsonl");

/** One run of a suite in a marked copy. */
interface Outcome extends Suites.SuiteResult {
  date: string;
  /** Files that were left out of the copy. Of a suite that ran in part, `name` tells the files. */
  without: string[];
  /** Ids of marks; those of a source that has changed since count for nothing. */
  reached: string[];
}

interface Finding {
  blocks: number;
  reached: number;
  unreached: (CatchBlock & { reason: string | null })[];
}

/** @returns the exit code: 0 when every block is reached or justified and no test failed, 2 for wrong use */
export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { add: { type: "boolean", default: false }, without: { type: "string", multiple: true, default: [] } },
  });
  const names = positionals.length > 0 ? positionals : measured;
  if (!names.every((name) => isSuite(name) && measured.includes(name.split("/")[0]!))) {
    console.error(usage);
    return 2;
  }
  const [date, machine] = [new Date(), describeMachine()];
  const { python } = await readyEnvironment({ dev: true, onProgress: (text) => console.log(text) });
  if (!values.add) rmSync(earlier, { force: true });
  const copy = copyRepository();
  // In the cache, where a run may write: a traced one is watched.
  const logs = mkdtempSync(join(cacheFolder(), "catches-"));
  try {
    for (const file of values.without) rmSync(join(copy, file));
    const log = join(logs, "reached");
    const blocks = markCatches(copy, log, python);
    const { runSuites } = (await import(pathToFileURL(join(copy, "scripts/suites.mjs")).href)) as typeof Suites;
    for (const suite of measured) {
      const parts = names.filter((name) => name.split("/")[0] === suite);
      if (parts.length === 0) continue;
      const started = new Date().toISOString();
      const [outcome] = await runSuites(parts, python);
      keep({ ...outcome!, date: started, without: values.without, reached: linesOf(log) });
      rmSync(log, { force: true });
    }
    const outcomes = linesOf(earlier).map((line) => JSON.parse(line) as Outcome);
    const finding = judge(blocks, new Set(outcomes.flatMap(({ reached }) => reached)), unreached);
    for (const line of linesAbout(finding)) console.log(line);
    const file = await keepResult("catches", date, {
      measures: "catch blocks of the product that the test suites reach",
      date: date.toISOString(),
      suites: outcomes.map(({ reached, ...rest }) => ({
        ...rest,
        seconds: Math.round(rest.seconds),
        reached: reached.filter((id) => blocks.has(id)).length,
      })),
      notRun: measured.filter((name) => !outcomes.some((outcome) => outcome.name === name)),
      ...finding,
      machine,
      versions: await describeVersions({}),
    });
    console.log(`Kept in bench/results/${file}.`);
    return finding.unreached.every(({ reason }) => reason) && outcomes.every(({ failed }) => failed === 0) ? 0 : 1;
  } finally {
    rmSync(copy, { recursive: true, force: true });
    rmSync(logs, { recursive: true, force: true });
  }
}

function keep(outcome: Outcome): void {
  mkdirSync(dirname(earlier), { recursive: true });
  appendFileSync(earlier, `${JSON.stringify(outcome)}\n`);
}

const linesOf = (file: string): string[] =>
  existsSync(file) ? [...new Set(readFileSync(file, "utf8").split("\n").filter(Boolean))] : [];

/** Holds the blocks of the sources against the ids that marks have noted and against the list of those justified. */
export function judge(blocks: Map<string, CatchBlock>, noted: Set<string>, justified: Unreached[]): Finding {
  const missed = [...blocks].filter(([id]) => !noted.has(id)).map(([, block]) => block);
  const reasonFor = (block: CatchBlock): string | null =>
    justified.find((each) => each.file === block.file && each.function === block.function)?.reason ?? null;
  return {
    blocks: blocks.size,
    reached: blocks.size - missed.length,
    unreached: missed.map((block) => ({ ...block, reason: reasonFor(block) })),
  };
}

/** The finding for people: first those not reached that lack a reason. */
export function linesAbout({ blocks, reached, unreached: missed }: Finding): string[] {
  const [justified, open] = [missed.filter(({ reason }) => reason), missed.filter(({ reason }) => !reason)];
  const place = ({ file, line, function: name }: CatchBlock): string => `${file}:${line} in ${name}`;
  return [
    ...open.map((block) => `not reached: ${place(block)}`),
    ...justified.map((block) => `justified:   ${place(block)}: ${block.reason}`),
    `${reached} of ${blocks} reached (${((100 * reached) / blocks).toFixed(1)} %), ${justified.length} justified, ${open.length} neither`,
  ];
}
