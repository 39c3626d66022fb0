/** Runs one test suite and reads its machine-readable report; what a suite prints is never trusted for counts. */
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ended, repository } from "./bootstrap.mjs";

/**
 * @typedef {{ name: string, passed: number, failed: number, skipped: number, seconds: number, problem: string }} SuiteResult
 * `problem` is empty, or says why the suite as a whole counts as failed.
 */

const reports = join(repository, ".cache", "reports");

/** In order: what is quick first. Suites with models or child processes run their files one by one. */
const folders = [
  { name: "unit", parallel: true },
  { name: "checks", parallel: false },
  { name: "crash", parallel: false },
  { name: "models", parallel: false },
  { name: "pipeline", parallel: false },
];
export const suites = [...folders.map(({ name }) => name), "trainer", "extension", "e2e"];

/** Suites of which single files can be named, as `unit/hash` or `trainer/test_rows`. */
const byFile = [...folders.map(({ name }) => name), "trainer"];

/**
 * Whether this names a suite, or one file of a suite that can be run by files.
 * @param {string} name
 */
export function isSuite(name) {
  const [suite = "", file] = name.split("/", 2);
  return file === undefined ? suites.includes(suite) : byFile.includes(suite) && /^\w+$/.test(file);
}

/**
 * Runs suites one after the other. A suite of which files are named runs these alone, as one.
 * @param {string[]} names each an `isSuite`
 * @param {string | null} python absolute path of the environment's interpreter; null where it could not be made
 * @returns {Promise<SuiteResult[]>}
 */
export async function runSuites(names, python) {
  const results = [];
  const filesOf = (/** @type {string} */ suite) =>
    names.includes(suite) ? [] : names.filter((name) => name.startsWith(`${suite}/`));
  const isWanted = (/** @type {string} */ suite) => names.includes(suite) || filesOf(suite).length > 0;
  for (const { name, parallel } of folders)
    if (isWanted(name)) results.push(await runVitest(name, { parallel, files: filesOf(name) }));
  if (isWanted("trainer"))
    results.push(
      python
        ? await runPytest(python, filesOf("trainer"))
        : { name: "trainer", passed: 0, failed: 1, skipped: 0, seconds: 0, problem: "no Python environment" },
    );
  // Inside a real VS Code, and through its window as a person; both want the extension bundled.
  const [inside, person] = [names.includes("extension"), names.includes("e2e")];
  if (inside || person) results.push(...(await runEditor(inside, person)));
  return results;
}

/**
 * @param {string} name a folder below test/
 * @param {{ parallel: boolean, files?: string[] }} options `files` of the folder, as `unit/hash`; all when empty
 * @returns {Promise<SuiteResult>}
 */
