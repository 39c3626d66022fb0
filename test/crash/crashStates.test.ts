/** Every state that a power cut may leave of a run's folder opens again, with everything that was acknowledged. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createCheckpointStore } from "../../src/pipeline/adapters/checkpointStore.ts";
import type { FileRunStore } from "../../src/pipeline/adapters/runStore.ts";
import { amount, faultSeed, tell } from "../fakes/amounts.ts";
import { fakeFrame } from "../fakes/checkpoints.ts";
import { createCrashDisk, losses } from "../fakes/crashDisk.ts";
import { faultyFiles } from "../fakes/faultyFiles.ts";
import { below, seededRandom } from "../fakes/random.ts";
import { fakeRunFile } from "../fakes/runs.ts";

const recordings = Array.from({ length: amount("CRASH_RECORDINGS", 1) }, (_, index) => faultSeed(2014) + index);

/** A disk in memory where there is one: nothing here is to survive. */
const memory = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

interface Step {
  act(run: FileRunStore): Promise<unknown>;
  holds(run: FileRunStore): Promise<void>;
  /** The step after which it no longer holds. */
  until?: number;
}

const item = (key: string, value: string): Step => ({
  act: (run) => run.addItem("references", key, { value }),
  holds: async (run) => expect(run.item(key)).toEqual({ value }),
});
const checkpoint = (mark: string): Step => ({
  act: (run) => run.writeCheckpoint(fakeFrame("run-1", 1, "references", mark)),
  holds: async (run) =>
    expect((await run.readCheckpoint(1, "references"))?.frame).toEqual(fakeFrame("run-1", 1, "references", mark)),
});
const attempt = (count: number): Step => ({
  act: (run) => run.updateFile((file) => ({ ...file, attempts: { "1/questions": count } })),
  holds: async (run) => expect(run.file.attempts["1/questions"]).toBeGreaterThanOrEqual(count),
});

const supersede = (count: number): Step => ({
  act: (run) => run.supersede(1, "references"),
  holds: async (run) => expect((await run.listSuperseded()).length).toBeGreaterThanOrEqual(count),
});

/** Items of any length, a checkpoint, settings, and the checkpoint replaced, over and over. */
function stepsOf(seed: number): Step[] {
  const random = seededRandom(seed);
  const steps: Step[] = [];
  let inPlace: Step | null = null;
  const add = (step: Step, replaces = false) => {
    if (replaces && inPlace) inPlace.until = steps.length;
    steps.push(step);
    return step;
  };
  const someItems = () => {
    for (let count = 1 + below(random, 2); count > 0; count--)
      add(item(`k${steps.length}`, "x".repeat(below(random, 6_000))));
  };
  for (let round = 1; round <= 7; round++) {
    someItems();
    inPlace = add(checkpoint(`mark ${round}`), true);
    someItems();
    add(attempt(round));
    add(supersede(round), true);
    inPlace = add(checkpoint(`again ${round}`));
  }
  return steps;
}

test.each(recordings)("power cuts at every operation, in five kinds (seed %d)", { timeout: 600_000 }, async (seed) => {
  const steps = stepsOf(seed);
  const scratch = mkdtempSync(join(memory, "distillery-states-"));
  const root = join(scratch, "recorded");
  const files = faultyFiles();
  const run = await createCheckpointStore(root, { files }).create(fakeRunFile());
  /** How many operations there were when each step began and when it was acknowledged. */
  const created = files.operations.length;
  const spans: [began: number, done: number][] = [];
  for (const step of steps) {
    const began = files.operations.length;
    await step.act(run);
    spans.push([began, files.operations.length]);
  }
  await run.close();

  const recorded = files.operations.filter(
    ({ path }) => path.startsWith(root) && !path.startsWith(join(root, "locks")),
  );
  const places = files.operations.flatMap((operation, index) => (recorded.includes(operation) ? [index + 1] : []));
  const disk = createCrashDisk(root);
  let states = 0;
  for (const [index, operation] of recorded.entries()) {
    if (!disk.play(operation)) continue;
    const passed = places[index]!;
    for (const loss of losses) {
      const folder = join(scratch, `state-${states}`);
      disk.leave(folder, loss);
      const where = `${loss} lost after operation ${passed}, ${operation.name} ${operation.path.slice(root.length)}`;
      const store = createCheckpointStore(folder);
      const there = await store.runs().catch(() => []);
      if (passed >= created)
        expect(
          there.map(({ id }) => id),
          where,
        ).toEqual(["run-1"]);
      if (there.length > 0) {
        const opened = await store.open("run-1");
        try {
          for (const [at, { holds, until }] of steps.entries())
            if (spans[at]![1] <= passed && !(until !== undefined && spans[until] && spans[until][0] < passed))
              await holds(opened).catch((error: unknown) => {
                throw new Error(`step ${at}: ${where}`, { cause: error });
              });
        } finally {
          await opened.close();
        }
      }
      rmSync(folder, { recursive: true, force: true });
      states += 1;
    }
  }
  expect(states).toBeGreaterThanOrEqual(1_000);
  tell("crash states", { tried: states, seed, operations: recorded.length });
  rmSync(scratch, { recursive: true });
});
