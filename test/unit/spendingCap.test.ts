/** A run's spending limit over several models, stops and resumes. */
import { expect, test } from "vitest";
import { createAccounts } from "../../src/pipeline/adapters/teacher/accounts.ts";
import { createCheckpointStore } from "../../src/pipeline/adapters/checkpointStore.ts";
import { spendingCapOf } from "../../src/pipeline/adapters/teacher/spendingCap.ts";
import { fakeRunFile, freshFolder, openRun } from "../fakes/runs.ts";

test("goes on counting after a stop, with requests under way counted as paid", async () => {
  const root = freshFolder();
  const store = await openRun(root, fakeRunFile({ budget: 1 }));
  const cap = spendingCapOf(store);
  cap.take(0.5);
  cap.giveBack(0.25);
  cap.take(0.3);
  expect(() => cap.take(0.5)).toThrow(expect.objectContaining({ code: "E_BUDGET" }));
  await cap.kept();
  await store.close();

  const again = await createCheckpointStore(root).open("run-1");
  expect(again.file.spentDollars).toBeCloseTo(0.55, 10);
  const resumed = spendingCapOf(again);
  expect(() => resumed.take(0.5)).toThrow("at most $0.5500 are spent");
  resumed.take(0.4);
  await resumed.kept();
  // Raised by a person, the limit counts what was spent before it.
  await again.updateFile((file) => ({ ...file, settings: { ...file.settings, budget: 2 } }));
  const raised = spendingCapOf(again);
  raised.take(1);
  expect(() => raised.take(0.1)).toThrow(expect.objectContaining({ code: "E_BUDGET" }));
  await raised.kept();
  await again.close();
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
  for (let request = 0; request < 500; request++) {
    cap.take(0.02);
    cap.giveBack(0.01);
  }
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
  cap.take(0.5);
  await cap.kept();
  expect(store.file.spentDollars).toBeUndefined();
  cap.take(0);
  cap.take(0.25);
  await cap.kept();
  expect(store.file.spentDollars).toBe(0.75);
  await store.close();
});
