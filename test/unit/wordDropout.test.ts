import { expect, test } from "vitest";
import { thinned } from "../../src/pipeline/wordDropout.ts";

const question = "How wide does the Hollis Vane open before the intake draws any fog at all?";
const forms = (chance: number, count = 400) =>
  Array.from({ length: count }, (_, seed) => thinned(question, chance, seed));
const words = (text: string) => text.replace(/[?]$/, "").split(" ");
const share = (holds: (text: string) => boolean) => forms(0.35).filter(holds).length / 400;

test("leaves out about the given share of words, names more seldom, and changes none", () => {
  const original = words(question);
  const lower = original.map((word) => word.toLowerCase());
  for (const form of forms(0.35)) {
    // What is left stands in the order it had.
    let at = -1;
    for (const word of words(form)) {
      at = lower.indexOf(word.toLowerCase(), at + 1);
      expect(at, form).toBeGreaterThanOrEqual(0);
    }
  }
  const kept = forms(0.35).reduce((sum, form) => sum + words(form).length, 0) / 400 / original.length;
  expect(kept).toBeGreaterThan(0.62);
  expect(kept).toBeLessThan(0.76);
  expect(share((text) => /hollis/i.test(text))).toBeGreaterThan(0.84);
  expect(share((text) => /intake/i.test(text))).toBeLessThan(0.75);
});

test("half are in small letters, half without the mark; the same seed gives the same", () => {
  for (const part of [share((text) => text === text.toLowerCase()), share((text) => text.endsWith("?"))]) {
    expect(part).toBeGreaterThan(0.4);
    expect(part).toBeLessThan(0.6);
  }
  expect(forms(0.35, 20)).toEqual(forms(0.35, 20));
  expect(new Set(forms(0.35)).size).toBeGreaterThan(200);
});

test("leaves alone what is short, and never less than two words", () => {
  expect(thinned("What is DNS?", 0.9, 1)).toBe("What is DNS?");
  for (const form of forms(0.9)) expect(words(form).length).toBeGreaterThanOrEqual(2);
});
