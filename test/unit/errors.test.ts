/** The table of errors against the sources: no code unlisted, unused, without a case, or without words. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { errorTable, type ErrorCode } from "../../src/protocol/errors.ts";

const repository = join(import.meta.dirname, "../..");
const codes = Object.keys(errorTable) as ErrorCode[];
/** They name every code without throwing it. */
const tables = ["src/protocol/errors.ts", "src/extension/errorButtons.ts"];
/** What the printing of errors calls everything that is no UserError. */
const notInTable = ["E_BUG"];

/** Every E_ name in the files, with the files that have it. */
function named(...patterns: string[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const file of patterns.flatMap((pattern) => globSync(pattern, { cwd: repository }))) {
    const text = readFileSync(join(repository, file), "utf8");
    for (const [code] of text.matchAll(/\bE_[A-Z][A-Z_]*\b/g)) found.set(code, [...(found.get(code) ?? []), file]);
  }
  return found;
}

const product = named("src/**/*.ts", "trainer/*.py", "webview/**/*.ts");
const tests = named("test/**/*.ts", "test/**/*.py", "trainer/tests/*.py");

describe("the table of errors", () => {
  it("has every code the product names", () => {
    const unlisted = [...product.keys()].filter((code) => !(codes as string[]).includes(code));
    expect(unlisted).toEqual(notInTable);
  });

  it.each(codes)("%s is used, and provoked by a test", (code) => {
    expect(product.get(code)?.filter((file) => !tables.includes(file))).not.toEqual([]);
    const own = join("test", "unit", "errors.test.ts");
    expect(tests.get(code)?.filter((file) => file !== own) ?? []).not.toEqual([]);
  });

  it.each(codes)("%s says in whole sentences what is kept and what to do next", (code) => {
    for (const text of Object.values(errorTable[code])) expect(text).toMatch(/^[A-Z`“].{8,}\.$/);
  });
});
