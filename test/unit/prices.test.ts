import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { priceOf } from "../../src/pipeline/adapters/teacher/prices.ts";
import { readPricesFile } from "../../src/pipeline/adapters/teacher/pricesFile.ts";
import { parseCommandLine } from "../../src/cli/options.ts";
import { settingsWithOwn } from "../../src/cli/commands/run.ts";
import { freshFolder } from "../fakes/runs.ts";

const openai = "https://api.openai.com/v1";
const elsewhere = "http://localhost:1/v1";

function fileWith(text: string): string {
  const path = join(freshFolder(), "prices.json");
  writeFileSync(path, text);
  return path;
}

test("own prices stand above the table and hold at any endpoint", () => {
  const own = { "gpt-4o-mini": { input: 1, output: 2 }, mine: { input: 3, cachedInput: 1, output: 4 } };
  expect(priceOf("gpt-4o-mini", openai, own)).toEqual({ input: 1, cachedInput: 1, output: 2 });
  expect(priceOf("gpt-4o-mini-2024-07-18", openai, own)).toEqual({ input: 1, cachedInput: 1, output: 2 });
  expect(priceOf("mine", elsewhere, own)).toEqual(own.mine);
  expect(priceOf("gpt-6-luna", openai)).toEqual({ input: 0.125, cachedInput: 0.01, output: 0.5 });
  expect(priceOf("gpt-4o", openai, own)).toMatchObject({ input: 2.5 });
  for (const name of ["other", "__proto__", "toString"]) expect(priceOf(name, elsewhere, own)).toBeNull();
});

test("a file of prices becomes part of the run's settings, and stays so on resume", async () => {
  const path = fileWith('\uFEFF{"mine": {"input": 0.5, "output": 1.5}}');
  const before = await settingsWithOwn(parseCommandLine(["--prices", path], ["prices", "questions"]), {});
  expect(before.prices).toEqual({ mine: { input: 0.5, output: 1.5 } });
  const after = await settingsWithOwn(parseCommandLine(["--questions", "3"], ["prices", "questions"]), before);
  expect(after.prices).toEqual(before.prices);
});

test.each([
  ["{", "is not JSON"],
  ['{"m": {"input": 1}}', '"m.output"'],
  ['{"m": {"input": -1, "output": 1}}', '"m.input"'],
  ['{"m": {"input": 1, "output": 1, "free": true}}', '"m"'],
])("%s is refused by name", async (text, named) => {
  await expect(readPricesFile(fileWith(text))).rejects.toMatchObject({
    code: "E_SETTINGS",
    message: expect.stringContaining(named),
  });
});

test("a file that is not there is named", async () => {
  await expect(readPricesFile("/nowhere/prices.json")).rejects.toMatchObject({
    code: "E_SETTINGS",
    message: expect.stringContaining("ENOENT"),
  });
});
