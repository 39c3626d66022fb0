/** Measures from inside the extension host, where the test host starts it in every window. One job a window. */
import { appendFileSync, readFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import * as vscode from "vscode";
import type { App } from "../../src/extension/app.ts";

/** Milliseconds; `event` is what woke the extension. */
export interface Activation {
  load: number;
  call: number;
  event: string;
}

export interface JobResults {
  activation: { distillery: Activation; empty: Activation };
  /** Bytes. */
  memory: { resident: number; heap: number; withApp: { resident: number; heap: number } | null };
  /** Milliseconds since the epoch at which the command to open was given. */
  panel: { asked: number[] };
  run: { seconds: number; loopLagMilliseconds: { p50: number; p99: number; highest: number } };
  /** Milliseconds of single calls, and the most nodes a level had. */
  tree: { first: number[]; again: number[]; mostNodes: number; checkpoints: number; runs: number };
}
export type JobName = keyof JobResults;

const ours = () => vscode.extensions.getExtension<{ app(): Promise<App> }>("distillery.distillery");
const empty = () => vscode.extensions.getExtension("distillery.empty");
async function theApp(): Promise<App> {
  const { app } = await ours()!.activate();
  return app();
}

const jobs: { [Job in JobName]: () => Promise<JobResults[Job]> } = { activation, memory, panel, run: realRun, tree };

export async function run(): Promise<void> {
  const { DISTILLERY_BENCH_JOB: job, DISTILLERY_BENCH_REPORT: report } = process.env;
  const result = await jobs[job as JobName]().catch((error: unknown) => ({
    error: error instanceof Error ? error.stack : String(error),
  }));
  appendFileSync(report!, `${JSON.stringify(result)}\n`);
}

/** Both in one window, in turns as the first; the times are those VS Code itself keeps. */
async function activation(): Promise<JobResults["activation"]> {
  const windows = readFileSync(process.env["DISTILLERY_BENCH_REPORT"]!, "utf8").split("\n").length;
  for (const each of windows % 2 === 0 ? [ours(), empty()] : [empty(), ours()]) await each!.activate();
  const text = await startupPerformance();
  return { distillery: activationOf(text, "distillery.distillery"), empty: activationOf(text, "distillery.empty") };
}

/** The page of "Developer: Startup Performance", which VS Code fills when it has all it shows. */
async function startupPerformance(): Promise<string> {
  await vscode.commands.executeCommand("perfview.show");
  const document = await vscode.workspace.openTextDocument(vscode.Uri.parse("perf:Startup Performance"));
  for (const end = Date.now() + 60_000; Date.now() < end; await delay(200))
    if (document.getText().includes("Extension Activation Stats")) return document.getText();
  throw new Error("VS Code did not fill its page of times.");
}

/** A row of the table "Extension Activation Stats": extension, eager, load, call, finish, event, by. */
function activationOf(text: string, id: string): Activation {
  const cells = text
    .split("\n")
    .find((line) => line.startsWith(`| ${id} `))
    ?.split("|")
    .map((cell) => cell.trim());
  const [, , , load, call, , event = ""] = cells ?? [];
  if (load === undefined || call === undefined) throw new Error(`VS Code keeps no times of ${id}:\n${text}`);
  return { load: Number(load), call: Number(call), event };
}

async function memory(): Promise<JobResults["memory"]> {
  await (ours() ?? empty())!.activate();
  const idle = await settled();
  if (!ours()) return { ...idle, withApp: null };
  await theApp();
  return { ...idle, withApp: await settled() };
}

/** After start-up work has ended and garbage is gone. */
async function settled(): Promise<{ resident: number; heap: number }> {
  await delay(5000);
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let times = 0; times < 3; times++) {
    collect();
    await delay(200);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { resident: rss, heap: heapUsed + external };
}

const openings = 10;

/** Opens and closes; the page itself tells when it was painted. */
async function panel(): Promise<JobResults["panel"]> {
  const asked: number[] = [];
  for (let times = 0; times < openings; times++) {
    asked.push(Date.now());
    await vscode.commands.executeCommand(ours() ? "distillery.openPanel" : "empty.open");
    // The first opening loads the rest of the extension, and a busy machine takes its time.
    await delay(times === 0 ? 15_000 : 5000);
    await vscode.commands.executeCommand("workbench.action.closeAllEditors");
    await delay(500);
  }
  return { asked };
}

/** The Demo preset on one topic with the real embedded models, the panel in view. */
async function realRun(): Promise<JobResults["run"]> {
  const app = await theApp();
  await vscode.commands.executeCommand("distillery.openSample");
  const topics = (await app.knowledge.read())!.topics.slice(0, 1);
  app.panel.open("run");
  app.panel.receive({ type: "configure", draft: { ...app.draft.get(), preset: "demo", topics } });
  await delay(2000);
  const lag = monitorEventLoopDelay({ resolution: 5 });
  const started = performance.now();
  lag.enable();
  await app.panel.startRun();
  lag.disable();
  // The histogram counts the timer's own interval in, which is no lag.
  const milliseconds = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - 5);
  return {
    seconds: (performance.now() - started) / 1000,
    loopLagMilliseconds: {
      p50: milliseconds(lag.percentile(50)),
      p99: milliseconds(lag.percentile(99)),
      highest: milliseconds(lag.max),
    },
  };
}

/** Every level of the tree, twice: as VS Code first asks for it, and as it asks after a refresh of the view. */
async function tree(): Promise<JobResults["tree"]> {
  const { runsTree } = await theApp();
  let mostNodes = 0;
  let [runs, checkpoints] = [0, 0];
  async function timed(into: number[], node: Parameters<typeof runsTree.children>[0]) {
    const started = performance.now();
    const found = await runsTree.children(node);
    into.push(performance.now() - started);
    mostNodes = Math.max(mostNodes, found.length);
    return found;
  }
  const [first, again]: [number[], number[]] = [[], []];
  for (const into of [first, again]) {
    [runs, checkpoints] = [0, 0];
    for (const one of await timed(into, undefined)) {
      runs += 1;
      for (const cycle of await timed(into, one))
        checkpoints += (await timed(into, cycle)).filter(({ id }) => !id.endsWith("/adapter")).length;
    }
  }
  return { first, again, mostNodes, checkpoints, runs };
}
