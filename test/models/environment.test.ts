/** Installs the real environment from the real lock files, into an empty cache. */
import { execa } from "execa";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { findEnvironment, readyEnvironment } from "../../src/pipeline/adapters/environment.ts";

const cache = mkdtempSync(join(tmpdir(), "distillery-cache-"));
afterAll(() => rmSync(cache, { recursive: true }));

test(
  "a bare cache becomes an environment whose packages load, once for two callers",
  { timeout: 900_000 },
  async () => {
    // Either may come first: one installs, the other waits for it.
    const said: string[] = [];
    const onProgress = (text: string) => void said.push(text);
    const [environment, same] = await Promise.all([
      readyEnvironment({ cache, onProgress }),
      readyEnvironment({ cache, onProgress }),
    ]);
    expect(same).toEqual(environment);
    expect(await findEnvironment({ cache })).toEqual(environment);
    expect(said.filter((text) => text === "The Python environment is ready.")).toHaveLength(1);
    const code = "import torch, transformers, peft, trl, gguf; print(torch.__version__)";
    const { stdout } = await execa(environment.python, ["-I", "-c", code], { preferLocal: false, cwd: cache });
    expect(stdout).toMatch(/^2\.13\.0/);
    // Scripts find their interpreter beside themselves: the folder was renamed after they were written.
    const { stdout: help } = await execa(join(environment.root, "bin", "gguf-dump"), ["--help"], {
      preferLocal: false,
    });
    expect(help).toContain("usage");
  },
);

test("a package that is not the locked one is not installed, and the error says so", { timeout: 120_000 }, async () => {
  const trainerFolder = join(cache, "trainer");
  cpSync(join(import.meta.dirname, "../../trainer"), trainerFolder, { recursive: true });
  const lock = join(trainerFolder, "uv-tool.lock");
  const other = (_: string, first: string) => `sha256:${first === "0" ? "1" : "0"}`;
  writeFileSync(lock, readFileSync(lock, "utf8").replaceAll(/sha256:([0-9a-f])/g, other));
  await expect(readyEnvironment({ cache, trainerFolder })).rejects.toMatchObject({ code: "E_ENV_HASH" });
  expect(await findEnvironment({ cache, trainerFolder })).toBeNull();
});
