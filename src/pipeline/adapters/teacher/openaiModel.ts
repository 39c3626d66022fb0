/**
 * A chat model behind any OpenAI-compatible address. All requests go through one limiter and one meter;
 * the `openai` package only sends: no retries of its own, nothing taken from its environment variables.
 */
import OpenAI, { APIError } from "openai";
import type { Answer, Usage } from "../../../protocol/model.ts";
import { UserError } from "../../../protocol/errors.ts";
import type { Effort, Prices } from "../../../protocol/run.ts";
import type { GenerateOptions, LanguageModel, Message } from "../../ports.ts";
import { learn, newCapabilities, tooLongForModel } from "./capabilities.ts";
import { answerTokens, chatBody } from "./chatBody.ts";
import { chatReply, embeddingReply, modelList, tokensOf, type ChatReply, type ListedModel } from "./replies.ts";
import { createClock, type Clock } from "./clock.ts";
import { classify, neverSent, RequestTimeout } from "./failures.ts";
import { createLimiter, type Gate, type Limiter, type Sent } from "./limiter.ts";
import { createMeter, type Charge, type Meter } from "./meter.ts";
import { priceOf, type TokenCount } from "./prices.ts";
import type { SpendingCap } from "./spendingCap.ts";
import { createGenerateJson, type ChatOptions, type GenerateJson, type JsonFormat } from "./structuredOutput.ts";
import { createTransport, garbledIn, withoutKey } from "./transport.ts";

export interface OpenaiModelOptions {
  model: string;
  baseUrl: string;
  /** How much a reasoning model thinks; the model's own default when not given. */
  effort?: Effort | undefined;
  /** Null for servers that take none. It goes into the Authorization header and nowhere else. */
  apiKey: string | null;
  /** Shared with other models of the same account. */
  limiter?: Limiter;
  meter?: Meter;
  /** Shared with other models of the same run. */
  cap?: SpendingCap;
  /** Stand above the price table; needed for a spending limit at other endpoints. */
  prices?: Prices;
  /** Milliseconds one request may take, from sending to the last byte. */
  timeoutMs?: number;
  clock?: Clock;
  onNotice?: (text: string) => void;
  /** Told once of each thing the endpoint turns out not to accept, one sentence. */
  onLearnt?: (text: string) => void;
}

export interface OpenaiModel extends LanguageModel {
  readonly host: string;
  readonly generateJson: GenerateJson;
  /** One vector a text, as the endpoint's embedding model gives them. */
  embed(texts: readonly string[], embeddingModel: string, signal: AbortSignal): Promise<number[][]>;
  /** What `GET /models` lists; empty where the endpoint has no such list. */
  models(signal: AbortSignal): Promise<ListedModel[]>;
  /** True when an error has ended all requests of this model's limiter. */
  stopped(): boolean;
  usage(): Usage;
  /** What the endpoint turned out not to accept, one sentence each. */
  notes(): string[];
}

/** What one request may take, and whose limits it counts against. */
interface Limits {
  signal: AbortSignal;
  limitMs: number;
  tokens: number;
  ofModel?: string;
}

/** One try. `waiting` stops it before it is sent; the first call of `sending` starts its time limit. */
interface Turn {
  waiting: AbortSignal;
  open: Gate["open"];
  sending(): AbortSignal;
}

/** Services without a tokenizer at the gate count four characters as a token. */
const estimatedTokens = (sent: unknown): number => Math.ceil(Buffer.byteLength(JSON.stringify(sent)) / 4);

/** Tokens; the most an answer can cost where no limit can be sent. */
const longestAnswer = 16_000;
const textsAtOnce = 64;

