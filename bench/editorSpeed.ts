/** The editor's cost: how long it takes to wake and to show the panel, and how much it weighs; bars 11 to 13 and 15. */
import { parseArgs } from "node:util";
import type { Page } from "playwright-core";
import type { JobResults } from "./editor/probe.ts";
import { buildProbe, openBench } from "./editor/windows.ts";
import { measureSizes } from "./editor/sizes.ts";
import { describeMachine, describeVersions } from "./machine.ts";
import { keepResult } from "./resultFile.ts";
import { median, rounded, summary } from "./summary.ts";

const bars = {
  activationMilliseconds: { must: 50, stretch: 25 },
  activationOverEmpty: { must: 2, stretch: 1.5 },
  entryBytes: { must: 150_000, stretch: 60_000 },
  vsixBytesWithoutNative: { must: 2_000_000, stretch: 1_000_000 },
  idleMemoryBytes: { must: 15_000_000, stretch: 8_000_000 },
  panelFirstPaintMilliseconds: { must: 300, stretch: 200 },
  panelScriptBytesGzipped: { must: 90_000, stretch: 60_000 },
  snapshotsPerSecond: { must: 10 },
  loopLagP99Milliseconds: { must: 50, stretch: 20 },
};

const parts = ["sizes", "activation", "memory", "panelFirstPaint", "run"] as const;

/** @returns the exit code: 0; a missed bar is a finding, no failure */
export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    options: { repeats: { type: "string", default: "20" } },
    allowPositionals: true,
  });
  const repeats = Number(values.repeats);
  if (!Number.isInteger(repeats) || repeats < 1) throw new Error("--repeats takes a whole number from 1.");
  const unknown = positionals.filter((name) => !parts.some((part) => part === name));
  if (unknown.length > 0) throw new Error(`No part ${unknown.join(", ")}. There are: ${parts.join(", ")}.`);
  const measure = {
    sizes: async () => measureSizes(),
    activation: () => measureActivation(repeats),
    memory: () => measureMemory(Math.min(repeats, 5)),
    panelFirstPaint: measurePaint,
    run: measureRun,
  } satisfies Record<(typeof parts)[number], () => Promise<object>>;
  const date = new Date();
  const machine = describeMachine();
  await buildProbe();
  const found: Partial<Record<(typeof parts)[number], object>> = {};
  for (const part of parts)
    if (positionals.length === 0 || positionals.includes(part)) {
      found[part] = await measure[part]();
      const { runs: _, ...shown } = found[part] as { runs?: unknown };
      console.log(part, JSON.stringify(shown));
    }
  const file = await keepResult("editor-speed", date, {
    measures: "what the extension costs the editor: waking, memory, sizes, the panel; in a real VS Code",
    date: date.toISOString(),
    ...found,
    bars,
    machine,
    versions: { ...(await describeVersions({})), vscode: "1.139.1 (server), Chromium" },
  });
  console.log(`Kept in bench/results/${file}.`);
  return 0;
}

/** Load and call, in milliseconds, as VS Code itself counts them; both extensions in each window. */
async function measureActivation(windows: number) {
  const bench = await openBench({ job: "activation", extensions: ["distillery", "empty"] });
  try {
    // The first window of a server fills caches no later one does.
    await bench.window();
    const runs: JobResults["activation"][] = [];
    while (runs.length < windows) runs.push(await bench.window());
    const total = (name: "distillery" | "empty") => runs.map((each) => each[name].load + each[name].call);
    const [own, empty] = [summary(total("distillery")), summary(total("empty"))];
    return {
      unit: "milliseconds, load and call",
      distillery: own,
      empty,
      ratio: { median: rounded(own.median / empty.median), p95: rounded(own.p95 / empty.p95) },
      runs,
    };
  } finally {
    await bench.close();
  }
}

