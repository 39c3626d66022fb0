/** What the fake server can do with a request, right and wrong, and what it writes down of it. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { answerFor } from "./openaiAnswers.ts";

/** What the server does with one request. */
export type Behavior =
  | { kind: "normal" }
  | {
      kind: "status";
      status: number;
      headers?: Record<string, string>;
      error?: { message?: string; code?: string; type?: string; param?: string };
    }
  | { kind: "quota" }
  | { kind: "redirect"; to: string; status?: number }
  /** Nothing, not even headers; headers and half a body; one byte a second; half a body, then the socket is gone. */
  | { kind: "hangBeforeHeaders" | "hangInBody" | "slowBody" | "cut" | "reset" | "wrongLength" }
  /** Bodies that are no chat completion. */
  | { kind: "html" | "empty" | "brokenEnvelope" | "huge" | "hiddenError" }
  /** Chat completions with unusable or odd content. */
  | { kind: "truncatedJson" | "fenced" | "trailingText" | "wrongShape" | "emptyContent" | "echoKey" }
  | { kind: "length" | "contentFilter" | "refusal" | "noUsage" }
  | { kind: "content"; text: string };

export interface Call {
  number: number;
  /** Milliseconds since the server started. */
  at: number;
  path: string;
  headers: IncomingMessage["headers"];
  body: ChatBody;
  behavior: Behavior["kind"] | "refused";
  /** False when a limit of the server's own kept it out. */
  admitted: boolean;
  /** What it counts against a limit of tokens. */
  tokensAsked: number;
  /** True when a real service would have charged for it, even where the answer never arrived. */
  paid: boolean;
  inputTokens: number;
  outputTokens: number;
}

export interface ChatBody {
  model?: string;
  messages?: { role: string; content: string }[];
  response_format?: { type: string };
  max_tokens?: number;
  max_completion_tokens?: number;
  temperature?: number;
  input?: string[];
  [name: string]: unknown;
}

export const tokensIn = (text: string): number => Math.ceil(text.length / 4);

/** The normal content of a chat completion, with what the behavior does to it. */
function contentOf(call: Call, behavior: Behavior): string {
  const content = answerFor(call.body.messages ?? [], call.body.response_format !== undefined);
  const key = call.headers.authorization?.slice(7) ?? "";
  const changed: Partial<Record<Behavior["kind"], string>> = {
    truncatedJson: content.slice(0, content.length / 2),
    fenced: `Here you are:\n\`\`\`json\n${content}\n\`\`\``,
    trailingText: `${content}\nI hope {this} helps!`,
    wrongShape: JSON.stringify({ families: "none", answer: 7 }),
    emptyContent: "",
    echoKey: `The key is ${key}. ${content}`,
    length: content.slice(0, 20),
  };
  return behavior.kind === "content" ? behavior.text : (changed[behavior.kind] ?? content);
}

function completion(call: Call, behavior: Behavior): string {
  const content = contentOf(call, behavior);
  call.paid = true;
  call.inputTokens = tokensIn(JSON.stringify(call.body));
  call.outputTokens = tokensIn(content);
  const finish = behavior.kind === "length" ? "length" : behavior.kind === "contentFilter" ? "content_filter" : "stop";
  const refused = behavior.kind === "refusal";
  return JSON.stringify({
    id: `chatcmpl-${call.number}`,
    object: "chat.completion",
    model: call.body.model,
    choices: [
      {
        index: 0,
        finish_reason: finish,
        message: {
          role: "assistant",
          content: refused ? null : content,
          refusal: refused ? "I cannot help with that." : null,
        },
      },
    ],
    ...(behavior.kind === "noUsage"
      ? {}
      : {
          usage: {
            prompt_tokens: call.inputTokens,
            completion_tokens: call.outputTokens,
            total_tokens: call.inputTokens + call.outputTokens,
          },
        }),
  });
}

export function perform(response: ServerResponse, call: Call, behavior: Behavior): void {
  switch (behavior.kind) {
    case "status":
      return sendJson(
        response,
        behavior.status,
        { error: { message: `status ${behavior.status}`, ...behavior.error } },
        behavior.headers,
      );
    case "quota":
      return sendJson(response, 429, {
        error: {
          message: "You exceeded your current quota, please check your plan.",
          type: "insufficient_quota",
          code: "insufficient_quota",
        },
      });
    case "redirect":
      response.writeHead(behavior.status ?? 307, { location: behavior.to }).end();
      return;
    case "reset":
      response.socket?.resetAndDestroy();
      return;
    case "html":
      response
        .writeHead(200, { "content-type": "text/html" })
        .end("<!doctype html><title>Sign in to the network</title>");
      return;
    case "empty":
      response.writeHead(200, { "content-type": "application/json" }).end();
      return;
    case "huge":
      response.writeHead(200, { "content-type": "application/json" }).end(`{"choices":"${"x".repeat(5_000_000)}"}`);
      return;
    case "hiddenError":
      return sendJson(response, 200, { error: { message: "upstream is down", code: 503 } });
    default:
      sendCompletion(response, completion(call, behavior), behavior.kind);
  }
}

function sendCompletion(response: ServerResponse, body: string, kind: Behavior["kind"]): void {
  const half = body.slice(0, body.length / 2);
  const type = { "content-type": "application/json" };
  // These leave the response open: the client has to give up.
  if (kind === "hangBeforeHeaders") return;
  if (kind === "hangInBody") return void response.writeHead(200, type).write(half);
  if (kind === "slowBody") {
    response.writeHead(200, type);
    let sent = 0;
    const timer = setInterval(() => response.write(body.charAt(sent++)), 1000);
    response.on("close", () => clearInterval(timer));
    return;
  }
  if (kind === "cut") return void response.writeHead(200, type).write(half, () => response.socket?.destroy());
  if (kind === "wrongLength") {
    response.writeHead(200, { ...type, "content-length": String(Buffer.byteLength(body) + 100) });
    return void response.write(body, () => response.socket?.end());
  }
  if (kind === "brokenEnvelope") return void response.writeHead(200, type).end(half);
  response.writeHead(200, type).end(body);
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}
