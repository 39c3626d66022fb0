import { expect, test } from "vitest";
import { probeSentence } from "../../src/pipeline/report/arms.ts";
import { compareProbe, isRight, probeQuestions } from "../../src/pipeline/probe.ts";

const answer = (text: string) => ({ text, stop: "stop", tokens: 3, milliseconds: 1 }) as const;

test("every question has its own id, and none gives its answer away", () => {
  expect(new Set(probeQuestions.map(({ id }) => id)).size).toBe(probeQuestions.length);
  expect(new Set(probeQuestions.map(({ question }) => question)).size).toBe(probeQuestions.length);
  for (const { question, accept } of probeQuestions) expect(isRight(accept, question), question).toBe(false);
  for (const { accept } of probeQuestions) expect(isRight(accept, "I do not know."), accept).toBe(false);
});

test("a right answer is right in any case and place, and a longer word that holds it is not", () => {
  const accept = "\\b(12|twelve)\\b";
  expect(["12", "It is twelve.", "7 + 5 = 12", "TWELVE"].every((text) => isRight(accept, text))).toBe(true);
  expect(["112", "1 2", "twelvefold", ""].some((text) => isRight(accept, text))).toBe(false);
});

test("lost and gained are told by question, over what both students were asked", () => {
  const [first, second, third] = probeQuestions;
  const right = { france: "It is Paris.", japan: "Tokyo", sum: "It is 12." } as Record<string, string>;
  const ids = [first!.id, second!.id, third!.id];
  const before = Object.fromEntries(ids.map((id, index) => [id, answer(index < 2 ? right[id]! : "A Pod.")]));
  const after = Object.fromEntries(ids.map((id, index) => [id, answer(index > 0 ? right[id]! : "")]));
  const compared = compareProbe(before, { ...after, unknown: answer("x") });
  expect(compared).toEqual({
    questions: 3,
    before: 2,
    after: 2,
    lost: [{ question: first!.question, before: "It is Paris.", after: "" }],
    gained: [{ question: third!.question, before: "A Pod.", after: "It is 12." }],
  });
  expect(probeSentence(compared!)).toBe(
    "Of 3 general questions 2 were answered right before fine-tuning and 2 after; 1 was lost and 1 gained.",
  );
  expect(compareProbe(before, null)).toBeNull();
});
