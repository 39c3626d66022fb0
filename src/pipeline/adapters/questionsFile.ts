/** The user's own questions: a file with one JSON object a line. */
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { UserError } from "../../protocol/errors.ts";
import { ownQuestionSchema, type RunSettings } from "../../protocol/run.ts";

/** @throws UserError E_QUESTIONS_FILE naming the line. */
export async function readQuestionsFile(path: string): Promise<RunSettings["own"]> {
  const name = basename(path);
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new UserError("E_QUESTIONS_FILE", `The questions file ${path} cannot be read (${error.code}).`);
  });
  const questions = text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .flatMap((line, index) => (line.trim() === "" ? [] : [questionOf(line, `${name}, line ${index + 1}`)]));
  if (questions.length === 0) throw new UserError("E_QUESTIONS_FILE", `${name} holds no question.`);
  return questions;
}

function questionOf(line: string, place: string): RunSettings["own"][number] {
  let data: unknown;
  try {
    data = JSON.parse(line);
  } catch {
    throw new UserError("E_QUESTIONS_FILE", `${place} is not a JSON object.`);
  }
  const parsed = ownQuestionSchema.safeParse(data);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = issue?.path.join(".");
  throw new UserError("E_QUESTIONS_FILE", `${place}${field ? `, "${field}"` : ""}: ${issue?.message ?? "not valid"}.`);
}
