/** A run's spending limit over several models, stops and resumes. */
import { expect, test } from "vitest";
import { createAccounts } from "../../src/pipeline/adapters/teacher/accounts.ts";
import { createCheckpointStore } from "../../src/pipeline/adapters/checkpointStore.ts";
import { createSpendingCap, spendingCapOf } from "../../src/pipeline/adapters/teacher/spendingCap.ts";
import { fakeRunFile, freshFolder, openRun } from "../fakes/runs.ts";

const ended = new AbortController();
/** Whether a promise is still open after everything that is due has happened. */
const waits = async (promise: Promise<unknown>): Promise<boolean> =>
  Promise.race([promise.then(() => false), new Promise<boolean>((resolve) => setTimeout(resolve, 5, true))]);

test("goes on counting after a stop, with requests under way counted as paid", async () => {
  const root = freshFolder();
  const store = await openRun(root, fakeRunFile({ budget: 1 }));
  const cap = spendingCapOf(store);
  (await cap.take(0.5))(0.25);
  await cap.take(0.3);
  await cap.kept();
  await store.close();

  const again = await createCheckpointStore(root).open("run-1");
  expect(again.file.spentDollars).toBeCloseTo(0.55, 10);
  await expect(spendingCapOf(again).take(0.5)).rejects.toThrow("at most $0.5500 are spent");
  const resumed = spendingCapOf(again);
  (await resumed.take(0.4))(0.4);
  await resumed.kept();
  // Raised by a person, the limit counts what was spent before it.
  await again.updateFile((file) => ({ ...file, settings: { ...file.settings, budget: 2 } }));
  const raised = spendingCapOf(again);
  (await raised.take(1))(1);
  await expect(raised.take(0.1)).rejects.toMatchObject({ code: "E_BUDGET" });
  await raised.kept();
  await again.close();
});

test("a request that does not fit waits for those under way, in turn, and is refused only when none is left", async () => {
  const noted: number[] = [];
  const cap = createSpendingCap(1, 0, (spent) => noted.push(spent));
  const [first, second] = [await cap.take(0.5), await cap.take(0.4)];
  const large = cap.take(0.6);
  const small = cap.take(0.05);
  expect(await waits(small)).toBe(true);
  first(0.1);
  expect(await waits(large)).toBe(true);
  second(0.1);
  const third = await large;
  const fourth = await small;
  expect(Math.max(...noted)).toBeLessThanOrEqual(1);
  const never = [cap.take(0.9), cap.take(0.9)];
  expect(await waits(Promise.allSettled(never))).toBe(true);
  third(0.6);
  fourth(0.05);
  const refusal = { code: "E_BUDGET", message: expect.stringContaining("at most $0.8500 are spent") };
  for (const each of never) await expect(each).rejects.toMatchObject(refusal);
  // The run has stopped: what would still fit is not sent either.
  await expect(cap.take(0.01)).rejects.toMatchObject(refusal);
  expect(noted.at(-1)).toBeCloseTo(0.85, 10);
});

test("who is stopped while waiting leaves the line, and what is behind goes on", async () => {
  const cap = createSpendingCap(1);
  await cap.take(0.5);
  const stopping = new AbortController();
  const large = cap.take(0.9, stopping.signal);
  const behind = cap.take(0.4, ended.signal);
  expect(await waits(behind)).toBe(true);
  stopping.abort(new Error("stopped"));
  await expect(large).rejects.toThrow("stopped");
  await expect(behind).resolves.toBeTypeOf("function");
  await expect(cap.take(0, stopping.signal)).rejects.toThrow("stopped");
});

test("many requests at once write run.json seldom, and the last word stays", async () => {
  const root = freshFolder();
  const store = await openRun(root, fakeRunFile());
  let writes = 0;
  const counting = {
    ...store,
    file: store.file,
    updateFile: (change: Parameters<typeof store.updateFile>[0]) => (writes++, store.updateFile(change)),
  };
  const cap = spendingCapOf(counting);
  const takes = Array.from({ length: 500 }, async () => (await cap.take(0.02))(0.01));
  await Promise.all(takes);
  await cap.kept();
  expect(store.file.spentDollars).toBeCloseTo(5, 6);
  expect(writes).toBeLessThan(5);
  await store.close();
});

test("what endpoints do not accept is told and kept in run.json, once each", async () => {
  const store = await openRun(freshFolder(), fakeRunFile());
  const told: string[] = [];
  const { onLearnt } = createAccounts(spendingCapOf(store), store, (text) => told.push(text)).of("http://a/v1", null);
  for (const text of ["No seed.", "No effort.", "No seed."]) onLearnt(text);
  await store.updateFile((file) => file);
  expect(store.file.endpointNotes).toEqual(["No seed.", "No effort."]);
  expect(told).toHaveLength(3);
  await store.close();
});

test("what could not be noted is noted with the next change", async () => {
  const store = await openRun(freshFolder(), fakeRunFile());
  let refusals = 1;
  const updateFile: typeof store.updateFile = (change) =>
    refusals-- > 0 ? Promise.reject(new Error("planted")) : store.updateFile(change);
  const cap = spendingCapOf({ ...store, file: store.file, updateFile });
  await cap.take(0.5);
  await cap.kept();
  expect(store.file.spentDollars).toBeUndefined();
  await cap.take(0);
  await cap.take(0.25);
  await cap.kept();
  expect(store.file.spentDollars).toBe(0.75);
  await store.close();
});
