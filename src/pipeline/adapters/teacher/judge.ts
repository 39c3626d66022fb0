/** The judge and the embeddings of the evaluator, over the teacher's client: one limiter, one meter, one place for the key. */
import { z } from "zod";
import { UserError } from "../../../protocol/errors.ts";
import type { Judge, JudgeRequest } from "../evaluator.ts";
import type { OpenaiModel } from "./openaiModel.ts";

/** Any JSON object: the shape is the metric's own business and is checked where the metric runs. */
const anyObject = z.looseObject({});

/**
 * A judge whose `chat` throws E_TEACHER_OUTPUT when only this one request came to nothing, and any other
 * UserError when no further request would fare better.
 */
export function createJudge(model: OpenaiModel): Judge {
  return { id: model.id, chat: (request, signal) => onlyThisOne(model, () => judged(model, request, signal)) };
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
