/**
 * The child of the crash test: the real runner and the real store over fast parts. What is
 * acknowledged goes down descriptor 3 as one line each, after it is durable and not before.
 */
import { writeSync } from "node:fs";
import type { RunStore } from "../../src/pipeline/ports.ts";
import { runPipeline } from "../../src/pipeline/run.ts";
import { fakeKnowledge, fakeParts } from "../fakes/parts.ts";
import { fakeRunFile, openRun } from "../fakes/runs.ts";

const [root = "", delay = "0"] = process.argv.slice(2);
const acknowledge = (line: object) => writeSync(3, `${JSON.stringify(line)}\n`);

const store = await openRun(root, fakeRunFile({ cycles: 2, questions: 6 }));
const reporting: RunStore = {
  ...store,
  get file() {
    return store.file;
  },
  async addItem(stage, key, value) {
    await store.addItem(stage, key, value);
    acknowledge({ item: key });
  },
  async writeCheckpoint(frame) {
    await store.writeCheckpoint(frame);
    acknowledge({ checkpoint: `cycle-${frame.cycle}/${frame.stage}.json` });
  },
};
await runPipeline(
  { store: reporting, knowledge: fakeKnowledge(), ...fakeParts(Number(delay)) },
  () => {},
  new AbortController().signal,
);
await store.close();
acknowledge({ finished: true });
