/**
 * kill -9 at random moments of whole runs: nothing acknowledged is lost, earlier files stay
 * byte-identical, no finished item is computed again, and the run completes.
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createCheckpointStore } from "../../src/pipeline/adapters/checkpointStore.ts";
import { sha256 } from "../../src/pipeline/hash.ts";
import { amount, faultSeed, tell } from "../fakes/amounts.ts";
import { seededRandom } from "../fakes/random.ts";
import { freshFolder } from "../fakes/runs.ts";
import { bundledChild } from "./bundledChild.ts";

const kills = amount("PIPELINE_KILLS", 200);
const seed = faultSeed(20261123);
let child: string;

beforeAll(async () => {
  child = await bundledChild("pipelineChild.ts");
});

interface Life {
  finished: boolean;
  items: string[];
  checkpoints: string[];
  stderr: string;
}

/** Starts the child and kills it `after` milliseconds past its first acknowledgement; null lets it end. */
function live(root: string, after: number | null): Promise<Life> {
  return new Promise((resolve) => {
    const running = spawn(process.execPath, [child, root, "1"], { stdio: ["ignore", "ignore", "pipe", "pipe"] });
    const life: Life = { finished: false, items: [], checkpoints: [], stderr: "" };
    let timer: NodeJS.Timeout | undefined;
    running.stderr?.on("data", (data) => (life.stderr += data));
    const lines = createInterface({ input: running.stdio[3] as Readable });
    lines.on("line", (line) => {
      if (after !== null) timer ??= setTimeout(() => running.kill("SIGKILL"), after);
      const said = JSON.parse(line) as { item?: string; checkpoint?: string; finished?: boolean };
      if (said.item) life.items.push(said.item);
      if (said.checkpoint) life.checkpoints.push(said.checkpoint);
      if (said.finished) life.finished = true;
    });
    let open = 2;
    const closed = () => {
      open -= 1;
      clearTimeout(timer);
      if (open === 0) resolve(life);
    };
    lines.on("close", closed);
    running.on("exit", closed);
  });
}

const roots: string[] = [];
afterAll(() => roots.forEach((root) => rmSync(root, { recursive: true, force: true })));

it(`loses nothing over ${kills} kills (seed ${seed})`, { timeout: 200_000 + kills * 2_000 }, async () => {
  let killed = 0;
  let completed = 0;
  let acknowledged = 0;
  const lane = async (next: () => number) => {
    while (killed < kills) {
      const root = freshFolder();
      roots.push(root);
      const items = new Set<string>();
      const files = new Map<string, string>();
      for (let finished = false; !finished;) {
        const life = await live(root, killed < kills ? Math.floor(next() * 180) : null);
        if (life.finished) completed += 1;
        else killed += 1;
        finished = life.finished;
        expect(life.stderr, `run in ${root}`).toBe("");
        // An item acknowledged earlier must be known, so it is never acknowledged a second time.
        for (const item of life.items) expect(items.has(item), `item ${item} was computed twice`).toBe(false);
        for (const item of life.items) items.add(item);
        const folder = join(root, "runs/run-1");
        for (const [file, hash] of files) expect(sha256(readFileSync(join(folder, file))), file).toBe(hash);
        for (const file of life.checkpoints) {
          expect(existsSync(join(folder, file)), file).toBe(true);
          files.set(file, sha256(readFileSync(join(folder, file))));
        }
        acknowledged += life.items.length + life.checkpoints.length;
      }
      const entries = await createCheckpointStore(root).checkpoints("run-1");
      expect(entries.filter(({ state }) => state === "ok")).toHaveLength(16);
      const store = await createCheckpointStore(root).open("run-1");
      const lost = [...items].filter((key) => store.item(key) === undefined);
      await store.close();
      expect(lost).toEqual([]);
    }
  };
  await Promise.all([lane(seededRandom(seed)), lane(seededRandom(seed + 1))]);
  expect(completed).toBeGreaterThan(0);
  tell("kills in runs", { tried: killed, seed, completed, acknowledged, lost: 0 });
});
