/** What the host and the student's process say to each other. Both ends check what they get. */
import { z } from "zod";
import { answerSchema, samplingSchema } from "../../protocol/model.ts";

const requestId = z.int().nonnegative();
/** Path of a LoRA adapter's GGUF, or null for the base. */
const adapter = z.string().nullable();

export const loadSchema = z.strictObject({
  type: z.literal("load"),
  gguf: z.string(),
  gpu: z.enum(["auto", "off"]),
  /** Answers worked on at the same time, each in a context of its own; null: by the model's size. */
  lanes: z.int().min(1).max(64).nullable(),
  /** Threads of one lane; null: the cores shared out among the lanes. */
  threads: z.int().min(1).max(256).nullable(),
  /** Tokens of prompt and answer together. */
  contextSize: z.int().min(256).max(32_768),
});
export type Load = z.infer<typeof loadSchema>;

export const generateSchema = z.strictObject({
  type: z.literal("generate"),
  id: requestId,
  adapter,
  prompt: z.string(),
  /** Beginning of the prompt that many prompts share; its evaluation is kept. */
  prefix: z.string(),
  stops: z.array(z.string().min(1)),
  sampling: samplingSchema,
  seed: z
    .int()
    .min(0)
    .max(2 ** 32 - 1),
  stream: z.boolean(),
});
export type Generate = z.infer<typeof generateSchema>;

export const hostMessageSchema = z.discriminatedUnion("type", [
  loadSchema,
  generateSchema,
  z.strictObject({ type: z.literal("tokenize"), id: requestId, text: z.string() }),
  /** The most likely tokens after a prompt, without penalties or stops, past any end token. */
  z.strictObject({ type: z.literal("greedy"), id: requestId, adapter, prompt: z.string(), count: z.int().positive() }),
  z.strictObject({ type: z.literal("abort"), id: requestId }),
]);
export type HostMessage = z.infer<typeof hostMessageSchema>;

export const childMessageSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("loaded"), device: z.string(), lanes: z.int().positive() }),
  z.strictObject({ type: z.literal("text"), id: requestId, chunk: z.string() }),
  z.strictObject({ type: z.literal("answer"), id: requestId, answer: answerSchema }),
  z.strictObject({ type: z.literal("tokens"), id: requestId, tokens: z.array(z.int().nonnegative()) }),
  z.strictObject({
    type: z.literal("failed"),
    /** Null when loading failed. */
    id: requestId.nullable(),
    /** `bug` for anything that is not meant for people. */
    code: z.enum(["E_MODEL_FILE", "E_MODEL_LOAD", "E_SETTINGS", "E_STOPPED", "bug"]),
    message: z.string(),
  }),
]);
export type ChildMessage = z.infer<typeof childMessageSchema>;
export type Failed = Extract<ChildMessage, { type: "failed" }>;
