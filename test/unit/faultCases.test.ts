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
      expect(readFileSync(path, "utf8"), `${id}: ${file}`).toContain(words);
    }
  }
  console.info(JSON.stringify(counts));
  expect(Object.values(counts).map(({ cases }) => cases)).toEqual([15, 13, 14, 6, 15, 9, 9]);
});
