/** kill -9 right after each stage of a real run: the next start keeps every finished stage and completes. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { stageIds } from "../../src/protocol/model.ts";
import { createCheckpointStore } from "../../src/pipeline/adapters/checkpointStore.ts";
import { sha256 } from "../../src/pipeline/hash.ts";
import { amount, tell } from "../fakes/amounts.ts";
import { freshFolder } from "../fakes/runs.ts";
import { resultOf, startDistillery } from "./distillery.ts";

const rounds = Array.from({ length: amount("BOUNDARY_ROUNDS", 1) }, (_, index) => index + 1);
const folders: string[] = [];
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

/** Hashes of the run's checkpoint files, by stage. */
async function hashes(folder: string): Promise<Map<string, string>> {
  const store = createCheckpointStore(join(folder, ".distillery"));
  const [run] = await store.runs();
  const entries = run ? await store.checkpoints(run.id) : [];
  return new Map(
    entries.map(({ stage, file }) => [stage, sha256(readFileSync(join(store.root, "runs", run?.id ?? "", file)))]),
  );
}

it.each(rounds)("survives a kill at every stage boundary, round %d", { timeout: 600_000 }, async (round) => {
  const folder = freshFolder();
  folders.push(folder);
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
  let kills = 0;
  for (let start = 0; start < 20; start++) {
    const args = start === 0 ? ["run", ...settings] : ["resume"];
    const before = known.size;
    const timer = { poll: undefined as NodeJS.Timeout | undefined };
    const ended = await startDistillery([...args, "--out", folder], {
      onOutput: (_text, child) => {
        // Killed at the first checkpoint this start adds.
        timer.poll ??= setInterval(async () => {
          if ((await hashes(folder)).size > before) child.kill("SIGKILL");
        }, 20);
      },
    });
    clearInterval(timer.poll);
    const now = await hashes(folder);
    for (const [stage, hash] of known) expect(now.get(stage), stage).toBe(hash);
    known = now;
    if (ended.signal === null) {
      expect(ended.code, ended.stderr).toBe(0);
      break;
    }
    kills += 1;
  }
  const last = resultOf<{ comparison: { headline: { sentence: string } } }>(
    await startDistillery(["resume", "--out", folder, "--json"]),
  );
  expect(last.comparison.headline.sentence).toContain("semantic_similarity");
  expect([...known.keys()].sort()).toEqual([...stageIds].sort());
  tell(`kills at stage boundaries, round ${round}`, { tried: kills });
});
