/**
 * A writer that is going to be killed. It works on a run through the real store and says on descriptor 3 what it
 * begins and what was acknowledged, one JSON line each; a line in the pipe survives the writer.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { createCheckpointStore } from "../../src/pipeline/adapters/checkpointStore.ts";
import { sha256 } from "../../src/pipeline/hash.ts";
import { adapterContent, adapterFiles, fakeFrame, fakeStages, type FakeStage } from "../fakes/checkpoints.ts";
import { below, pick, seededRandom } from "../fakes/random.ts";
import { fakeRunFile } from "../fakes/runs.ts";

export type Said =
  | { type: "opened" }
  | { type: "item"; key: string; value: string }
  | { type: "checkpoint"; stage: FakeStage; hash: string }
  | { type: "begin"; stage: FakeStage }
  | { type: "attempts"; begun: number; done: number }
  | { type: "report"; begun: string; done: string };

const [root = "", seed = "0", rounds = "1000000", atOnce = "5"] = process.argv.slice(2);
const random = seededRandom(Number(seed));
const say = (said: Said) => writeSync(3, `${JSON.stringify(said)}\n`);

const store = createCheckpointStore(root);
const run = (await store.runs()).length > 0 ? await store.open("run-1") : await store.create(fakeRunFile());
say({ type: "opened" });

async function checkpoint(stage: FakeStage, mark: string) {
  say({ type: "begin", stage });
  if (stage === "fineTuning") {
    await run.supersede(1, stage);
    const folder = join(run.folder, "cycle-1/adapter");
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const file of adapterFiles) writeFileSync(join(folder, file), adapterContent(file, mark));
  }
  await run.writeCheckpoint(fakeFrame("run-1", 1, stage, mark));
  say({ type: "checkpoint", stage, hash: sha256(readFileSync(join(run.folder, `cycle-1/${stage}.json`))) });
}

for (let round = 0; round < Number(rounds); round++) {
  const mark = `${seed}-${round}`;
  const dice = below(random, 100);
  if (dice < 70) {
    const items = Array.from({ length: 1 + below(random, Number(atOnce)) }, (_, index) => ({
      key: `${mark}-${index}`,
      value: sha256(`${mark} ${index}`),
    }));
    await Promise.all(
      items.map(
        async (item) => (await run.addItem("references", item.key, item.value), say({ type: "item", ...item })),
      ),
    );
  } else if (dice < 84) await checkpoint(pick(random, fakeStages), mark);
  else if (dice < 88) {
    const stage = pick(random, fakeStages);
    say({ type: "begin", stage });
    await run.supersede(1, stage);
  } else if (dice < 92) {
    const entry = pick(random, await run.listSuperseded());
    if (entry) {
      say({ type: "begin", stage: entry.stage as FakeStage });
      await run.restoreSuperseded(entry.file);
    }
  } else if (dice < 96) {
    const next = (run.file.attempts["1/questions"] ?? 0) + 1;
    say({ type: "attempts", begun: next, done: next - 1 });
    await run.updateFile((file) => ({ ...file, attempts: { ...file.attempts, "1/questions": next } }));
    say({ type: "attempts", begun: next, done: next });
  } else {
    say({ type: "report", begun: mark, done: "" });
    await run.writeFile("report.md", mark);
    say({ type: "report", begun: mark, done: mark });
  }
  run.appendEvent({ type: "notice", text: mark });
}
await run.close();
