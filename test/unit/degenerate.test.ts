import { join } from "node:path";
import { expect, test } from "vitest";
import { createKnowledgeFolder } from "../../src/pipeline/adapters/knowledgeFolder.ts";
import { packageFolder } from "../../src/pipeline/adapters/packageFolder.ts";
import { answeringOf, marksOf, repetition } from "../../src/pipeline/degenerate.ts";

const stop = "stop" as const;
const sound =
  "A Service gives a set of Pods one stable address. Clients reach it by name, and traffic is spread over the Pods that are ready.";

test("an answer without a word is empty, whatever else it holds", () => {
  for (const text of ["", " \n", "...", "—"]) expect(marksOf({ text, stop })).toEqual(["empty"]);
  expect(marksOf({ text: "80.", stop })).toEqual([]);
});

test("an answer that says the same again and again is looping", () => {
  const sentence = "The Pod is a Pod that runs in a Pod. ";
  expect(marksOf({ text: sentence.repeat(6), stop: "length" })).toEqual(["looping", "cut"]);
  expect(marksOf({ text: "pods ".repeat(40), stop })).toEqual(["looping"]);
  // A sound beginning does not excuse an end that never comes.
  expect(marksOf({ text: `${sound} ${"It is also a way to do it. ".repeat(6)}`, stop })).toEqual(["looping"]);
  // Numbers that count up are no news as long as the words between them stay.
  const counted = Array.from({ length: 12 }, (_, index) => `${index}. The value of the field is not set.`).join("\n");
  expect(marksOf({ text: counted, stop })).toEqual(["looping"]);
});

test("ordinary prose, lists whose items begin alike, and short answers are not", () => {
  expect(marksOf({ text: sound, stop })).toEqual([]);
  const list = ["restarts", "replaces", "scales down", "rolls back"].map((verb) => `It ${verb} the Pods when needed.`);
  expect(repetition(list.join("\n"))).toBeLessThan(0.3);
  expect(marksOf({ text: "Yes. Yes. Yes.", stop })).toEqual([]);
});

test("no section of the bundled knowledge base counts as looping", async () => {
  const { sections } = await createKnowledgeFolder(join(packageFolder(), "knowledge")).read();
  const looping = sections.filter(({ text }) => marksOf({ text, stop }).includes("looping"));
  expect(sections.length).toBeGreaterThan(50);
  expect(looping.map(({ id }) => id)).toEqual([]);
});

test("an arm is counted over all its answers, repeats included; the teacher's tokens are not", () => {
  const answer = (text: string, end: "stop" | "length", tokens: number) => ({
    text,
    stop: end,
    tokens,
    milliseconds: 1,
  });
  const answers = { a: [answer(sound, "stop", 30), answer("", "stop", 0)], b: [answer(sound, "length", 90)] };
  expect(answeringOf("tuned", { model: "m", answers })).toEqual({
    arm: "tuned",
    answers: 3,
    empty: 1,
    looping: 0,
    cut: 1,
    stopRate: 1 - 1 / 3,
    meanTokens: 40,
  });
  expect(answeringOf("teacher", { model: "m", answers }).meanTokens).toBeNull();
});