function runVitest(name, { parallel, files = [] }) {
  const file = join(reports, `${name}.json`);
  const args = [
    join(repository, "node_modules", "vitest", "vitest.mjs"),
    "run",
    ...(files.length > 0 ? files.map((each) => `test/${each}.test.ts`) : [`test/${name}/`]),
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${file}`,
    ...(parallel ? [] : ["--no-file-parallelism"]),
  ];
  return runSuite(files.join(" ") || name, process.execPath, args, file, vitestCounts);
}

/**
 * @param {string} python absolute path of the environment's interpreter
 * @param {string[]} files as `trainer/test_rows`; all when empty
 * @returns {Promise<SuiteResult>}
 */
function runPytest(python, files) {
  const file = join(reports, "trainer.xml");
  const chosen = files.length > 0 ? files.map((each) => `${each.replace("/", "/tests/")}.py`) : ["trainer"];
  const args = ["-X", "utf8", "-m", "pytest", ...chosen, "-q", `--junitxml=${file}`, "-o", "junit_family=xunit2"];
  return runSuite(files.join(" ") || "trainer", python, args, file, junitCounts);
}

/**
 * @param {string} name
 * @param {string} program
 * @param {string[]} args
 * @param {string} file
 * @param {(report: string) => Pick<SuiteResult, "passed" | "failed" | "skipped">} counts
 * @param {number} [limit] milliseconds after which it is ended
 * @returns {Promise<SuiteResult>}
 */
export async function runSuite(name, program, args, file, counts, limit) {
  mkdirSync(reports, { recursive: true });
  rmSync(file, { force: true });
  console.log(`\n== ${name} ==`);
  const started = Date.now();
  const child = spawn(program, args, { cwd: repository, stdio: ["ignore", "inherit", "inherit"] });
  const timer = limit === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), limit);
  const code = await ended(child, { step: true });
  clearTimeout(timer);
  const seconds = (Date.now() - started) / 1000;
  const none = { passed: 0, failed: 0, skipped: 0 };
  let result = none;
  let problem = "";
  try {
    result = counts(readFileSync(file, "utf8"));
  } catch {
    problem = `ended with exit code ${code} and without a report`;
  }
  if (!problem && result.passed + result.failed === 0) problem = "ran no test";
  if (!problem && result.failed === 0 && code !== 0) problem = `all tests passed, yet the exit code is ${code}`;
  return { name, ...result, failed: result.failed + (problem ? 1 : 0), seconds, problem };
}

/**
 * The suites that need VS Code.
 * @param {boolean} inside the extension's own tests
 * @param {boolean} person the ones through the window
 * @returns {Promise<SuiteResult[]>}
 */
async function runEditor(inside, person) {
  const build = join(repository, "scripts", "build.mjs");
  const code = await ended(spawn(process.execPath, [build, "--tests"], { cwd: repository, stdio: "inherit" }), {
    step: true,
  });
  const problem = `the extension could not be bundled (exit code ${code})`;
  if (code !== 0) return [{ name: "extension", passed: 0, failed: 1, skipped: 0, seconds: 0, problem }];
  const results = [];
  const script = join(repository, "scripts", "testEditor.mjs");
  const file = join(reports, "extension.json");
  if (inside)
    results.push(await runSuite("extension", process.execPath, [script], file, (report) => JSON.parse(report)));
  if (person) results.push(await runVitest("e2e", { parallel: false }));
  return results;
}

/** @param {string} report */
export function vitestCounts(report) {
  const data = JSON.parse(report);
  // A file that cannot even be loaded has no tests of its own; it counts as one failure.
  const unloaded = data.testResults.filter(
    (/** @type {{ status: string, assertionResults: unknown[] }} */ file) =>
      file.status === "failed" && file.assertionResults.length === 0,
  );
  return {
    passed: data.numPassedTests,
    failed: data.numFailedTests + unloaded.length,
    skipped: data.numPendingTests + data.numTodoTests,
  };
}

/** @param {string} report */
export function junitCounts(report) {
  let [tests, failed, skipped] = [0, 0, 0];
  for (const [tag] of report.matchAll(/<testsuite\s[^>]*>/g)) {
    const count = (/** @type {string} */ name) => Number(new RegExp(`\\s${name}="(\\d+)"`).exec(tag)?.[1] ?? 0);
    tests += count("tests");
    failed += count("failures") + count("errors");
    skipped += count("skipped");
  }
  return { passed: tests - failed - skipped, failed, skipped };
}

/**
 * Prints the table and the closing line.
 * @param {SuiteResult[]} results
 * @returns {number} exit code
 */
export function summarize(results) {
  const total = (/** @type {"passed" | "failed" | "skipped"} */ key) =>
    results.reduce((sum, each) => sum + each[key], 0);
  const width = Math.max(...results.map(({ name }) => name.length), 5);
  console.log(`\n${"suite".padEnd(width)}  passed  failed  skipped  seconds`);
  for (const { name, passed, failed, skipped, seconds, problem } of results) {
    const cells = [passed, failed, skipped].map((value, index) => String(value).padStart([6, 6, 7][index] ?? 6));
    const note = problem ? `  ${problem}` : "";
    console.log(`${name.padEnd(width)}  ${cells.join("  ")}  ${seconds.toFixed(1).padStart(7)}${note}`);
  }
  console.log(`${total("passed")} passed, ${total("failed")} failed`);
  return total("failed") === 0 ? 0 : 1;
}
