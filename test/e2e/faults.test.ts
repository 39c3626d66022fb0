/**
 * What may happen to a window while a run goes on, with the real embedded models: it is loaded again in every stage, its
 * extension host is killed in training, a second window has the folder open, too (faults B1, B2, B10).
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createCheckpointStore } from "../../src/pipeline/adapters/checkpointStore.ts";
import type { RunEvent } from "../../src/protocol/events.ts";
import { recipeSampling } from "../../src/protocol/run.ts";
import { screenStages, stageIds, type StageId } from "../../src/protocol/model.ts";
import { commandLine, descendantsOf, gone, processesWith } from "../fakes/processes.ts";
import { fakeRunFile } from "../fakes/runs.ts";
import { stateOf } from "./stages.ts";
import { insist, openWindow, type Window } from "./window.ts";

const minutes = 60_000;
const id = "reloaded-run";
const settings = {
  topics: ["Pods"],
  questions: 6,
  wordings: 2,
  probe: false,
  sampling: { ...recipeSampling, maxNewTokens: 100 },
  training: { steps: 80, device: "cpu" },
};
let window: Window;

beforeAll(async () => {
  window = await openWindow({
    async prepare(workspace) {
      await (await createCheckpointStore(join(workspace, ".distillery")).create(fakeRunFile(settings, id))).close();
    },
  });
  await window.command("Distillery: Open Panel");
  await (await window.tab("run")).locator("#resume").waitFor();
}, 6 * minutes);
afterAll(() => window?.close());

/** What the run has told since it was created. */
function events(): (RunEvent & { at: string })[] {
  const file = join(window.workspace, ".distillery", "runs", id, "events.jsonl");
  let text = "";
  try {
    text = readFileSync(file, "utf8");
  } catch {
    // Nothing was told yet.
  }
  // The last line may be half written.
  return text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as RunEvent & { at: string });
}

/** Steps of the training since an event, each with when it was told. */
const losses = (from: number) =>
  events()
    .slice(from)
    .flatMap((event) => (event.type === "loss" ? [{ ...event.point, at: Date.parse(event.at) }] : []));

const below = (text: string): number[] => {
  const family = new Set(descendantsOf(window.server));
  return processesWith(text).filter((pid) => family.has(pid));
};
const jobs = () => below(join("trainer", "main.py"));
/** Words of a command line are set apart by zero bytes. */
const trainings = () => below("\0train\0");
const students = () => below("studentChild");
const hosts = () => below("--type=extensionHost");

const until = (seen: () => boolean) => expect.poll(seen, { interval: 5, timeout: 4 * minutes }).toBe(true);

/** Gives *Resume*, and says where the events of this start begin. */
async function resume(): Promise<number> {
  const from = events().length;
  await (await window.panel()).locator("#resume").click({ timeout: 2 * minutes });
  await until(() => events().length > from);
  return from;
}

/** The stages that came to their end since an event, with whether their checkpoints were there before. */
const finishedSince = (from: number) =>
  new Map(
    events()
      .slice(from)
      .flatMap((event) => (event.type === "stageFinished" ? [[event.stage, event.reused] as const] : [])),
  );

/** What is left of some processes after the time a window has to close: their command lines. */
async function leftOf(pids: number[]): Promise<string[]> {
  const ended = await Promise.all(pids.map((pid) => gone(pid, 5_000)));
  return pids.filter((_, index) => !ended[index]).map((pid) => commandLine(pid).replaceAll("\0", " "));
}

let kept: StageId[] = [];

/** What was kept before was used again in this start, and every stage that came to its end in it is shown so. */
async function expectKept(from: number): Promise<void> {
  const finished = finishedSince(from);
  expect(kept.filter((each) => finished.get(each) !== true)).toEqual([]);
  kept = [...finished.keys()];
  const frame = await window.panel();
  // The comparison may have come to its end before the window was away.
  if (!kept.includes("comparison")) await frame.locator("#resume").waitFor({ timeout: 2 * minutes });
  for (const { stages } of screenStages)
    if (stages.every((each) => kept.includes(each)))
      expect([stages[0], await stateOf(frame, stages[0]!)]).toEqual([stages[0], expect.stringMatching(/done|reused/)]);
}

