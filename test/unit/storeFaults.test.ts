import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { UserError } from "../../src/protocol/errors.ts";
import { createCheckpointStore } from "../../src/pipeline/adapters/checkpointStore.ts";
import type { FileRunStore } from "../../src/pipeline/adapters/runStore.ts";
import { adapterContent, adapterFiles, fakeFrame } from "../fakes/checkpoints.ts";
import { faultKinds, faultyFiles, type FaultKind } from "../fakes/faultyFiles.ts";
import { fakeRunFile, freshFolder } from "../fakes/runs.ts";

type Step = [
  name: string,
  act: (run: FileRunStore, folder: string) => Promise<unknown>,
  holds: (run: FileRunStore, folder: string) => Promise<void>,
];

function writeAdapter(folder: string, mark: string) {
  mkdirSync(join(folder, "cycle-1/adapter"), { recursive: true });
  for (const file of adapterFiles) writeFileSync(join(folder, "cycle-1/adapter", file), adapterContent(file, mark));
}

const reads = (stage: "references" | "fineTuning", mark: string) => async (run: FileRunStore) => {
  expect((await run.readCheckpoint(1, stage))?.frame).toEqual(fakeFrame("run-1", 1, stage, mark));
};
const supersededTraining = async (run: FileRunStore) =>
  (await run.listSuperseded()).find(({ stage }) => stage === "fineTuning")?.file;
const superseded = (count: number) => async (run: FileRunStore) =>
  expect((await run.listSuperseded()).length).toBeGreaterThanOrEqual(count);

/** Everything a store does; each step with what must hold once it was acknowledged, until a later step changes it. */
const steps: Step[] = [
  [
    "item",
    (run) => run.addItem("references", "k1", { value: 1 }),
    async (run) => expect(run.item("k1")).toEqual({ value: 1 }),
  ],
  ["checkpoint", (run) => run.writeCheckpoint(fakeFrame("run-1", 1, "references", "one")), reads("references", "one")],
  [
    "adapter",
    async (run, folder) => (
      writeAdapter(folder, "one"),
      run.writeCheckpoint(fakeFrame("run-1", 1, "fineTuning", "one"))
    ),
    reads("fineTuning", "one"),
  ],
  [
    "settings",
    (run) => run.updateFile((file) => ({ ...file, attempts: { "1/questions": 1 } })),
    async (run) => expect(run.file.attempts["1/questions"]).toBe(1),
  ],
  [
    "report",
    (run) => run.writeFile("report.md", "# Report"),
    async (_run, folder) => expect(readFileSync(join(folder, "report.md"), "utf8")).toBe("# Report"),
  ],
  ["supersede", (run) => run.supersede(1, "fineTuning"), superseded(1)],
  [
    "second item",
    (run) => run.addItem("references", "k2", { value: 2 }),
    async (run) => expect(run.item("k2")).toEqual({ value: 2 }),
  ],
  ["restore", async (run) => run.restoreSuperseded((await supersededTraining(run)) ?? ""), reads("fineTuning", "one")],
];
/** Steps whose effect a later one takes back. */
const undone: Record<string, string> = { adapter: "supersede", supersede: "restore" };

const errors = faultKinds.filter((kind) => kind !== "short");

/** The errors take turns, one an operation: how each of them is named is the business of durableFile.test.ts. */
it.each<[string, (at: number) => FaultKind]>([
  ["an error", (at) => errors[at % errors.length] as FaultKind],
  ["a short write", () => "short"],
  ["the end of the process", () => "death"],
])(
  "%s at every single operation of a store: old or new state, nothing acknowledged lost, a named error, and resuming completes",
  async (_name, kindAt) => {
    let faults = 0;
    for (let at = 1; ; at++) {
      const kind = kindAt(at);
      const root = freshFolder();
      const folder = join(root, "runs", "run-1");
      const files = faultyFiles({ kind, at });
      const started: string[] = [];
      const done: string[] = [];
      const bytes = new Map<string, string>();
      const work = async () => {
        const run = await createCheckpointStore(root, { files }).create(fakeRunFile());
        done.push("created");
        try {
          for (const [name, act] of steps) {
            started.push(name);
            await act(run, folder);
            done.push(name);
            if (name === "checkpoint")
              bytes.set("cycle-1/references.json", readFileSync(join(folder, "cycle-1/references.json"), "utf8"));
          }
        } finally {
          await run.close();
        }
      };
      const error = await work().then(
        () => null,
        (each: unknown) => each,
      );
      if (!files.met()) break;
      faults += 1;
      const where = `${kind} at operation ${at}, ${files.operations[at - 1]?.name} ${files.operations[at - 1]?.path.slice(root.length)}`;
      if (error !== null && kind !== "death") expect(error, `${where}: ${String(error)}`).toBeInstanceOf(UserError);

      // The process that failed is gone, and its lock with it.
      rmSync(join(root, "locks"), { recursive: true, force: true });
      const store = createCheckpointStore(root);
      const exists = (await store.runs()).length > 0;
      if (!exists) expect(done, where).toEqual([]);
      const run = exists ? await store.open("run-1") : await store.create(fakeRunFile());
      for (const [name, , holds] of steps.filter((step) => done.includes(step[0]))) {
        const takenBack = undone[name];
        if (!takenBack || !started.includes(takenBack)) await holds(run, folder);
      }
      for (const [path, content] of bytes) expect(readFileSync(join(folder, path), "utf8"), where).toBe(content);
      // Resume: whatever was not acknowledged is done now.
      for (const [name, act, holds] of steps) {
        if (done.includes(name)) continue;
        if (name === "restore" && !(await supersededTraining(run))) continue;
        await act(run, folder);
        await holds(run, folder);
      }
      await run.close();
      for (const sub of [".", "cycle-1"])
        expect(
          readdirSync(join(folder, sub)).filter((file) => file.endsWith(".tmp")),
          where,
        ).toEqual([]);
      rmSync(root, { recursive: true });
    }
    expect(faults).toBeGreaterThan(kindAt(1) === "short" ? 10 : 100);
  },
  240_000,
);
