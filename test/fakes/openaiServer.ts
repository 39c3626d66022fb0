/**
 * An OpenAI-compatible server on the loopback interface that answers from the section in the prompt, does
 * wrong on demand, and writes down every call. For tests only.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { perform, sendJson, tokensIn, type Behavior, type Call, type ChatBody } from "./openaiBehavior.ts";

export type { Behavior } from "./openaiBehavior.ts";

export interface FakeOptions {
  /** Asked for each call in turn; the default is always normal. */
  script?: (call: { number: number; body: ChatBody; path: string }) => Behavior | Promise<Behavior>;
  /** Parameters, and kinds of response format, that get a status 400. */
  refuses?: string[];
  /** The one key that is accepted. */
  key?: string;
  models?: string[];
  /** Requests a second and at once before a 429 without headers. */
  capacity?: { perSecond: number; burst: number };
  /** Milliseconds before a normal answer. */
  delayMs?: number;
}

export interface FakeServer {
  readonly baseUrl: string;
  readonly calls: Call[];
  /** Calls a service would have charged for. */
  paid(): Call[];
  close(): Promise<void>;
}

const models = ["gpt-4o-mini", "text-embedding-3-small"];

export async function startOpenaiServer(options: FakeOptions = {}): Promise<FakeServer> {
  const calls: Call[] = [];
  const started = performance.now();
  let tokens = options.capacity?.burst ?? 0;
  let filledAt = started;

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
    const call: Call = {
      number: calls.length + 1,
      at: performance.now() - started,
      path,
      headers: request.headers,
      body,
      behavior: "normal",
      paid: false,
      inputTokens: 0,
      outputTokens: 0,
    };
    calls.push(call);
    const behavior = await behaviorFor(call.number, path, body, request.headers.authorization);
    call.behavior = behavior.kind;
    if (options.delayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, options.delayMs));
    if (behavior.kind === "status") return perform(response, call, behavior);
    if (path.endsWith("/models"))
      return sendJson(response, 200, {
        object: "list",
        data: (options.models ?? models).map((id) => ({ id, object: "model" })),
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

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
