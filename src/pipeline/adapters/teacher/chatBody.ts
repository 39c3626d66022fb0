/** The body of a chat request, by what the endpoint's model is known to accept. */
import type { Effort } from "../../../protocol/run.ts";
import type { Message } from "../../ports.ts";
import { laterMode, type Capabilities } from "./capabilities.ts";
import { withInstruction, type ChatOptions, type JsonFormat } from "./structuredOutput.ts";

/**
 * Tokens a reasoning model may think before it answers; they count to the length it is given. Set by hand, generously:
 * with too few the answer is cut, asked for again and paid for twice.
 */
const thinking: Readonly<Record<Effort, number>> = { none: 0, minimal: 500, low: 2000, medium: 8000, high: 25_000 };

/** The most tokens that an answer of `asked` tokens can take, thinking included. */
export function answerTokens(asked: number, effort: Effort | undefined, known: Capabilities): number {
  const thought = effort && !known.leftOut.has("reasoning_effort") ? thinking[effort] : 0;
  return Math.min(asked + thought, known.lengthLimit ?? Infinity);
}

export function chatBody(
  { model, effort }: { model: string; effort?: Effort | undefined },
  known: Capabilities,
  messages: readonly Message[],
  values: Omit<ChatOptions, "signal">,
  format: JsonFormat | null,
): Record<string, unknown> {
  const mode = format ? laterMode(known.jsonMode, format.type) : "text";
  const words = format?.type === "json_schema" && mode !== "json_schema" ? format.inWords : null;
  const optional = {
    temperature: values.temperature,
    top_p: values.topP,
    seed: values.seed,
    reasoning_effort: effort,
  };
  return {
    model,
    messages: words === null ? messages : withInstruction(messages, words),
    ...(known.lengthName ? { [known.lengthName]: answerTokens(values.maxTokens, effort, known) } : {}),
    ...Object.fromEntries(
      Object.entries(optional).filter(([name, value]) => value !== undefined && !known.leftOut.has(name)),
    ),
    ...(mode === "text"
      ? {}
      : {
          response_format:
            mode === "json_schema" && format?.type === mode
              ? { type: mode, json_schema: format.schema }
              : { type: mode },
        }),
  };
}
