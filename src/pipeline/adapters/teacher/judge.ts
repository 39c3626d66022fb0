/** The judge and the embeddings of the evaluator, over the teacher's client or one of the judge's own. */
import { z } from "zod";
import { UserError } from "../../../protocol/errors.ts";
import type { JudgeModel, RunSettings, TeacherSettings } from "../../../protocol/run.ts";
import type { Judge, JudgeRequest } from "../evaluator.ts";
import type { OpenaiModel } from "./openaiModel.ts";

/** Any JSON object: the shape is the metric's own business and is checked where the metric runs. */
const anyObject = z.looseObject({});

/** The model and address that judge by these settings; null when nobody does. */
export function judgeOf({
  teacher,
  judge,
  judgeModel,
}: Pick<RunSettings, "teacher" | "judge" | "judgeModel">): JudgeModel | null {
  if (!judge) return null;
  if (judgeModel) return judgeModel;
  return teacher.kind === "openai" ? { model: teacher.model, baseUrl: teacher.baseUrl } : null;
}

/** True when the teacher judges itself: its client then counts and limits the judge's requests, too. */
export function isTeacher({ model, baseUrl }: JudgeModel, teacher: TeacherSettings): boolean {
  return teacher.kind === "openai" && teacher.model === model && teacher.baseUrl === baseUrl;
}

/** True when a key for the teacher may be sent to the judge: both lie at one origin. */
export function sharesKey({ baseUrl }: JudgeModel, teacher: TeacherSettings): boolean {
  return teacher.kind === "openai" && new URL(teacher.baseUrl).origin === new URL(baseUrl).origin;
}

/**
 * A judge whose `chat` throws E_TEACHER_OUTPUT when only this one request came to nothing, and any other
 * UserError when no further request would fare better.
 * @param own the model is the judge's own, so that nobody else counts what it spends.
 */
export function createJudge(model: OpenaiModel, own = false): Judge {
  return {
    id: model.id,
    usage: () => (own ? model.usage() : null),
    chat: (request, signal) => onlyThisOne(model, () => judged(model, request, signal)),
  };
}

/** Vectors from the endpoint's embedding model; errors as the judge's. */
export function createEndpointEmbedder(
  model: OpenaiModel,
  embeddingModel: string,
): { id: string; embed(texts: string[], signal: AbortSignal): Promise<number[][]> } {
  return {
    id: `${embeddingModel} at ${model.host}`,
    embed: (texts, signal) => onlyThisOne(model, () => model.embed(texts, embeddingModel, signal)),
  };
}

async function judged(
  model: OpenaiModel,
  { messages, json, maxTokens, temperature }: JudgeRequest,
  signal: AbortSignal,
): Promise<string> {
  if (json) {
    const result = await model.generateJson(messages, anyObject, { maxTokens, temperature, signal });
    if (result.status === "answered") return JSON.stringify(result.value);
    const reason = "reason" in result ? `: ${result.reason}` : "";
    throw new UserError("E_TEACHER_OUTPUT", `The judge's answer cannot be used (${result.status})${reason}`);
  }
  const sampling = {
    maxNewTokens: maxTokens,
    temperature,
    topP: 1,
    topK: 0,
    repetitionPenalty: 1,
    maxTime: 120,
    seed: 0,
  };
  const answer = await model.generate(messages, { ...sampling, signal });
  if (answer.stop !== "stop") throw new UserError("E_TEACHER_OUTPUT", "The judge's answer was cut off.");
  return answer.text;
}

async function onlyThisOne<T>(model: OpenaiModel, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const passing = error instanceof UserError && (error.code === "E_SERVICE" || error.code === "E_ENDPOINT");
    throw passing && !model.stopped() ? new UserError("E_TEACHER_OUTPUT", error.message) : error;
  }
}
