/** The whole pipeline with a random tiny model of Phi-2's architecture, trained in NF4 on the CPU, and further arms. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { createCheckpointStore } from "../../src/pipeline/adapters/checkpointStore.ts";
import { readyEnvironment } from "../../src/pipeline/adapters/environment.ts";
import { probeQuestions } from "../../src/pipeline/probe.ts";
import { startJob } from "../../src/pipeline/adapters/pythonJob.ts";
import { freshFolder } from "../fakes/runs.ts";
import { resultOf, startDistillery } from "./distillery.ts";

const folder = freshFolder();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("runs all seven stages and reports Phi-2's six modules", { timeout: 600_000 }, async () => {
  const environment = await readyEnvironment();
  const model = join(folder, "models/tiny-phi");
  mkdirSync(model, { recursive: true });
  const toy = startJob("toy", { ...environment, logFile: join(folder, "toy.log") });
  toy.send({ type: "spec", spec: { kind: "phi", tokenizerGguf: environment.embeddedStudent, output: model, seed: 1 } });
  await toy.stopped;

  const ended = await startDistillery([
    ...["run", "--student", "./models/tiny-phi", "--quantization", "nf4", "--questions", "2", "--topics", "Pods,DNS"],
    ...["--steps", "3", "--max-new-tokens", "16", "--arms", "retrieval,teacher", "--out", folder, "--json"],
  ]);
  const { run } = resultOf<{ run: string }>(ended);
  const store = await createCheckpointStore(join(folder, ".distillery")).open(run);
  const training = (await store.readCheckpoint(1, "fineTuning"))?.output;
  const comparison = (await store.readCheckpoint(1, "comparison"))?.output;
  const sections = new Set((await store.readCheckpoint(1, "questions"))?.output.sections.map(({ id }) => id));
  const before = (await store.readCheckpoint(1, "baselineAnswers"))?.output.arms;
  const after = (await store.readCheckpoint(1, "tunedAnswers"))?.output.arms;
  await store.close();
  const names = new Set(training?.modules.map((name) => name.split(".").at(-1)));
  expect([...names].sort()).toEqual(["dense", "fc1", "fc2", "k_proj", "q_proj", "v_proj"]);
  expect(training?.quantization.toLowerCase()).toContain("nf4");
  expect(training?.steps).toBe(3);
  expect(comparison?.rows.some(({ tier, means }) => tier === "reworded" && means !== null)).toBe(true);

  // Both students got sections of the knowledge base, the same ones, from anywhere in it.
  const found = Object.values(before?.baselineRetrieval?.sections ?? {});
  expect(found.length).toBe(Object.keys(before?.baseline.answers ?? {}).length);
  for (const ids of found) expect(ids.length).toBeGreaterThan(0);
  expect(found.flat().some((id) => sections.has(id))).toBe(true);
  expect(after?.tunedRetrieval?.sections).toEqual(before?.baselineRetrieval?.sections);
  const arms = ["baseline", "baselineRetrieval", "tuned", "tunedRetrieval", "teacher"];
  const rows = comparison?.arms.filter(({ tier, metric }) => tier === "reworded" && metric === "semantic_similarity");
  expect(rows?.map(({ arm }) => arm)).toEqual(arms);
  // The offline teacher finds its sentence again, and a random model does not.
  const teacher = rows?.at(-1)?.means;
  expect(teacher?.mean).toBeGreaterThan(0.9);
  expect(teacher?.difference).toBeGreaterThan(0.3);
  expect(comparison?.answering.map(({ arm }) => arm)).toEqual(arms);
  // A random model knows nothing, so there was nothing to forget.
  expect(comparison?.probe).toMatchObject({ questions: probeQuestions.length, lost: [] });
});
