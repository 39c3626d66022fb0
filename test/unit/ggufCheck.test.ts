import { mkdtempSync, rmSync, truncateSync, writeFileSync, copyFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readyEnvironment } from "../../src/pipeline/adapters/environment.ts";
import { checkGguf } from "../../src/pipeline/adapters/ggufCheck.ts";
import { amount, faultSeed, tell } from "../fakes/amounts.ts";
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

/** A whole GGUF file of some hundred bytes: two tensors, metadata of every kind. */
function tinyGguf(): Buffer {
  const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer);
  const u64 = (value: number) => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
  const text = (value: string) => Buffer.concat([u64(value.length), Buffer.from(value)]);
  const head = Buffer.concat([
    Buffer.from("GGUF"),
    ...[u32(3), u64(2), u64(4)],
    ...[text("general.architecture"), u32(8), text("llama")],
    ...[text("general.alignment"), u32(4), u32(32)],
    ...[text("tokens"), u32(9), u32(8), u64(3), text("a"), text("bc"), text("def")],
    ...[text("scores"), u32(9), u32(6), u64(2), u32(7), u32(9)],
    ...[text("first"), u32(2), u64(4), u64(2), u32(0), u64(0)],
    ...[text("second"), u32(1), u64(32), u32(8), u64(32)],
  ]);
  return Buffer.concat([head, Buffer.alloc(Math.ceil(head.length / 32) * 32 - head.length + 32 + 34)]);
}

test("a whole small file passes, and none of its beginnings", async () => {
  const whole = tinyGguf();
  writeFileSync(file, whole);
  expect(await checkGguf(file)).toEqual({ architecture: "llama", tensors: 2 });
  for (let length = 0; length < whole.length; length++) {
    writeFileSync(file, whole.subarray(0, length));
    expect(await failure(file), `${length} bytes`).toMatchObject({ name: "UserError", code: "E_MODEL_FILE" });
  }
});

const files = amount("DAMAGED_HEADS", 500);
test(`${files} damaged files: each is refused by name, or its head still announces what is there`, async () => {
  const whole = tinyGguf();
  const seed = faultSeed(11);
  const random = seededRandom(seed);
  const ends = { passed: 0, refused: 0 };
  for (let round = 0; round < files; round++) {
    const damaged = Buffer.from(whole);
    for (let byte = 0; byte < 3; byte++) damaged[below(random, damaged.length)] = below(random, 256);
    writeFileSync(file, damaged);
    const error = await failure(file);
    if (error) expect(error).toMatchObject({ name: "UserError", code: "E_MODEL_FILE" });
    ends[error ? "refused" : "passed"] += 1;
  }
  expect(ends.refused / files).toBeGreaterThan(0.2);
  expect(ends.passed / files).toBeGreaterThan(0.04);
  tell("damaged heads of GGUF files", { tried: files, seed, ...ends });
});
