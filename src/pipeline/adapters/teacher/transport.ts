/**
 * The `fetch` the OpenAI client works with. It sends only the headers named here, follows no redirect to
 * another origin, reads the whole body at once (so one time-out covers it) and never lets the key back in.
 */
import { UserError } from "../../../protocol/errors.ts";

/** A successful status with a body that is no JSON object: a web page, nothing, half a message. */
export class GarbledResponse extends Error {
  readonly sample: string;
  constructor(what: string, sample: string) {
    super(what);
    this.sample = sample.slice(0, 2000);
  }
}

/** The garbage an error came of; the client wraps what its `fetch` throws. */
export function garbledIn(error: unknown): GarbledResponse | null {
  for (let each = error, depth = 0; depth < 8 && each instanceof Error; each = each.cause, depth++)
    if (each instanceof GarbledResponse) return each;
  return null;
}

/** Bytes; a chat answer of 16,000 tokens is far below, vectors need more. */
const chatLimit = 2_000_000;
const vectorLimit = 64_000_000;
/** Shorter keys are placeholders of local servers, such as "none", and may stand in any text. */
const shortestSecret = 12;
const hops = 3;

/** Takes every occurrence of the key out of a text. */
export function withoutKey(text: string, key: string | null): string {
  return key !== null && key.length >= shortestSecret ? text.replaceAll(key, "[key]") : text;
}

/**
 * @param key null sends no Authorization header.
 * @throws UserError E_ENDPOINT for a redirect to another origin; GarbledResponse.
 */
export function createTransport(baseUrl: string, key: string | null): typeof fetch {
  const { origin } = new URL(baseUrl);

  async function send(url: string, init: RequestInit, hopsLeft: number): Promise<Response> {
    const response = await fetch(url, init);
    if (response.status < 300 || response.status >= 400) return response;
    const location = response.headers.get("location");
    await response.body?.cancel();
    const target = location === null ? null : URL.parse(location, url);
    if (!target)
      throw new UserError("E_ENDPOINT", `${new URL(url).host} redirects to nowhere (status ${response.status}).`);
    if (target.origin !== origin)
      throw new UserError(
        "E_ENDPOINT",
        `${new URL(url).host} redirects to ${target.origin}; the key is not sent there. Use that address as base URL if it is the right one.`,
      );
    if (hopsLeft === 0) throw new UserError("E_ENDPOINT", `${new URL(url).host} redirects in a circle.`);
    return send(target.href, init, hopsLeft - 1);
  }

  return async (input, init = {}) => {
    const url = input instanceof Request ? input.url : String(input);
    if (new URL(url).origin !== origin) throw new Error("a request left the endpoint's origin");
    const headers = new Headers({ accept: "application/json", "user-agent": "distillery" });
    if (init.body != null) headers.set("content-type", "application/json");
    if (key !== null) headers.set("authorization", `Bearer ${key}`);
    const response = await send(url, { ...init, headers, redirect: "manual" }, hops);
    const body = await readBody(response, new URL(url).pathname.endsWith("/embeddings") ? vectorLimit : chatLimit);
    const text = withoutKey(body, key);
    const kept = new Headers(response.headers);
    for (const name of ["content-encoding", "content-length", "transfer-encoding"]) kept.delete(name);
    if (response.ok) {
      checkJson(text);
      // Some servers send JSON under another type; the client parses by type.
      kept.set("content-type", "application/json");
    }
    return new Response(text, { status: response.status, headers: kept });
  };
}

async function readBody(response: Response, limit: number): Promise<string> {
  if (!response.body) return "";
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > limit) throw new GarbledResponse(`sent more than ${limit / 1e6} MB`, text);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function checkJson(text: string): void {
  if (text.trim() === "") throw new GarbledResponse("sent an empty body", "");
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    // Not an error of ours: named by what it looks like.
    throw new GarbledResponse(/^\s*</.test(text) ? "sent a web page instead of JSON" : "sent broken JSON", text);
  }
  if (typeof data !== "object" || data === null) throw new GarbledResponse("sent JSON that is no object", text);
}