/** Resumes, reloads the window in a stage, and looks at what is left of the processes and of the work. */
async function reloadIn(stage: StageId): Promise<void> {
  const from = await resume();
  const inStage = async () => {
    await until(
      () =>
        finishedSince(from).has(stage) ||
        events()
          .slice(from)
          .some((event) => event.type === "stageStarted" && event.stage === stage),
    );
    if (stage === "fineTuning") await until(() => losses(from).length > 2);
  };
  let there: number[] = [];
  const away = window.page
    .waitForEvent("framenavigated", { timeout: 4 * minutes, predicate: (frame) => frame.parentFrame() === null })
    .then(() => leftOf(there));
  await window.reload(inStage().then(() => void (there = [...hosts(), ...jobs(), ...students()])));
  expect(there.length).toBeGreaterThan(0);
  expect(await away).toEqual([]);
  expect([...jobs(), ...students()]).toEqual([]);
  await expectKept(from);
}

const untilTraining = stageIds.slice(0, stageIds.indexOf("fineTuning") + 1);

test.each(untilTraining)("B2: a reload in %s loses nothing and leaves no process", { timeout: 5 * minutes }, reloadIn);

test(
  "B1: a host that is killed in training leaves no process, and no more than ten seconds are lost",
  {
    timeout: 6 * minutes,
  },
  async () => {
    const before = losses(0).at(-1)!.step;
    const from = await resume();
    // It goes on where the reload before stopped it.
    await until(() => losses(from).length > 0);
    expect(before).toBeGreaterThan(2);
    expect(losses(from)[0]!.step).toBe(before + 1);
    await pause(12_000);
    const [host, ...others] = hosts();
    expect(others).toEqual([]);
    const there = [host!, ...jobs(), ...students()];
    expect(trainings()).toHaveLength(1);
    const left = leftOf(there);
    process.kill(host!, "SIGKILL");
    expect(await left).toEqual([]);
    const told = losses(from);
    const end = told.at(-1)!.at;
    await window.reload();
    await expectKept(from);

    const again = await resume();
    await until(() => losses(again).length > 0);
    const saved = told.filter(({ at }) => at < end - 10_000);
    expect(saved.length).toBeGreaterThan(0);
    expect(losses(again)[0]!.step).toBeGreaterThan(saved.at(-1)!.step);
    // The curve is that of the whole training, not of its last start.
    const [first] = losses(0);
    await (
      await window.panel()
    )
      .locator("#loss-summary", { hasText: `went from ${first!.loss.toFixed(2)} to` })
      .waitFor();
  },
);

test(
  "B10: a second window on the folder says who has the run, and changes nothing",
  { timeout: 5 * minutes },
  async () => {
    const [first] = hosts();
    expect(trainings()).toHaveLength(1);
    const other = await window.another();
    await other.command("Distillery: Open Panel");
    await (await other.tab("run")).getByText("Running in another window or a terminal").waitFor();
    await other.pick("Distillery: Resume from Checkpoint", id);
    const refusal = "This run is open in another window (pid";
    await other.notification(refusal);
    // The same sentence will be told once more, which shows only when this one is away.
    await other.command("Notifications: Clear All Notifications");
    await other.page.locator('.activitybar [aria-label^="Distillery"]').first().click();
    const runs = other.page.locator(".pane").filter({ has: other.page.locator('.pane-header[aria-label^="Runs"]') });
    const yes = other.page.getByRole("button", { name: "Delete", exact: true });
    // A click that comes right after the menu opened is not taken by VS Code.
    const ask = async () => {
      await other.page.keyboard.press("Escape");
      await runs.locator(".monaco-list-row").first().click({ button: "right", timeout: 5_000 });
      await other.page.getByRole("menuitem", { name: "Delete…" }).click({ delay: 200, timeout: 5_000 });
    };
    await insist(ask, () => yes.waitFor({ timeout: 5_000 }));
    await yes.click();
    await other.notification(refusal);
    expect(existsSync(join(window.workspace, ".distillery", "runs", id, "run.json"))).toBe(true);
    await other.shot("two-windows");
    const working = new Set(jobs());
    expect(
      hosts()
        .filter((pid) => pid !== first)
        .flatMap(descendantsOf)
        .filter((pid) => working.has(pid)),
    ).toEqual([]);
    await other.close();
    const frame = await window.panel();
    await frame.locator("#stop").click();
    await frame.locator("#resume").waitFor({ timeout: minutes });
  },
);

test.each(stageIds.slice(untilTraining.length))(
  "B2: a reload in %s loses nothing and leaves no process",
  { timeout: 5 * minutes },
  reloadIn,
);

test("the run comes to its end, with every stage computed once", { timeout: 5 * minutes }, async () => {
  const frame = await window.panel();
  if (!finishedSince(0).has("comparison")) await resume();
  await until(() => finishedSince(0).has("comparison"));
  await frame.locator("tr[data-stage=comparison][data-status=done]").waitFor();
  const computed = events().flatMap((event) => (event.type === "stageFinished" && !event.reused ? [event.stage] : []));
  expect(computed.sort()).toEqual([...stageIds].sort());
});
