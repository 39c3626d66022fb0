/** Answers as data: asked for with a schema, checked, repaired at most twice, or named for what went wrong. */
import type { z } from "zod";
import { UserError } from "../../../protocol/errors.ts";
import type { Message } from "../../ports.ts";
import { inWords, parseAnswer, wireSchema } from "./jsonAnswer.ts";
import type { ChatReply } from "./replies.ts";
import { garbledIn, GarbledResponse } from "./transport.ts";

export interface ChatOptions {
  maxTokens: number;
  temperature: number;
  topP?: number;
  seed?: number;
  signal: AbortSignal;
  timeoutMs?: number;
}

/** How JSON is to be asked for at best; `json_object` is for messages that describe the JSON themselves. */
export type JsonFormat =
  | { type: "json_schema"; schema: Record<string, unknown>; inWords: string }
  | { type: "json_object" };

export interface JsonOptions extends ChatOptions {
  /** Name of the schema on the wire; without one the messages say what the JSON looks like. */
  name?: string;
}

/** `bad_output`: nothing usable after two repairs; `sample` is for the log. */
export type JsonResult<T> =
  | { status: "answered"; value: T }
  | { status: "truncated" }
  | { status: "refused"; reason: string }
  | { status: "bad_output"; reason: string; sample: string };

/** Throws UserError when the endpoint fails. */
export type GenerateJson = <T>(
  messages: readonly Message[],
  schema: z.ZodType<T>,
  options: JsonOptions,
) => Promise<JsonResult<T>>;

type Chat = (messages: readonly Message[], options: ChatOptions, format: JsonFormat) => Promise<ChatReply>;

const repairs = 2;
/** A cut answer is asked for once more with this many times the length. */
const lengthFactor = 4;
const longestAnswer = 16_000;

/**
 * @param endpoint.everAnswered whether anything usable ever came back; if not, garbage means a wrong address.
 * @param endpoint.clean takes the key out of a text.
 */
export function createGenerateJson(
  chat: Chat,
  endpoint: { host: string; everAnswered(): boolean; clean(text: string): string },
): GenerateJson {
  const wholeChat: Chat = async (messages, options, format) => {
    const reply = await chat(messages, options, format);
    if (reply.status !== "answered" || !reply.cut) return reply;
    return chat(messages, { ...options, maxTokens: Math.min(longestAnswer, options.maxTokens * lengthFactor) }, format);
  };

  return async (messages, schema, { name, ...options }) => {
    const format = formatFor(name, schema);
    let conversation = [...messages];
    let last = { reason: "", sample: "" };
    for (let round = 0; round <= repairs; round++) {
      const reply = await orGarbled(() => wholeChat(conversation, options, format));
      if (reply instanceof GarbledResponse) {
        last = { reason: `${endpoint.host} ${reply.message}.`, sample: endpoint.clean(reply.sample) };
        continue;
      }
      if (reply.status === "refused") return { status: "refused", reason: reply.reason };
      if (reply.status === "too_long")
        return { status: "bad_output", reason: "The request is too long for the model.", sample: "" };
      if (reply.cut) return { status: "truncated" };
      const parsed = parseAnswer(reply.text, schema);
      if (parsed.ok) return { status: "answered", value: parsed.value };
      last = { reason: parsed.reason, sample: reply.text.slice(0, 2000) };
      conversation = [...messages, ...repairMessages(reply.text, parsed.reason)];
    }
    if (!endpoint.everAnswered())
      throw new UserError(
        "E_ENDPOINT",
        `${last.reason.replace(/\.$/, "")}; it does not look like an OpenAI-compatible service.`,
      );
    return { status: "bad_output", ...last };
  };
}

/** The first message keeps its place, so that the prefix all requests share stays one. */
export function withInstruction(messages: readonly Message[], words: string): Message[] {
  const [first, ...rest] = messages;
  if (first?.role !== "system") return [{ role: "system", content: words }, ...messages];
  return [{ ...first, content: `${first.content}\n\n${words}` }, ...rest];
}

function formatFor(name: string | undefined, schema: z.ZodType): JsonFormat {
  if (name === undefined) return { type: "json_object" };
  const onWire = wireSchema(schema);
  return { type: "json_schema", schema: { name, strict: true, schema: onWire }, inWords: inWords(onWire) };
}

function repairMessages(text: string, reason: string): Message[] {
  const ask: Message = {
    role: "user",
    content: `That answer cannot be used: ${reason}\nSend the whole corrected JSON object and nothing else.`,
  };
  return text.trim() === "" ? [ask] : [{ role: "assistant", content: text.slice(0, 4000) }, ask];
}

async function orGarbled<T>(work: () => Promise<T>): Promise<T | GarbledResponse> {
  try {
    return await work();
  } catch (error) {
    const garbled = garbledIn(error);
    if (!garbled) throw error;
    return garbled;
  }
}
