/** Opens windows of the real test host with the probe in them, and hands over what it measured. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { build } from "esbuild";
import type { Page } from "playwright-core";
import { startBrowser, startServer } from "../../scripts/testHost.mjs";
import { repository } from "../../scripts/bootstrap.mjs";
import type { JobName, JobResults } from "./probe.ts";

const probe = join(repository, "dist", "bench", "probe.cjs");
const longestSeconds = 900;

/** An extension that does nothing but what every one with a command and a webview must do. */
const emptyManifest = {
  name: "empty",
  publisher: "distillery",
  version: "0.0.0",
  engines: { vscode: "^1.106.0" },
  main: "./extension.cjs",
  activationEvents: [],
  contributes: { commands: [{ command: "empty.open", title: "Open" }] },
};
const emptySource = `const vscode = require("vscode");
exports.activate = (context) => {
  context.subscriptions.push(vscode.commands.registerCommand("empty.open", () => {
    const panel = vscode.window.createWebviewPanel("empty.panel", "Empty", vscode.ViewColumn.Active, { enableScripts: true });
    panel.webview.html = "<!DOCTYPE html><html><body><p id='empty'>Empty</p></body></html>";
  }));
};
`;

export async function buildProbe(): Promise<void> {
  await build({
    bundle: true,
    platform: "node",
    target: "node22",
    format: "cjs",
    external: ["vscode"],
    entryPoints: [join(repository, "bench", "editor", "probe.ts")],
    outfile: probe,
    logLevel: "warning",
  });
}

export interface Bench<Job extends JobName> {
  /** One new window, and so one new extension host, for each call. */
  window(during?: (page: Page) => Promise<void>): Promise<JobResults[Job]>;
  close(): Promise<void>;
}

export interface BenchOptions<Job extends JobName> {
  job: Job;
  extensions?: readonly ("distillery" | "empty")[];
  /** Runs in every frame of every page before its own scripts. */
  inFrames?: () => void;
  prepare?(workspace: string): void | Promise<void>;
}

/** A server and a browser for the windows of one job. */
export async function openBench<Job extends JobName>(options: BenchOptions<Job>): Promise<Bench<Job>> {
  const scratch = mkdtempSync(join(os.tmpdir(), "distillery-bench-"));
  const [workspace, dataFolder, report] = ["workspace", "data", "report.jsonl"].map((name) => join(scratch, name)) as [
    string,
    string,
    string,
  ];
  const { extensions = ["distillery"] } = options;
  // A window takes one unpacked extension only; beside it the empty one is installed.
  const installed = extensions.includes("distillery") && extensions.includes("empty");
  const empty = installed ? join(dataFolder, "extensions", "distillery.empty-0.0.0") : join(scratch, "empty");
  mkdirSync(workspace);
  await options.prepare?.(workspace);
  mkdirSync(empty, { recursive: true });
  writeFileSync(join(empty, "package.json"), JSON.stringify(emptyManifest));
  writeFileSync(join(empty, "extension.cjs"), emptySource);
  writeFileSync(report, "");
  const environment = { DISTILLERY_BENCH_JOB: options.job, DISTILLERY_BENCH_REPORT: report };
  const server = await startServer({ environment, dataFolder });
  const { browser, context, page: first } = await startBrowser();
  await first.close();
  if (options.inFrames) await context.addInitScript(options.inFrames);
  const extension = extensions.includes("distillery") ? repository : empty;
  const lines = () => readFileSync(report, "utf8").split("\n").filter(Boolean);
  return {
    async window(during) {
      const before = lines().length;
      const page = await context.newPage();
      try {
        await page.goto(server.url({ workspace, extension, tests: probe }), { timeout: longestSeconds * 1000 });
        const work = during?.(page);
        const end = Date.now() + longestSeconds * 1000;
        while (lines().length === before) {
          if (Date.now() > end) throw new Error(`${options.job}: the window did not report.\n${server.log.join("")}`);
          await delay(100);
        }
        await work;
        const found = JSON.parse(lines().at(-1)!) as JobResults[Job] & { error?: string };
        if (found.error) throw new Error(`${options.job}: ${found.error}`);
        return found;
      } finally {
        await page.close();
      }
    },
    async close() {
      await browser.close();
      await server.stop();
      rmSync(scratch, { recursive: true, force: true });
    },
  };
}
