/**
 * An OpenAI-compatible server on the loopback interface that answers from the section in the prompt, does
 * wrong on demand, and writes down every call. For tests only.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { perform, sendJson, tokensIn, type Behavior, type Call, type ChatBody } from "./openaiBehavior.ts";
import { createRateLimits, type RateLimits } from "./rateLimits.ts";

export type { Behavior } from "./openaiBehavior.ts";

export interface FakeOptions {
  /** Asked for each call in turn; the default is always normal. */
  script?: (call: { number: number; body: ChatBody; path: string }) => Behavior | Promise<Behavior>;
  /** Parameters, and kinds of response format, that get a status 400. */
  refuses?: string[];
  /** The one key that is accepted. */
  key?: string;
  models?: string[];
  /** The day the models are switched off, in whatever form. */
  shutdownDate?: unknown;
  /** What else the list says of each model. */
  listed?: Record<string, unknown>;
  /** Requests a second and at once before a 429 without headers. */
  capacity?: { perSecond: number; burst: number };
  /** Limits the server keeps and states in its headers. */
  limits?: RateLimits;
  /** Milliseconds before an answer; of the number of the call. */
  delayMs?: number | ((number: number) => number);
}

export interface FakeServer {
  readonly baseUrl: string;
  readonly calls: Call[];
  /** Calls a service would have charged for. */
  paid(): Call[];
  /** Calls that came before the time a refusal by `limits` had named. */
  early(): number;
  close(): Promise<void>;
}

const models = ["gpt-4o-mini", "text-embedding-3-small"];

export async function startOpenaiServer(options: FakeOptions = {}): Promise<FakeServer> {
  const calls: Call[] = [];
  const started = performance.now();
  let tokens = options.capacity?.burst ?? 0;
  let filledAt = started;
  const rates = options.limits ? createRateLimits(options.limits, () => performance.now()) : null;

  function overCapacity(): boolean {
    if (!options.capacity) return false;
    const now = performance.now();
    tokens = Math.min(options.capacity.burst, tokens + ((now - filledAt) / 1000) * options.capacity.perSecond);
    filledAt = now;
    if (tokens < 1) return true;
    tokens -= 1;
    return false;
  }

  async function behaviorFor(
    number: number,
    path: string,
    body: ChatBody,
    authorization: string | undefined,
  ): Promise<Behavior | { kind: "refused"; param: string }> {
    if (options.key !== undefined && authorization !== `Bearer ${options.key}`)
      return {
        kind: "status",
        status: 401,
        error: { message: `Incorrect API key provided: ${authorization?.slice(7)}`, code: "invalid_api_key" },
      };
    if (overCapacity()) return { kind: "status", status: 429 };
    const scripted = (await options.script?.({ number, body, path })) ?? { kind: "normal" };
    if (scripted.kind !== "normal") return scripted;
    if (body.model !== undefined && !(options.models ?? models).includes(body.model))
      return {
        kind: "status",
        status: 404,
        error: { message: `The model \`${body.model}\` does not exist`, code: "model_not_found" },
      };
    const param = options.refuses?.find((name) => name in body || body.response_format?.type === name);
    return param === undefined ? scripted : { kind: "refused", param };
  }

  const server = createServer(async (request, response) => {
    const path = request.url ?? "";
    const text = await readText(request);
    const body = (text === "" ? {} : JSON.parse(text)) as ChatBody;
    const asked = tokensAsked(body);
    const admission = rates?.admit(asked) ?? { admitted: true, headers: {} };
    for (const [name, value] of Object.entries(admission.headers)) response.setHeader(name, value);
    const call: Call = {
      number: calls.length + 1,
      at: performance.now() - started,
      path,
      headers: request.headers,
      body,
      behavior: "normal",
      admitted: admission.admitted,
      tokensAsked: asked,
      paid: false,
      inputTokens: 0,
      outputTokens: 0,
    };
    calls.push(call);
    const behavior: Awaited<ReturnType<typeof behaviorFor>> = admission.admitted
      ? await behaviorFor(call.number, path, body, request.headers.authorization)
      : { kind: "status", status: 429 };
    call.behavior = behavior.kind;
    const delay = typeof options.delayMs === "function" ? options.delayMs(call.number) : options.delayMs;
    if (delay !== undefined && admission.admitted) await new Promise((resolve) => setTimeout(resolve, delay));
    if (behavior.kind === "status") return perform(response, call, behavior);
    if (path.endsWith("/models"))
      return sendJson(response, 200, {
        object: "list",
        data: (options.models ?? models).map((id) => ({
          ...{ id, object: "model", shutdown_date: options.shutdownDate },
          ...options.listed,
        })),
      });
    if (behavior.kind === "refused") {
      const param = behavior.param.startsWith("json_") ? "response_format" : behavior.param;
      return sendJson(response, 400, {
        error: {
          message: `Unsupported value: '${behavior.param}' is not supported with this model.`,
          type: "invalid_request_error",
          param,
          code: "unsupported_parameter",
        },
      });
    }
    if (path.endsWith("/embeddings")) return sendEmbeddings(response, call, behavior);
    if (!path.endsWith("/chat/completions")) return sendJson(response, 404, { error: { message: "no such address" } });
    perform(response, call, behavior);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    calls,
    paid: () => calls.filter(({ paid }) => paid),
    early: () => rates?.early() ?? 0,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function sendEmbeddings(response: ServerResponse, call: Call, behavior: Behavior): void {
  if (behavior.kind !== "normal") return perform(response, call, behavior);
  const input = call.body.input ?? [];
  call.paid = true;
  call.inputTokens = tokensIn(input.join(" "));
  // Backwards, as the order is told by `index` alone.
  const data = input.map((text, index) => ({ object: "embedding", index, embedding: vectorOf(text) })).reverse();
  sendJson(response, 200, {
    object: "list",
    data,
    model: call.body.model,
    usage: { prompt_tokens: call.inputTokens, total_tokens: call.inputTokens },
  });
}

/** Counts of letters: texts with the same letters are alike. */
function vectorOf(text: string): number[] {
  const vector = Array.from({ length: 27 }, () => 0.01);
  for (const letter of text.toLowerCase()) {
    const place = letter.charCodeAt(0) - 97;
    const index = place >= 0 && place < 26 ? place : 26;
    vector[index] = (vector[index] ?? 0) + 1;
  }
  return vector;
}

/** What a request counts against a limit of tokens, as OpenAI does it: the prompt by its characters, and the most asked for. */
function tokensAsked({ messages = [], max_tokens = 0, max_completion_tokens = 0 }: ChatBody): number {
  const prompt = messages.map(({ content }) => content).join("\n");
  return tokensIn(prompt) + Math.max(max_tokens, max_completion_tokens);
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
