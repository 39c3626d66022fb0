/** One answer in one lane: every sampling value is passed, none is left to a library's default. */
import type { LlamaModel, Token } from "node-llama-cpp";
import { UserError } from "../../protocol/errors.ts";
import type { Answer } from "../../protocol/model.ts";
import type { Lane } from "./studentLanes.ts";
import type { Generate } from "./studentMessages.ts";

/**
 * Continues a rendered prompt until the model ends, a stop text appears, or a limit is reached.
 * The same prompt, seed and model give the same text, whatever was asked before.
 *
 * The repetition penalty acts on every token of the answer so far, new lines included, as
 * `repetition_penalty` does in Hugging Face's `generate`; but not on the prompt, where it would
 * punish the end marks of the template and the very words the question is about. Top-k and top-p are
 * applied before the temperature, as llama.cpp does; Hugging Face applies the temperature first.
 * @throws UserError E_SETTINGS when the prompt leaves no room for an answer; E_STOPPED on abort
 */
export async function answerIn(
  lane: Lane,
  model: LlamaModel,
  request: Generate,
  abort: AbortSignal,
  onText: (chunk: string) => void,
): Promise<Answer> {
  const started = performance.now();
  const { sampling } = request;
  const prompt = model.tokenize(request.prompt, true);
  const room = lane.sequence.contextSize - prompt.length - 2;
  if (room < 1)
    throw new UserError(
      "E_SETTINGS",
      `The text for the student has ${prompt.length} tokens; with its answer it may have ${lane.sequence.contextSize}.`,
    );
  await usePrefix(lane, model, prompt, request.prefix);
  const timeLeft = sampling.maxTime * 1000 - (performance.now() - started);
  const outOfTime = AbortSignal.timeout(Math.max(1, Math.floor(timeLeft)));
  let tokens = 0;
  const { response, metadata } = await lane.completion.generateCompletionWithMeta(prompt, {
    maxTokens: Math.min(sampling.maxNewTokens, room),
    temperature: sampling.temperature,
    topP: sampling.topP,
    topK: sampling.topK,
    minP: 0,
    seed: request.seed,
    repeatPenalty:
      sampling.repetitionPenalty === 1
        ? false
        : {
            penalty: sampling.repetitionPenalty,
            lastTokens: sampling.maxNewTokens,
            penalizeNewLine: true,
            frequencyPenalty: 0,
            presencePenalty: 0,
          },
    customStopTriggers: request.stops.flatMap((stop) => stopTriggers(model, stop)),
    // The template of the recipe puts a new line before the end mark; it is no part of the answer.
    trimWhitespaceSuffix: true,
    disableContextShift: true,
    signal: AbortSignal.any([abort, outOfTime]),
    stopOnAbortSignal: true,
    onToken: (chunk) => (tokens += chunk.length),
    onTextChunk: onText,
  });
  if (abort.aborted) throw new UserError("E_STOPPED", "The answer was stopped.");
  const cut = metadata.stopReason === "maxTokens" ? "length" : "time";
  const stop = metadata.stopReason === "maxTokens" || metadata.stopReason === "abort" ? cut : "stop";
  return { text: response.trim(), stop, tokens, milliseconds: Math.round(performance.now() - started) };
}

/** The most likely `count` tokens after a prompt, past any end token. */
export async function greedyTokens(lane: Lane, model: LlamaModel, prompt: string, count: number): Promise<number[]> {
  lane.prefix = [];
  await lane.sequence.clearHistory();
  const tokens: number[] = [];
  for await (const token of lane.sequence.evaluate(model.tokenize(prompt, true), {
    temperature: 0,
    yieldEogToken: true,
  })) {
    tokens.push(token);
    if (tokens.length >= count) break;
  }
  return tokens;
}

/** A mark that is one special token yields no text, so it is matched as a token as well. */
function stopTriggers(model: LlamaModel, stop: string): (string | Token[])[] {
  const tokens = model.tokenize(stop, true);
  return tokens.length === 1 ? [stop, tokens] : [stop];
}

/**
 * Brings the sequence to exactly the shared beginning of the prompt, evaluated by itself. So the rest
 * is always evaluated in the same pieces, and rounding cannot depend on which question came before.
 */
async function usePrefix(lane: Lane, model: LlamaModel, prompt: Token[], prefixText: string): Promise<void> {
  const { sequence } = lane;
  const prefix = commonStart(model.tokenize(prefixText, true), prompt.slice(0, -1));
  const start =
    model.tokens.shouldPrependBosToken && model.tokens.bos !== null ? [model.tokens.bos, ...prefix] : prefix;
  const kept = lane.prefix.length === start.length && lane.prefix.every((token, index) => token === start[index]);
  if (kept) await sequence.eraseContextTokenRanges([{ start: start.length, end: sequence.nextTokenIndex }]);
  if (kept && sequence.nextTokenIndex === start.length) return;
  await sequence.clearHistory();
  lane.prefix = start;
  if (start.length > 0) await sequence.evaluateWithoutGeneratingNewTokens(start);
}

function commonStart(a: Token[], b: Token[]): Token[] {
  const end = a.findIndex((token, index) => token !== b[index]);
  return end === -1 ? a : a.slice(0, end);
}