export function createOpenaiModel(options: OpenaiModelOptions): OpenaiModel {
  const { model, baseUrl, effort, apiKey, clock = createClock(), onNotice = () => {}, timeoutMs = 120_000 } = options;
  const { host, hostname, protocol } = new URL(baseUrl);
  // Such a key cannot stand in a header, and the error of `fetch` would spell it out.
  if (apiKey !== null && !/^[\x21-\x7e]+$/.test(apiKey))
    throw new UserError("E_AUTH", "The API key has characters no key can have.");
  const local = /^(localhost|127\..*|\[::1\])$/.test(hostname);
  if (protocol === "http:" && apiKey !== null && !local)
    onNotice(`The key goes to ${host} unencrypted (http); use https if the service offers it.`);
  const limiter = options.limiter ?? createLimiter({ clock, onNotice });
  const meter = options.meter ?? createMeter(options.cap);
  const price = priceOf(model, baseUrl, options.prices);
  const known = newCapabilities();
  let everAnswered = false;
  const client = new OpenAI({
    apiKey: apiKey ?? "none",
    adminAPIKey: null,
    baseURL: baseUrl,
    organization: null,
    project: null,
    webhookSecret: null,
    maxRetries: 0,
    // Our own timer covers the body as well; this one only must not come first.
    timeout: 2 ** 31 - 1,
    logLevel: "off",
    fetch: createTransport(baseUrl, apiKey),
  });

  /** One request through limiter and meter. `attempt` builds it anew for each try; `tokens` are the most it can use. */
  function request<T>(
    attempt: (turn: Turn) => Promise<Sent<T>>,
    { signal, limitMs, tokens, ofModel = model }: Limits,
  ): Promise<T> {
    const send = async (gate: Gate): Promise<Sent<T>> => {
      let timer: AbortSignal | undefined;
      const sending = (): AbortSignal => AbortSignal.any([signal, (timer ??= AbortSignal.timeout(limitMs))]);
      try {
        return await attempt({ waiting: AbortSignal.any([signal, gate.closed]), open: gate.open, sending });
      } catch (error) {
        if (timer?.aborted && !signal.aborted)
          throw new RequestTimeout(`did not finish answering within ${Math.round(limitMs / 1000)} s`);
        throw error;
      }
    };
    return limiter.run({
      model: ofModel,
      tokens,
      send,
      signal,
      classify: (error, everSucceeded) => classify(error, host, model, everSucceeded, Date.now()),
    });
  }

  /** Sets the most a request can cost aside. The wait for it can outlast the moment in which it might be sent. */
  async function reserve(most: TokenCount, { waiting, open }: Turn, ofPrice = price): Promise<Charge> {
    const charge = await meter.reserve(ofPrice, most, waiting);
    try {
      await open();
      return charge;
    } catch (error) {
      charge.free();
      throw error;
    }
  }

  /** Sends, counts and reads. */
  async function charged<T>(
    charge: Charge,
    send: () => Promise<{ data: unknown; response: Response }>,
    read: (data: unknown) => T,
  ): Promise<Sent<T>> {
    let answer: { data: unknown; response: Response };
    try {
      answer = await send();
    } catch (error) {
      // What a service refuses it does not charge; of what failed inside it, nobody can say.
      const refused =
        error instanceof APIError && error.status !== undefined && error.status < 500 && error.status !== 408;
      if (refused || neverSent(error)) charge.free();
      else charge.unknown();
      throw error;
    }
    charge.settle(tokensOf(answer.data));
    const value = read(answer.data);
    everAnswered = true;
    return { value, headers: answer.response.headers };
  }

  async function chat(
    messages: readonly Message[],
    { signal, ...values }: ChatOptions,
    format: JsonFormat | null,
  ): Promise<ChatReply> {
    const attempt = async (turn: Turn): Promise<Sent<ChatReply>> => {
      for (;;) {
        const body = chatBody({ model, effort }, known, messages, values, format);
        const input = Buffer.byteLength(JSON.stringify(body));
        const output = known.lengthName ? answerTokens(values.maxTokens, effort, known) : longestAnswer;
        const charge = await reserve({ input, cachedInput: 0, output }, turn);
        try {
          return await charged(
            charge,
            () => client.chat.completions.create(body as never, { signal: turn.sending() }).withResponse(),
            (data) => chatReply(data, (text) => withoutKey(text, apiKey)),
          );
        } catch (error) {
          if (!(error instanceof APIError) || (error.status !== 400 && error.status !== 422)) throw error;
          const refusal = { param: error.param ?? "", text: `${error.code ?? ""} ${error.message}` };
          if (tooLongForModel(refusal.text)) return { value: { status: "too_long" }, headers: null };
          const before = known.notes.length;
          if (!learn(known, model, body, refusal)) throw error;
          known.notes.slice(before).forEach(options.onLearnt ?? onNotice);
        }
      }
    };
    const asked = chatBody({ model, effort }, known, messages, values, format);
    const tokens = estimatedTokens(asked) + answerTokens(values.maxTokens, effort, known);
    return request(attempt, { signal, limitMs: values.timeoutMs ?? timeoutMs, tokens });
  }

  const generateJson = createGenerateJson(chat, {
    host,
    everAnswered: () => everAnswered,
    clean: (text) => withoutKey(text, apiKey),
  });

  /** For callers without repairs: garbage becomes an error for people. */
  async function readable<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      const garbled = garbledIn(error);
      if (!garbled) throw error;
      throw new UserError(everAnswered ? "E_TEACHER_OUTPUT" : "E_ENDPOINT", `${host} ${garbled.message}.`);
    }
  }

  async function generate(messages: readonly Message[], generateOptions: GenerateOptions): Promise<Answer> {
    const {
      maxNewTokens,
      temperature,
      topP,
      seed,
      maxTime,
      signal = new AbortController().signal,
      onText,
    } = generateOptions;
    const begin = performance.now();
    const reply = await readable(
      chat(messages, { maxTokens: maxNewTokens, temperature, topP, seed, signal, timeoutMs: maxTime * 1000 }, null),
    );
    if (reply.status === "too_long") throw new UserError("E_TEACHER_OUTPUT", `The question is too long for ${model}.`);
    const text = reply.status === "refused" ? reply.reason : reply.text;
    onText?.(text);
    const cut = reply.status === "answered" && reply.cut;
    return { text, stop: cut ? "length" : "stop", tokens: reply.tokens, milliseconds: performance.now() - begin };
  }

  async function embed(texts: readonly string[], embeddingModel: string, signal: AbortSignal): Promise<number[][]> {
    const embeddingPrice = priceOf(embeddingModel, baseUrl, options.prices);
    const vectors: number[][] = [];
    for (let first = 0; first < texts.length; first += textsAtOnce) {
      const input = texts.slice(first, first + textsAtOnce);
      const send = async (turn: Turn) => {
        const most = { input: Buffer.byteLength(JSON.stringify(input)), cachedInput: 0, output: 0 };
        const charge = await reserve(most, turn, embeddingPrice);
        return charged(
          charge,
          () =>
            client.embeddings
              .create({ model: embeddingModel, input, encoding_format: "float" }, { signal: turn.sending() })
              .withResponse(),
          (data) => embeddingReply(data, input.length),
        );
      };
      const limits = { signal, limitMs: timeoutMs, tokens: estimatedTokens(input), ofModel: embeddingModel };
      vectors.push(...(await readable(request(send, limits))));
    }
    return vectors;
  }

  async function models(signal: AbortSignal): Promise<ListedModel[]> {
    const send = async ({ sending }: Turn) => {
      try {
        const { data, response } = await client.models.list({ signal: sending() }).withResponse();
        return { value: modelList(data), headers: response.headers };
      } catch (error) {
        if (error instanceof APIError && (error.status === 404 || error.status === 405))
          return { value: [], headers: null };
        throw error;
      }
    };
    return readable(request(send, { signal, limitMs: Math.min(timeoutMs, 20_000), tokens: 0, ofModel: "" }));
  }

  return {
    id: `${model}${effort ? ` with ${effort} effort` : ""}${hostname === "api.openai.com" ? "" : ` at ${hostname}`}`,
    host,
    generate,
    generateJson,
    embed,
    models,
    stopped: () => limiter.stopped,
    usage: () => meter.usage(),
    notes: () => [...known.notes],
  };
}
