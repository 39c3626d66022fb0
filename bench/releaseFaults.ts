/** `npm run test:release`: the fault tests of every change again, with the numbers of a release; README.md says more. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runSuite, junitCounts, vitestCounts } from "../scripts/suites.mjs";
import { readyEnvironment } from "../src/pipeline/adapters/environment.ts";
import { describeMachine, describeVersions } from "./machine.ts";
import { bars, type Bar } from "./releaseBars.ts";
import { keepResult } from "./resultFile.ts";

const usage = `Usage: npm run test:release [-- BAR ...] [--minutes N] [--seed N]. Bars: ${Object.keys(bars).join(", ")}.`;

interface Outcome {
  bar: string;
  /** What one change tries, what this release is to try, and what the tests say that they tried and found to hold. */
  usual: number;
  asked: number;
  tried: number;
  passed: number;
  failed: number;
  seconds: number;
  /** Null: every test used its own, which is in its counts. */
  seed: number | null;
  problem: string;
  counts: object[];
}

/** @returns the exit code: 0 when all that was asked for was tried and held, 2 for wrong use */
export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { minutes: { type: "string", default: "120" }, seed: { type: "string" } },
  });
  const names = positionals.length > 0 ? positionals : Object.keys(bars);
  const [minutes, seed] = [Number(values.minutes), values.seed === undefined ? null : Number(values.seed)];
  if (!names.every((name) => Object.hasOwn(bars, name)) || !(minutes > 0) || (seed !== null && !(seed > 0))) {
    console.error(usage);
    return 2;
  }
  const date = new Date();
  const machine = describeMachine();
  const { python } = await readyEnvironment({ dev: true, onProgress: (text) => console.log(text) });
  const end = Date.now() + minutes * 60_000;
  const outcomes: Outcome[] = [];
  for (const name of names) {
    outcomes.push(await tryBar(name, bars[name]!, python, seed, end - Date.now()));
    console.log(sentence(outcomes.at(-1)!));
  }
  const result = {
    measures: "the bars of a release: faults provoked in numbers that a change's tests cannot afford",
    date: date.toISOString(),
    limitMinutes: minutes,
    seconds: outcomes.reduce((sum, { seconds }) => sum + seconds, 0),
    bars: outcomes,
    notRun: Object.keys(bars).filter((name) => !names.includes(name)),
    machine,
    versions: await describeVersions({}),
  };
  const file = await keepResult("release-faults", date, result);
  console.log(`\n${outcomes.map(sentence).join("\n")}\nKept in bench/results/${file}.`);
  return outcomes.every(({ failed, problem }) => failed === 0 && problem === "") ? 0 : 1;
}

const sentence = ({ bar, tried, asked, failed, seconds, seed, problem }: Outcome): string =>
  `${failed > 0 || problem ? "FAILED" : "ok    "}  ${bar}: ${tried} of ${asked}, ${failed} tests failed, ${seconds.toFixed(0)} s, seed ${seed ?? "of each test"}${problem ? ` (${problem})` : ""}`;

/** One bar in a process of its own, ended when `left` milliseconds are over. */
async function tryBar(bar: string, wanted: Bar, python: string, seed: number | null, left: number): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), "distillery-release-"));
  const notes = join(folder, "counts.jsonl");
  const each = wanted.each ?? 1;
  const outcome = { bar, usual: wanted.usual * each, asked: wanted.release * each, tried: 0, seed };
  try {
    if (left <= 0)
      return { ...outcome, passed: 0, failed: 0, seconds: 0, problem: "no time was left for it", counts: [] };
    Object.assign(process.env, {
      FAULT_COUNTS: notes,
      [wanted.variable]: String(wanted.release),
      ...(seed === null ? {} : { FAULT_SEED: String(seed) }),
    });
    const inPython = wanted.file.endsWith(".py");
    const { passed, failed, seconds, problem } = await runSuite(
      bar,
      inPython ? python : process.execPath,
      inPython ? pytest(wanted, folder) : vitest(wanted, folder),
      join(folder, "report"),
      inPython ? junitCounts : vitestCounts,
      left,
    );
    const counts = existsSync(notes) ? readFileSync(notes, "utf8").trimEnd().split("\n").map(parsed) : [];
    const tried = counts.reduce((sum, line) => sum + line.tried, 0);
    const short = tried < outcome.asked ? "fewer were tried than asked for" : "";
    return { ...outcome, tried, passed, failed, seconds: Math.round(seconds), problem: problem || short, counts };
  } finally {
    delete process.env[wanted.variable];
    rmSync(folder, { recursive: true, force: true });
  }
}

const parsed = (line: string): { tried: number } => JSON.parse(line) as { tried: number };

const vitest = ({ file, title }: Bar, folder: string): string[] => [
  join(import.meta.dirname, "../node_modules/vitest/vitest.mjs"),
  ...["run", file, "-t", title, "--reporter=default", "--reporter=json"],
  `--outputFile.json=${join(folder, "report")}`,
];
const pytest = ({ file, title }: Bar, folder: string): string[] => [
  ...["-X", "utf8", "-m", "pytest", file, "-k", title],
  `--junitxml=${join(folder, "report")}`,
  ...["-o", "junit_family=xunit2"],
];
