import { join } from "node:path";
import { expect, test } from "vitest";
import { createKnowledgeFolder } from "../../src/pipeline/adapters/knowledgeFolder.ts";
import { packageFolder } from "../../src/pipeline/adapters/packageFolder.ts";
import { costSentence, judgingCost, teachingCost } from "../../src/pipeline/adapters/teacher/costs.ts";
import { runSettingsSchema, type RunSettings } from "../../src/protocol/run.ts";

const knowledge = await createKnowledgeFolder(join(packageFolder(), "knowledge")).read();
const openai = { model: "gpt-4o-mini", baseUrl: "https://api.openai.com/v1" };
const settingsOf = (changes: object): RunSettings => runSettingsSchema.parse(changes);
const online = { teacher: { kind: "openai", ...openai } };

test("more questions, more cycles and the teacher's own arm cost more", () => {
  const cost = (changes: object) => teachingCost(settingsOf(changes), openai, knowledge);
  const usual = cost({});
  expect(usual).toMatchObject({ calls: 45 });
  expect(usual.dollars).toBeGreaterThan(0.002);
  expect(usual.dollars).toBeLessThan(0.02);
  expect(cost({ questions: 40 }).calls).toBe(90);
  expect(cost({ cycles: 2 }).calls).toBe(90);
  expect(cost({ arms: ["teacher"] }).calls).toBe(90);
});

test("a judge asks about every answer of every student", () => {
  // 20 families of 3 + 1 questions, two students, nine requests each.
  expect(judgingCost(settingsOf({}), openai).calls).toBe(20 * 4 * 2 * 9);
  expect(judgingCost(settingsOf({ arms: ["retrieval", "adopted"] }), openai).calls).toBe(20 * 4 * 5 * 9);
});

test("the sentence before a run names requests, tokens and dollars, or that these are not known", () => {
  expect(costSentence(settingsOf({}), knowledge)).toBeNull();
  expect(costSentence(settingsOf(online), knowledge)).toMatch(
    /^About 45 requests with [\d,]+ tokens will be sent, for about \$0\.01; an estimate\.$/,
  );
  expect(costSentence(settingsOf({ ...online, judge: true }), knowledge)).toMatch(/^About 1,500 requests/);
  const other = { judge: true, judgeModel: { model: "mine", baseUrl: "http://localhost:1/v1" } };
  expect(costSentence(settingsOf(other), knowledge)).toMatch(/at prices that are not known; an estimate\.$/);
  const priced = settingsOf({ ...other, prices: { mine: { input: 1, output: 1 } } });
  expect(costSentence(priced, knowledge)).toMatch(/for about \$1\.34; an estimate\.$/);
  const thinking = settingsOf({ teacher: { ...online.teacher, effort: "high" } });
  expect(costSentence(thinking, knowledge)).toMatch(/an estimate, without what the model thinks\.$/);
});
