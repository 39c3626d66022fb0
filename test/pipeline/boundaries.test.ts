/** kill -9 right after each stage of a real run: the next start keeps every finished stage and completes. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { stageIds } from "../../src/protocol/model.ts";
import { createCheckpointStore } from "../../src/pipeline/adapters/checkpointStore.ts";
import { sha256 } from "../../src/pipeline/hash.ts";
import { freshFolder } from "../fakes/runs.ts";
import { resultOf, startDistillery } from "./distillery.ts";

const folder = freshFolder();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Hashes of the run's checkpoint files, by stage. */
async function hashes(): Promise<Map<string, string>> {
  const store = createCheckpointStore(join(folder, ".distillery"));
  const [run] = await store.runs();
  const entries = run ? await store.checkpoints(run.id) : [];
  return new Map(
    entries.map(({ stage, file }) => [stage, sha256(readFileSync(join(store.root, "runs", run?.id ?? "", file)))]),
  );
}

it("survives a kill at every stage boundary", { timeout: 600_000 }, async () => {
  const settings = [
    "--questions",
    "2",
    "--topics",
    "Pods,DNS",
    "--steps",
    "2",
    "--max-new-tokens",
    "16",
    "--wordings",
    "2",
    "--no-probe",
  ];
  let known = new Map<string, string>();
  const boundaries: string[] = [];
  for (let start = 0; start < 20; start++) {
    const args = start === 0 ? ["run", ...settings] : ["resume"];
    const before = known.size;
    const timer = { poll: undefined as NodeJS.Timeout | undefined };
    const ended = await startDistillery([...args, "--out", folder], {
      onOutput: (_text, child) => {
        // Killed at the first checkpoint this start adds.
        timer.poll ??= setInterval(async () => {
          if ((await hashes()).size > before) child.kill("SIGKILL");
        }, 20);
      },
    });
    clearInterval(timer.poll);
    const now = await hashes();
    for (const [stage, hash] of known) expect(now.get(stage), stage).toBe(hash);
    for (const stage of now.keys()) if (!known.has(stage)) boundaries.push(stage);
    known = now;
    if (ended.signal === null) {
      expect(ended.code, ended.stderr).toBe(0);
      break;
    }
  }
  const last = resultOf<{ comparison: { headline: { sentence: string } } }>(
    await startDistillery(["resume", "--out", folder, "--json"]),
  );
  expect(last.comparison.headline.sentence).toContain("semantic_similarity");
  expect([...known.keys()].sort()).toEqual([...stageIds].sort());
  console.info(`killed at: ${boundaries.join(", ")}`);
});
