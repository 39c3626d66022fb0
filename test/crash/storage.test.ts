import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { beforeAll, expect, it } from "vitest";
import { createCheckpointStore } from "../../src/pipeline/adapters/checkpointStore.ts";
import { nodeFiles } from "../../src/pipeline/adapters/fileLayer.ts";
import { readSuperseded } from "../../src/pipeline/adapters/superseded.ts";
import { sha256 } from "../../src/pipeline/hash.ts";
import { amount, faultSeed, tell } from "../fakes/amounts.ts";
import { fakeStages, type FakeStage } from "../fakes/checkpoints.ts";
import { seededRandom } from "../fakes/random.ts";
import { freshFolder } from "../fakes/runs.ts";
import { bundledChild } from "./bundledChild.ts";
import type { Said } from "./storageChild.ts";

const killsPerRun = 10;
const kills = Math.ceil(amount("STORAGE_KILLS", 200) / killsPerRun) * killsPerRun;
const firstSeed = faultSeed(20260101);
let child: string;

beforeAll(async () => {
  child = await bundledChild("storageChild.ts");
});

/** Everything one run was told was durable, over all its writers. */
interface Ledger {
  items: Map<string, string>;
  /** Hashes of all acknowledged checkpoints. */
  checkpoints: Map<string, FakeStage>;
  /** What stands in a stage's place, as far as no later change began. */
  settled: Map<FakeStage, string>;
  attempts: { begun: number; done: number };
  reports: { begun: string; done: string };
}

function note(ledger: Ledger, said: Said) {
  if (said.type === "item") ledger.items.set(said.key, said.value);
  else if (said.type === "begin") ledger.settled.delete(said.stage);
  else if (said.type === "checkpoint") {
    ledger.checkpoints.set(said.hash, said.stage);
    ledger.settled.set(said.stage, said.hash);
  } else if (said.type === "attempts") ledger.attempts = said;
  else if (said.type === "report") ledger.reports = { begun: said.begun, done: said.done || ledger.reports.done };
}

/** Starts a writer, kills it at a random moment (or lets it finish), and returns how many lines it said. */
async function write(root: string, seed: number, ledger: Ledger, rounds?: number): Promise<number> {
  const random = seededRandom(seed);
  const writer = spawn(process.execPath, [child, root, String(seed), ...(rounds ? [String(rounds)] : [])], {
    stdio: ["ignore", "ignore", "inherit", "pipe"],
  });
  let lines = 0;
  let opened: () => void = () => {};
  const isOpen = new Promise<void>((resolve) => (opened = resolve));
  const pipe = createInterface({ input: writer.stdio[3] as Readable });
  pipe.on("line", (line) => {
    lines += 1;
    const said = JSON.parse(line) as Said;
    if (said.type === "opened") opened();
    note(ledger, said);
  });
  const ended = Promise.all([once(writer, "exit"), once(pipe, "close")]);
  if (!rounds) {
    // One kill in eight falls into the start and the opening, the others into the work.
    if (random() < 0.125) await delay(20 + random() * 120);
    else await Promise.race([isOpen.then(() => delay(random() * 80)), ended]);
    writer.kill("SIGKILL");
  }
  const [[code, signal]] = (await ended) as [[number | null, string | null], unknown];
  expect([code, signal]).toEqual(rounds ? [0, null] : [null, "SIGKILL"]);
  return lines;
}

async function check(root: string, ledger: Ledger, where: string): Promise<void> {
  const store = createCheckpointStore(root, {
    onNotice: (text) => expect(text, where).toMatch(/^\s*The last line of journal/),
  });
  if ((await store.runs()).length === 0) {
    expect(ledger.items.size + ledger.checkpoints.size, where).toBe(0);
    return;
  }
  const run = await store.open("run-1");
  for (const [key, value] of ledger.items) expect(run.item(key), `${where}: item ${key}`).toBe(value);

  const cycle = join(run.folder, "cycle-1");
  const superseded = await run.listSuperseded();
  const places = [
    ...fakeStages.map((stage) => join(cycle, `${stage}.json`)),
    ...superseded.map(({ file }) => join(run.folder, file)),
  ];
  const present = new Set(places.filter((path) => existsSync(path)).map((path) => sha256(readFileSync(path))));
  for (const [hash, stage] of ledger.checkpoints)
    expect(present.has(hash), `${where}: a checkpoint of ${stage}`).toBe(true);
  for (const [stage, hash] of ledger.settled)
    expect(sha256(readFileSync(join(cycle, `${stage}.json`))), `${where}: ${stage} in its place`).toBe(hash);
  // Whatever stands there verifies, with every file of its adapter.
  for (const stage of fakeStages) await run.readCheckpoint(1, stage);
  for (const { file } of superseded) await readSuperseded(run.folder, "run-1", file, nodeFiles);

  const attempts = run.file.attempts["1/questions"] ?? 0;
  expect(attempts === ledger.attempts.done || attempts === ledger.attempts.begun, `${where}: attempts`).toBe(true);
  const reportFile = join(run.folder, "report.md");
  const report = existsSync(reportFile) ? readFileSync(reportFile, "utf8") : "";
  expect([ledger.reports.begun, ledger.reports.done], where).toContain(report);
  // One that was written and not acknowledged may stay; what stands there now must not go back behind it.
  ledger.reports.done = report;
  await run.close();
  for (const line of readFileSync(join(run.folder, "journal.jsonl"), "utf8").trimEnd().split("\n"))
    expect(() => JSON.parse(line), where).not.toThrow();
  expect(
    readdirSync(run.folder).filter((name) => name.endsWith(".tmp")),
    where,
  ).toEqual([]);
}

async function oneRun(index: number): Promise<{ lines: number; items: number; checkpoints: number }> {
  const root = freshFolder();
  const ledger: Ledger = {
    items: new Map(),
    checkpoints: new Map(),
    settled: new Map(),
    attempts: { begun: 0, done: 0 },
    reports: { begun: "", done: "" },
  };
  let lines = 0;
  for (let kill = 0; kill < killsPerRun; kill++) {
    const seed = firstSeed + index * killsPerRun + kill;
    lines += await write(root, seed, ledger);
    await check(root, ledger, `seed ${seed}, kill ${kill + 1} of run ${index + 1}`);
  }
  // After all that, a writer that nobody kills gets to its end.
  await write(root, firstSeed - 1 - index, ledger, 20);
  await check(root, ledger, `run ${index + 1} at its end`);
  return { lines, items: ledger.items.size, checkpoints: ledger.checkpoints.size };
}

it(
  `${kills} kills at random moments: nothing acknowledged is lost, earlier files are byte-identical, every run completes`,
  { timeout: 100_000 + kills * 1_000 },
  async () => {
    const totals = { lines: 0, items: 0, checkpoints: 0 };
    const waiting = Array.from({ length: kills / killsPerRun }, (_, index) => index);
    const lane = async () => {
      for (let index = waiting.shift(); index !== undefined; index = waiting.shift()) {
        const { lines, items, checkpoints } = await oneRun(index);
        totals.lines += lines;
        totals.items += items;
        totals.checkpoints += checkpoints;
      }
    };
    await Promise.all([lane(), lane()]);
    expect(totals.items).toBeGreaterThan(500);
    expect(totals.checkpoints).toBeGreaterThan(50);
    tell("kills in storage", { tried: kills, seed: firstSeed, ...totals, lost: 0 });
  },
);