/** Windows with one extension each, in turns. */
async function measureMemory(windows: number) {
  const own = await openBench({ job: "memory" });
  const empty = await openBench({ job: "memory", extensions: ["empty"] });
  try {
    const runs: Record<"distillery" | "empty", JobResults["memory"]>[] = [];
    while (runs.length < windows) runs.push({ empty: await empty.window(), distillery: await own.window() });
    const over = (pick: (run: (typeof runs)[number]) => number) => Math.round(median(runs.map(pick)));
    return {
      unit: "bytes, median of the pairs",
      idleOverEmpty: {
        resident: over((each) => each.distillery.resident - each.empty.resident),
        heap: over((each) => each.distillery.heap - each.empty.heap),
      },
      withAppLoadedOverEmpty: {
        resident: over((each) => each.distillery.withApp!.resident - each.empty.resident),
        heap: over((each) => each.distillery.withApp!.heap - each.empty.heap),
      },
      runs,
    };
  } finally {
    await own.close();
    await empty.close();
  }
}

/** From the command to the frame that shows the panel's contents, and the same for a webview with one word. */
async function measurePaint() {
  const measure = async (extension: "distillery" | "empty") => {
    const bench = await openBench({ job: "panel", extensions: [extension], inFrames: tellFirstPaint });
    const painted: number[] = [];
    try {
      const { asked } = await bench.window(async (page) => {
        page.on("console", (message) => {
          const [, time] = /^painted (\d+)/.exec(message.text()) ?? [];
          if (time) painted.push(Number(time));
        });
      });
      return asked.map((time, index) => {
        const end = Math.min(...painted.filter((each) => each >= time && each < (asked[index + 1] ?? Infinity)));
        if (end === Infinity) throw new Error(`The ${extension} panel was not painted the ${index + 1}. time.`);
        return end - time;
      });
    } finally {
      await bench.close();
    }
  };
  const [own, empty] = [await measure("distillery"), await measure("empty")];
  const [first, ...later] = own;
  const [firstEmpty, ...laterEmpty] = empty;
  return {
    unit: "milliseconds",
    firstOfTheWindow: { distillery: first, empty: firstEmpty },
    distillery: summary(later),
    empty: summary(laterEmpty),
    overEmpty: rounded(median(later) - median(laterEmpty)),
  };
}

/** Sent into every frame: says when the panel's contents, or the empty webview's word, have been painted. */
function tellFirstPaint(): void {
  const page = globalThis as unknown as {
    document: { querySelector(selector: string): unknown };
    requestAnimationFrame(callback: () => void): void;
  };
  // A webview's window outlives the blank document it begins with; what that one had asked of the next frame is lost.
  const look = setInterval(() => {
    if (!page.document.querySelector(".tab form, #empty")) return;
    clearInterval(look);
    // The callback runs before the frame is painted; the timer after that.
    page.requestAnimationFrame(() => setTimeout(() => console.log(`painted ${Date.now()}`), 0));
  }, 4);
}

/** A Demo run with the real models, watched from the panel. */
async function measureRun() {
  const bench = await openBench({ job: "run" });
  const times: number[] = [];
  try {
    const { seconds, loopLagMilliseconds } = await bench.window(async (page) => {
      const frame = await panelFrame(page);
      page.on("console", (message) => message.text() === "snapshot" && times.push(Date.now()));
      await frame.evaluate(
        "addEventListener('message', ({ data }) => data?.type === 'run' && console.log('snapshot'))",
      );
    });
    const fullest = Math.max(...times.map((time) => times.filter((each) => each >= time && each < time + 1000).length));
    return {
      seconds: rounded(seconds),
      snapshots: times.length,
      mostSnapshotsInASecond: fullest,
      loopLag: {
        unit: "milliseconds",
        p50: rounded(loopLagMilliseconds.p50),
        p99: rounded(loopLagMilliseconds.p99),
        highest: rounded(loopLagMilliseconds.highest),
      },
    };
  } finally {
    await bench.close();
  }
}

async function panelFrame(page: Page) {
  const outer = await (await page.waitForSelector("iframe.webview.ready", { timeout: 60_000 })).contentFrame();
  const inner = await (await outer!.waitForSelector("iframe#active-frame", { timeout: 60_000 })).contentFrame();
  await inner!.waitForSelector(".tab", { timeout: 60_000 });
  return inner!;
}
