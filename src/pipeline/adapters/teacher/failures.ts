/** What a failed request means: its code for people, and whether another try makes sense. */
import { APIConnectionError, APIError } from "openai";
import { UserError } from "../../../protocol/errors.ts";
import type { Verdict } from "./limiter.ts";
import { garbledIn } from "./transport.ts";
import { askedWait } from "./waits.ts";

/** The whole request took longer than it may. It may have been paid for. */
export class RequestTimeout extends Error {}

/** Tries an item gets when the service fails; being told to slow down is not the item's fault and gives one more. */
const tries = 6;
const triesWhenBusy = 7;
/** A wrong address shows at once: as long as nothing has ever come back, little patience is due. */
const triesUnreached = 2;

const quota = /insufficient_quota|billing_hard_limit|exceeded your current quota|credit balance|out of credits?/i;
const unknownModel =
  /model_not_found|\bmodel\b.*(not found|not exist|unknown|not supported|invalid|unavailable)|unknown model|invalid model|no such model/is;
const certificate = /^(CERT_|ERR_TLS|ERR_SSL|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO)/;
const unreached = new Set(["ENOTFOUND", "ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT"]);

const final = (code: ConstructorParameters<typeof UserError>[0], sentence: string): Verdict => ({
  kind: "final",
  error: new UserError(code, sentence),
  all: true,
});

/**
 * @param host of the endpoint, for the sentences.
 * @param now milliseconds, for waits given as a date.
 */
export function classify(error: unknown, host: string, model: string, everSucceeded: boolean, now: number): Verdict {
  for (const each of causes(error)) if (each instanceof UserError) return { kind: "final", error: each, all: true };
  const garbled = garbledIn(error);
  if (garbled) return { kind: "final", error: garbled, all: false };
  if (error instanceof RequestTimeout) return again("E_SERVICE", `${host} ${error.message}`, null, tries);
  if (error instanceof APIConnectionError) return connection(error, host, everSucceeded);
  if (error instanceof APIError && error.status !== undefined) return answered(error, error.status, host, model, now);
  return { kind: "final", error, all: false };
}

/** True when the request cannot have reached the service, and so cost nothing. */
export function neverSent(error: unknown): boolean {
  const code = codeOf(error);
  return unreached.has(code) || code === "EAI_AGAIN" || certificate.test(code);
}

const again = (
  code: "E_SERVICE" | "E_ENDPOINT",
  sentence: string,
  askedMs: number | null,
  maxTries: number,
  everyone = false,
): Verdict => ({
  kind: "again",
  everyone,
  askedMs,
  maxTries,
  code,
  sentence,
});

function answered(error: APIError, status: number, host: string, model: string, now: number): Verdict {
  const text = `${error.code ?? ""} ${error.type ?? ""} ${error.message}`;
  const said = saidBy(error);
  const asked = error.headers instanceof Headers ? askedWait(error.headers, now) : null;
  if (status === 402 || (status === 429 && quota.test(text)))
    return final("E_QUOTA", `The account at ${host} has no credit left.`);
  if (status === 401) return final("E_AUTH", `${host} does not accept the API key (status 401).`);
  if (status === 403) return final("E_AUTH", `${host} refuses this key access (status 403)${said}.`);
  if ((status === 404 || status === 400) && unknownModel.test(text))
    return final("E_MODEL_NAME", `${host} has no model "${model}"${said}.`);
  if (status === 407) return final("E_ENDPOINT", `A proxy in front of ${host} asks for a sign-in (status 407).`);
  if (status === 404)
    return final("E_ENDPOINT", `${host} has no such address (status 404); the base URL usually ends in /v1.`);
  if (status === 429)
    return again(
      "E_SERVICE",
      `${host} answered that there are too many requests (status 429)`,
      asked,
      triesWhenBusy,
      true,
    );
  if (status >= 500 || status === 408 || status === 409 || status === 425)
    return again("E_SERVICE", `${host} answered with status ${status}`, asked, tries, status === 529);
  return final("E_ENDPOINT", `${host} refuses the request (status ${status})${said}.`);
}

function connection(error: APIConnectionError, host: string, everSucceeded: boolean): Verdict {
  const code = codeOf(error);
  if (certificate.test(code)) return final("E_ENDPOINT", `The certificate of ${host} cannot be trusted (${code}).`);
  // `fetch` turns status 407 into an error that says nothing at all.
  if (code === "" && [...causes(error)].some((each) => each instanceof Error && each.message === ""))
    return again(
      "E_ENDPOINT",
      `The connection to ${host} ends without a reason, as it does when a proxy asks for a sign-in (status 407)`,
      null,
      triesUnreached,
    );
  const sentence = sentences[code]?.(host) ?? `The connection to ${host} broke${code ? ` (${code})` : ""}`;
  return again("E_ENDPOINT", sentence, null, unreached.has(code) && !everSucceeded ? triesUnreached : tries);
}

const sentences: Readonly<Record<string, (host: string) => string>> = {
  ENOTFOUND: (host) => `There is no computer named ${host} (ENOTFOUND)`,
  EAI_AGAIN: (host) => `The name ${host} cannot be looked up; the network seems to be down (EAI_AGAIN)`,
  ECONNREFUSED: (host) => `Nothing answers at ${host} (ECONNREFUSED)`,
  ENETUNREACH: (host) => `The network of ${host} cannot be reached (ENETUNREACH)`,
  EHOSTUNREACH: (host) => `${host} cannot be reached (EHOSTUNREACH)`,
  ECONNRESET: (host) => `${host} broke the connection (ECONNRESET)`,
  UND_ERR_CONNECT_TIMEOUT: (host) => `${host} does not accept the connection (UND_ERR_CONNECT_TIMEOUT)`,
};

/** The first system or library code among an error's causes; empty when there is none. */
function codeOf(error: unknown): string {
  for (const each of causes(error)) {
    const code = (each as { code?: unknown }).code;
    if (typeof code === "string" && code !== "") return code;
  }
  return "";
}

function* causes(error: unknown): Generator<object> {
  let each = error;
  for (let depth = 0; depth < 8 && typeof each === "object" && each !== null; depth++) {
    yield each;
    if (each instanceof AggregateError) yield* causes(each.errors[0]);
    each = (each as { cause?: unknown }).cause;
  }
}

/** What the service says about it, cut short and on one line; the transport took the key out already. */
function saidBy(error: APIError): string {
  const message = (error.error as { message?: unknown } | undefined)?.message;
  if (typeof message !== "string" || message.trim() === "") return "";
  const line = message.replace(/\s+/g, " ").trim().replace(/\.$/, "");
  return `: ${line.length > 200 ? `${line.slice(0, 200)}…` : line}`;
}
