/**
 * Runs test/extension inside a real VS Code: desktop VS Code where DISTILLERY_TEST_DESKTOP is set (it is
 * downloaded by @vscode/test-electron), else the VS Code server in a browser. Three windows: one trusted, one whose
 * server runs under strace where that works, one not trusted.
 * `node scripts/testEditor.mjs review` runs only the named files of the first two, on what was built last.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { straceWorks, underStrace } from "./strace.mjs";
import { MissingPiece } from "./testHostInstall.mjs";
import { startBrowser, startServer } from "./testHost.mjs";

/** @typedef {{ title: string, state: "passed" | "failed" | "pending", seconds: number, error: string | null }} Outcome */

const repository = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");
const suite = join(repository, "dist", "test", "suite.cjs");
const scratch = mkdtempSync(join(tmpdir(), "distillery-editor-"));
const only = process.argv.slice(2);
const longest = 12 * 60_000;
/** Whether the run is traced: desktop VS Code is not ours to start. */
const traces = !process.env.DISTILLERY_TEST_DESKTOP && straceWorks();

/** @type {Outcome[]} */
const outcomes = [];
try {
  const first = join(scratch, "workspace");
  mkdirSync(first);
  if (only.length === 0 || only.some((name) => name !== "traced"))
    outcomes.push(...(await window("trusted", first, {})));
  const traced = join(scratch, "traced");
  mkdirSync(traced);
  if (traces && (only.length === 0 || only.includes("traced"))) outcomes.push(...(await window("traced", traced, {})));
  // The last window finds a folder with runs in it, as one that came from somebody else.
  const second = join(scratch, "foreign");
  mkdirSync(join(second, ".distillery", "runs"), { recursive: true });
  if (only.length === 0) {
    cpSync(join(first, ".distillery", "runs", "first-run"), join(second, ".distillery", "runs", "first-run"), {
      recursive: true,
    });
    outcomes.push(...(await window("restricted", second, { "security.workspace.trust.enabled": true })));
  }
} catch (error) {
  if (!(error instanceof MissingPiece)) throw error;
  outcomes.push({ title: "the test host", state: "failed", seconds: 0, error: error.message });
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

const count = (/** @type {Outcome["state"]} */ state) => outcomes.filter((each) => each.state === state).length;
const report = { passed: count("passed"), failed: count("failed"), skipped: count("pending") };
mkdirSync(join(repository, ".cache", "reports"), { recursive: true });
writeFileSync(join(repository, ".cache", "reports", "extension.json"), JSON.stringify({ ...report, outcomes }));
console.log(`${report.passed} passed, ${report.failed} failed`);
process.exit(report.failed === 0 && report.passed > 0 && report.skipped === 0 ? 0 : 1);

/**
 * @param {string} name
 * @param {string} workspace
 * @param {Record<string, unknown>} settings
 * @returns {Promise<Outcome[]>}
 */
async function window(name, workspace, settings) {
  const file = join(scratch, `${name}.json`);
  const environment = {
    DISTILLERY_TEST_WINDOW: name,
    DISTILLERY_TEST_REPORT: file,
    DISTILLERY_TEST_ONLY: only.join(","),
    ...(name === "traced" ? { DISTILLERY_TEST_TRACE: join(scratch, "trace.log") } : {}),
  };
  console.log(`\nwindow: ${name}`);
  const open = process.env.DISTILLERY_TEST_DESKTOP ? inDesktop : inServer;
  const problem = await open(workspace, settings, environment, file);
  /** @type {Outcome[]} */
  const found = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : [];
  if (found.length === 0)
    found.push({
      title: `${name}: the suite`,
      state: "failed",
      seconds: 0,
      error: `It ended without a report. ${problem}`,
    });
  for (const { title, state, seconds, error } of found) {
    console.log(`  ${state === "passed" ? "✓" : "✕"} ${title} (${seconds.toFixed(1)} s)`);
    if (error)
      console.log(
        error
          .split("\n")
          .map((line) => `      ${line}`)
          .join("\n"),
      );
  }
  return found;
}

/**
 * @param {string} workspace
 * @param {Record<string, unknown>} settings
 * @param {Record<string, string>} environment
 * @param {string} file
 */
async function inServer(workspace, settings, environment, file) {
  const log = environment.DISTILLERY_TEST_TRACE;
  const server = await startServer({ settings, environment, ...(log ? { under: underStrace(log) } : {}) });
  const { browser, page } = await startBrowser();
  /** @type {string[]} */
  const said = [];
  page.on("console", (message) => message.type() === "error" && said.push(message.text()));
  try {
    await page.goto(server.url({ workspace, extension: repository, tests: suite }));
    for (const end = Date.now() + longest; !existsSync(file) && Date.now() < end;) await delay(200);
    await delay(200);
    return said.slice(-5).join("\n");
  } finally {
    await browser.close();
    await server.stop();
  }
}

/**
 * @param {string} workspace
 * @param {Record<string, unknown>} settings
 * @param {Record<string, string>} environment
 */
async function inDesktop(workspace, settings, environment) {
  const { runTests } = await import("@vscode/test-electron");
  const data = join(scratch, `desktop-${environment.DISTILLERY_TEST_WINDOW}`);
  mkdirSync(join(data, "User"), { recursive: true });
  writeFileSync(
    join(data, "User", "settings.json"),
    JSON.stringify({ "security.workspace.trust.enabled": false, ...settings }),
  );
  const launchArgs = [workspace, "--user-data-dir", data, "--disable-extensions"];
  const code = await runTests({
    extensionDevelopmentPath: repository,
    extensionTestsPath: suite,
    launchArgs,
    extensionTestsEnv: environment,
  }).catch(String);
  return code === 0 ? "" : String(code);
}
