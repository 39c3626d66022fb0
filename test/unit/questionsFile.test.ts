import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readQuestionsFile } from "../../src/pipeline/adapters/questionsFile.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "questions-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function read(content: string) {
  const file = join(folder, "own.jsonl");
  await writeFile(file, content);
  return readQuestionsFile(file);
}

test("one question a line; blank lines, a byte order mark and CRLF do no harm", async () => {
  const questions = await read(
    '\uFEFF{"question":"What is it?"}\r\n\r\n{"question":"And this?","answer":"That.","wordings":["So?…"],"section":"a-b"}\r\n',
  );
  expect(questions).toEqual([
    { question: "What is it?", wordings: [], rewordings: [] },
    { question: "And this?", answer: "That.", wordings: ["So?…"], rewordings: [], section: "a-b" },
  ]);
});

test.each([
  ['{"question":"What is it?"}\n{"question":', "line 2 is not a JSON object"],
  ['\n{"question":"x"}', 'line 2, "question"'],
  ['{"question":"What is it?","colour":"red"}', "colour"],
  ['["What is it?"]', "line 1"],
  ["\n\n", "holds no question"],
])("%j is refused with its line", async (content, text) => {
  await expect(read(content)).rejects.toMatchObject({
    code: "E_QUESTIONS_FILE",
    message: expect.stringContaining(text),
  });
});

test("a missing file is a named error", async () => {
  await expect(readQuestionsFile(join(folder, "none.jsonl"))).rejects.toMatchObject({ code: "E_QUESTIONS_FILE" });
});
