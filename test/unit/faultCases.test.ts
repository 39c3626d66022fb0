/** test/FAULTS.md says which test provokes which fault; this holds it to the tests there are. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const repository = join(import.meta.dirname, "../..");
const rows = readFileSync(join(repository, "test/FAULTS.md"), "utf8")
  .split("\n")
  .filter((line) => /^\| [A-G]\d+ \|/.test(line))
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .map(([, id = "", fault = "", tests = ""]) => ({ id, fault, tests }));

/** Titles of the tests of a file, and of the groups they are in; of a table of tests the title with its placeholders. */
function titlesOf(file: string, source: string): string[] {
  if (file.endsWith(".py")) return [...source.matchAll(/^def (test_\w+)\(/gm)].map(([, name = ""]) => name);
  // What is called with the title: it, test, describe, or the result of their each and runIf.
  const calls = /(?:\b(?:it|test|describe)(?:\.\w+)?(?:<[^()]*>)?|\))\(\s*(["'`])((?:\\.|(?!\1).)*)\1,/g;
  return [...source.matchAll(calls)].map(([, , title = ""]) => title);
}

it("titles are found in every way of writing them, and no other words", () => {
  const source = `describe("a group", () => {
    it.each<[string, number]>([["a row", 1]])(
      "of a table, %s", () => expect("a value").toBe("b"));
    test.runIf(linux)(\`\${count} times\`, { timeout: 5 }, () => {});
  });`;
  expect(titlesOf("a.test.ts", source)).toEqual(["a group", "of a table, %s", "${count} times"]);
  expect(titlesOf("a.py", "def test_one(x: int) -> None:\n    other()\n\ndef helper():\n")).toEqual(["test_one"]);
});

it("every case has its tests, or says why it has none", () => {
  expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
  const counts: Record<string, { cases: number; provoked: number }> = {};
  for (const { id, tests } of rows) {
    const group = (counts[id.slice(0, 1)] ??= { cases: 0, provoked: 0 });
    group.cases += 1;
    if (/^Open: .{20,}/.test(tests)) continue;
    group.provoked += 1;
    const cited = tests.split("; ").map((each) => /^`([^`]+)` "([^"]+)"$/.exec(each));
    for (const citation of cited) {
      expect(citation, `${id}: ${tests}`).not.toBeNull();
      const [, file = "", words = ""] = citation ?? [];
      const path = join(repository, file.startsWith("trainer/") ? "" : "test", file);
      expect(existsSync(path), `${id}: ${file}`).toBe(true);
      const titles = titlesOf(file, readFileSync(path, "utf8"));
      expect(
        titles.filter((title) => title.includes(words)),
        `${id}: ${file} has no test "${words}"`,
      ).not.toEqual([]);
    }
  }
  console.info(JSON.stringify(counts));
  expect(Object.values(counts).map(({ cases }) => cases)).toEqual([15, 13, 14, 6, 15, 9, 9]);
});
