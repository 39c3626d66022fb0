import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync, copyFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readyEnvironment } from "../../src/pipeline/adapters/environment.ts";
import { checkGguf } from "../../src/pipeline/adapters/ggufCheck.ts";
import { below, seededRandom } from "../fakes/random.ts";

const { embeddedStudent } = await readyEnvironment();
const folder = mkdtempSync(join(tmpdir(), "distillery-gguf-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, "model.gguf");

const failure = (path: string) =>
  checkGguf(path).then(
    () => null,
    (error: unknown) => error,
  );

test("the embedded student passes", async () => {
  expect(await checkGguf(embeddedStudent)).toEqual({ architecture: "llama", tensors: 272 });
});

test("a file that was cut off is told with both sizes", async () => {
  copyFileSync(embeddedStudent, file);
  truncateSync(file, 50_000_000);
  expect(String(await failure(file))).toMatch(/cut off: 50000000 bytes of 983\d+/);
  truncateSync(file, 1_000_000);
  expect(String(await failure(file))).toContain("ends in the middle of its head");
});

test("a missing file, a foreign file and an unknown version get a sentence each", async () => {
  expect(String(await failure(join(folder, "none.gguf")))).toContain("cannot be read (ENOENT)");
  writeFileSync(file, "PK\u0003\u0004 something else");
  expect(String(await failure(file))).toContain("does not begin with the letters GGUF");
  writeFileSync(file, Buffer.from([0x47, 0x47, 0x55, 0x46, 99, 0, 0, 0]));
  expect(String(await failure(file))).toContain("format version is 99");
});

test("300 damaged heads of a cut file: each is refused by name, whatever the damage announces", async () => {
  const head = readFileSync(embeddedStudent).subarray(0, 20_000);
  const random = seededRandom(11);
  for (let round = 0; round < 300; round++) {
    const damaged = Buffer.from(head);
    for (let byte = 0; byte < 4; byte++) damaged[below(random, 4_000)] = below(random, 256);
    writeFileSync(file, damaged);
    expect(await failure(file)).toMatchObject({ name: "UserError", code: "E_MODEL_FILE" });
  }
});
