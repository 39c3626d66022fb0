/**
 * The whole pipeline with a random tiny model of Phi-2's architecture: downloaded from a hub on this machine, converted,
 * trained in NF4 on the CPU; with further arms.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { createCheckpointStore } from "../../src/pipeline/adapters/checkpointStore.ts";
import { readyEnvironment } from "../../src/pipeline/adapters/environment.ts";
import { probeQuestions } from "../../src/pipeline/probe.ts";
import { startJob } from "../../src/pipeline/adapters/pythonJob.ts";
import { startModelHub } from "../fakes/modelHub.ts";
import { freshFolder } from "../fakes/runs.ts";
import { resultOf, startDistillery } from "./distillery.ts";

const folder = freshFolder();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("runs all seven stages and reports Phi-2's six modules", { timeout: 600_000 }, async () => {
  const environment = await readyEnvironment();
  const model = join(folder, "tiny-phi");
  mkdirSync(model);
  const toy = startJob("toy", { ...environment, logFile: join(folder, "toy.log") });
  toy.send({ type: "spec", spec: { kind: "phi", tokenizerGguf: environment.embeddedStudent, output: model, seed: 1 } });
  await toy.stopped;

  const hub = await startModelHub(
    Object.fromEntries(readdirSync(model).map((name) => [name, readFileSync(join(model, name))])),
  );
  // The environment stays where it is; only students are kept elsewhere.
  const env = { HF_ENDPOINT: hub.address, DISTILLERY_STUDENTS: join(folder, "students") };
  hub.cuts = [1_000_000];
  const fetched = resultOf<{ folder: string }>(
    await startDistillery(["download", "owner/tiny", "--out", folder, "--json"], { env }),
  );
  expect(fetched.folder).toBe(join(folder, "students", "owner--tiny"));
  expect(hub.asked).toContain("model.safetensors bytes=1000000-");
  await hub.close();
  expect(existsSync(join(fetched.folder, "model.gguf"))).toBe(true);

  const ended = await startDistillery(
    [
      ...["run", "--student", "owner/tiny", "--quantization", "nf4", "--questions", "2", "--topics", "Pods,DNS"],
      ...["--steps", "3", "--max-new-tokens", "16", "--arms", "retrieval,teacher", "--out", folder, "--json"],
    ],
    { env },
  );
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

  const asked = await startDistillery(["ask", "What is a Pod?", "--out", folder, "--json"], { env });
  expect(resultOf<{ tuned: unknown }>(asked)).toHaveProperty("tuned");
});
