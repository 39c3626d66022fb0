import { expect, test } from "vitest";
import { comparisonText, printable, sideBySide, table, wrapped } from "../../src/cli/tables.ts";

test("columns are aligned", () => {
  expect(
    table([
      ["a", "long head"],
      ["wide cell", "x"],
    ]),
  ).toBe("a          long head\n─────────  ─────────\nwide cell  x");
});

test("text is wrapped at spaces, and a long word is cut", () => {
  expect(wrapped("one two three", 7)).toEqual(["one two", "three"]);
  expect(wrapped("abcdefghij kl", 4)).toEqual(["abcd", "efgh", "ij", "kl"]);
  expect(wrapped("a\n\nb", 9)).toEqual(["a", "", "b"]);
});

test("two answers stand side by side where there is room, else one above the other", () => {
  const wide = sideBySide({ title: "L", text: "left" }, { title: "R", text: "right\nsecond" }, 100).split("\n");
  expect(wide[2]).toMatch(/^left +│ right$/);
  expect(wide[3]).toMatch(/^ +│ second$/);
  expect(sideBySide({ title: "L", text: "left" }, { title: "R", text: "right" }, 40)).toBe("L\nleft\n\nR\nright");
});

test("what a terminal would obey is dropped from the text of models", () => {
  expect(printable("a\u001b[31mred\u0007\u202eb\tc\n")).toBe("a[31mredb\tc\n");
});

test("the comparison names the tiers, the headline one first, and says when too few were scored, or none could be", () => {
  const row = {
    metric: "semantic_similarity",
    part: "test",
    scored: 20,
    failed: 0,
    notApplicable: 0,
    better: 15,
    same: 3,
    worse: 2,
  } as const;
  const means = { baseline: 0.5, tuned: 0.75, absolute: 0.25, percent: 50, interval: { low: 0.2, high: 0.3 } };
  const lines = comparisonText({
    rows: [
      { ...row, tier: "train", means },
      { ...row, tier: "reworded", scored: 10, failed: 8, notApplicable: 2, means: null },
      { ...row, tier: "unseen", scored: 0, notApplicable: 5, means: null },
    ],
  }).split("\n");
  expect(lines[2]).toMatch(/^reworded.*too few scored.*10 \(8 failed, 2 not applicable\)/);
  expect(lines[4]).toMatch(/^unseen.* not applicable .*0 \(5 not applicable\)/);
  expect(lines[3]).toMatch(/^trained.*0\.50 +0\.75 +\+0\.25 +\+0\.20 to \+0\.30 +20 +15\/3\/2$/);
});
