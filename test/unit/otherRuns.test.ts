import { appendFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { RunFile } from "../../src/protocol/run.ts";
import { createOtherRuns } from "../../src/pipeline/adapters/otherRuns.ts";
import { rerunFrom, runPipeline } from "../../src/pipeline/run.ts";
import { fakeKnowledge, fakeParts } from "../fakes/parts.ts";
import { fakeRunFile, freshFolder, openRun } from "../fakes/runs.ts";

const root = freshFolder();
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Plays a run with an online teacher; what it was asked, and what people were told. */
async function teach(
  file: RunFile,
  prepare: (store: Awaited<ReturnType<typeof openRun>>) => Promise<void> = async () => {},
) {
  const parts = fakeParts();
  const asked = { questions: 0, references: 0 };
  const teacher: typeof parts.teacher = {
    ...parts.teacher,
    online: true,
    questions: (request) => (asked.questions++, parts.teacher.questions(request)),
    reference: (...request) => (asked.references++, parts.teacher.reference(...request)),
  };
  const store = await openRun(root, file);
  const told: string[] = [];
  try {
    await prepare(store);
    const otherRuns = createOtherRuns(root, file.id);
    await runPipeline(
      { store, knowledge: fakeKnowledge(), ...parts, teacher, otherRuns },
      (event) => void (event.type === "notice" && told.push(event.text)),
      new AbortController().signal,
    );
    return { asked, told, references: (await store.readCheckpoint(1, "references"))?.output.references };
  } finally {
    await store.close();
  }
}

test("a second run pays for nothing the first one got, a re-run for everything, and another seed for its questions", async () => {
  const first = await teach(fakeRunFile({}, "run-1"));
  expect(first.asked.questions).toBeGreaterThan(0);
  expect(first.asked.references).toBeGreaterThan(0);
  expect(first.told.join()).not.toContain("earlier runs");

  const second = await teach(fakeRunFile({}, "run-2"));
  expect(second.asked).toEqual({ questions: 0, references: 0 });
  expect(second.references).toEqual(first.references);
  expect(second.told.filter((text) => text.includes("earlier runs of this workspace"))).toHaveLength(2);

  const fresh = await teach(fakeRunFile({}, "run-2"), (store) => rerunFrom(store, 1, "references"));
  expect(fresh.asked).toEqual({ questions: 0, references: first.asked.references });

  const other = await teach(fakeRunFile({ seed: 7 }, "run-3"));
  expect(other.asked.questions).toBeGreaterThan(0);
});

test("what does not verify in another run's journal is not used, and the run goes on", async () => {
  const journal = join(root, "runs", "run-1", "journal.jsonl");
  for (const id of ["run-2", "run-3"]) rmSync(join(root, "runs", id), { recursive: true });
  appendFileSync(journal, "garbage\n");
  expect((await teach(fakeRunFile({}, "run-4"))).asked).toEqual({ questions: 0, references: 0 });
  rmSync(join(root, "runs", "run-4"), { recursive: true });
  rmSync(journal);
  expect((await teach(fakeRunFile({}, "run-5"))).asked.references).toBeGreaterThan(0);
});
