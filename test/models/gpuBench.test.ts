/** The measurement on a GPU, as far as it can be tried without one. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { expect, test } from "vitest";
import { readyEnvironment } from "../../src/pipeline/adapters/environment.ts";
import { packageFolder } from "../../src/pipeline/adapters/packageFolder.ts";

const { python } = await readyEnvironment();
const results = join(packageFolder(), "bench/results");
const bench = (...args: string[]) =>
  execa(process.execPath, [join(packageFolder(), "bench/bench.mjs"), "gpu", ...args], { reject: false });

test("a tiny shape is trained at every length and type, and nothing is kept", { timeout: 400_000 }, async () => {
  const before = readdirSync(results);
  const { exitCode, stdout, stderr } = await bench("--tiny");
  expect(exitCode, stderr).toBe(0);
  for (const each of ["64 tokens, float16", "64 tokens, float32", "128 tokens, float16", "128 tokens, float32"])
    expect(stdout).toMatch(
      new RegExp(`^${each}: 2 steps, peak \\d\\.\\d+ GB, estimated \\d\\.\\d+ GB, \\d+ tokens/s$`, "m"),
    );
  expect(stdout).toMatch(/^50-token rows: our job [\d.]+ tokens\/s, TRL one row at a time [\d.]+ tokens\/s\.$/m);
  expect(readdirSync(results)).toEqual(before);
});

test("what the time is not enough for is not counted, and said", { timeout: 200_000 }, async () => {
  const { exitCode, stdout, stderr } = await bench("--tiny", "--minutes", "0.3");
  expect(exitCode).toBe(1);
  expect(stderr).toContain("The 0.3 minutes were not enough");
  expect(stdout).not.toContain("TRL");
});

const hasGpu = (await execa(python, ["-I", "-c", "import torch; print(torch.cuda.is_available())"])).stdout === "True";

test.runIf(!hasGpu)("without a GPU it says so, fails and keeps nothing", { timeout: 200_000 }, async () => {
  const before = readdirSync(results);
  const { exitCode, stderr } = await bench();
  expect(exitCode).toBe(1);
  expect(stderr).toContain("There is no GPU here");
  expect(readdirSync(results)).toEqual(before);
});
