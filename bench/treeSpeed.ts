/** The tree of runs over 10,000 checkpoints: how long VS Code waits for a level, and how large one gets; bar 14. */
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import { join } from "node:path";
import { encodeCheckpoint, decodeCheckpoint, encodeRunFile } from "../src/pipeline/adapters/checkpointFile.ts";
import { stageIds } from "../src/protocol/model.ts";
import { fakeRunFile, play } from "../test/fakes/runs.ts";
import { buildProbe, openBench } from "./editor/windows.ts";
import { describeMachine, describeVersions } from "./machine.ts";
import { keepResult } from "./resultFile.ts";
import { summary } from "./summary.ts";

const bar = { p95Milliseconds: { must: 5, stretch: 2 }, nodesPerLevel: { must: 200 } };
const [runs, cycles] = [125, 10];

/** @returns the exit code: 0; a missed bar is a finding, no failure */
export async function run(): Promise<number> {
  const date = new Date();
  const machine = describeMachine();
  await buildProbe();
  const bench = await openBench({ job: "tree", prepare: (workspace) => writeRuns(join(workspace, ".distillery")) });
  try {
    const { first, again, mostNodes, checkpoints } = await bench.window();
    const result = {
      measures: "getChildren of the Runs tree in a real VS Code, each level of every run once",
      date: date.toISOString(),
      unit: "milliseconds",
      first: summary(first),
      again: summary(again),
      checkpoints,
      runs,
      mostNodes,
      bar,
      machine,
      versions: await describeVersions({}),
    };
    const file = await keepResult("tree-speed", date, result);
    console.log(`${checkpoints} checkpoints in ${runs} runs; at most ${mostNodes} nodes a level.`);
    console.log(
      `First look: p95 ${result.first.p95} ms, highest ${result.first.highest} ms; again: p95 ${result.again.p95} ms.`,
    );
    console.log(`The bar is ${bar.p95Milliseconds.must} ms. Kept in bench/results/${file}.`);
    return 0;
  } finally {
    await bench.close();
  }
}

/** One run of ten cycles made on stand-ins for the models, then again and again under other ids. */
async function writeRuns(root: string): Promise<void> {
  const scratch = mkdtempSync(join(os.tmpdir(), "distillery-tree-"));
  try {
    const file = fakeRunFile({ cycles, questions: 8 }, "run-0");
    await play(scratch, file);
    const source = join(scratch, "runs", "run-0");
    const originals = Array.from({ length: cycles }, (_, index) =>
      stageIds.map((stage) => {
        const path = join(`cycle-${index + 1}`, `${stage}.json`);
        const expected = { run: "run-0", cycle: index + 1, stage };
        return { path, checkpoint: decodeCheckpoint(readFileSync(join(source, path)), expected, path) };
      }),
    ).flat();
    const events = readFileSync(join(source, "events.jsonl"), "utf8");
    for (let number = 1; number <= runs; number++) {
      const id = `run-${number}`;
      const folder = join(root, "runs", id);
      for (const name of readdirSync(source).filter((each) => each.startsWith("cycle-")))
        mkdirSync(join(folder, name), { recursive: true });
      writeFileSync(join(folder, "run.json"), encodeRunFile({ ...file, id }));
      writeFileSync(join(folder, "events.jsonl"), events.replaceAll("run-0", id));
      for (const { path, checkpoint } of originals)
        writeFileSync(join(folder, path), encodeCheckpoint({ ...checkpoint, frame: { ...checkpoint.frame, run: id } }));
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
