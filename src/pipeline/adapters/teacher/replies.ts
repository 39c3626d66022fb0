/** What endpoints send back, read with care: servers differ in what they leave out. */
import { APIError } from "openai";
import { z } from "zod";
import type { TokenCount } from "./prices.ts";
import { GarbledResponse } from "./transport.ts";

export type ChatReply =
  /** `cut`: ended by the length limit. */
  | { status: "answered"; text: string; cut: boolean; tokens: number }
  | { status: "refused"; reason: string; tokens: number }
  /** Prompt and answer do not fit the model. */
  | { status: "too_long" };

const chatSchema = z.object({
  choices: z
    .array(
      z.object({
        finish_reason: z.string().nullish(),
        message: z.object({
          content: z.union([z.string(), z.array(z.object({ text: z.string().optional() }))]).nullish(),
          refusal: z.string().nullish(),
        }),
      }),
    )
    .min(1),
});

/**
 * @param clean takes the key out of texts.
 * @throws GarbledResponse when it is no chat completion; APIError when it is an error with status 200.
 */
export function chatReply(data: unknown, clean: (text: string) => string): ChatReply {
  throwHiddenError(data);
  const parsed = chatSchema.safeParse(data);
  const choice = parsed.data?.choices[0];
  if (!choice) throw new GarbledResponse("sent JSON that is no chat completion", JSON.stringify(data));
  const { content, refusal } = choice.message;
  const tokens = tokensOf(data)?.output ?? 0;
  if (refusal) return { status: "refused", reason: clean(refusal), tokens };
  if (choice.finish_reason === "content_filter")
    return { status: "refused", reason: "The service's content filter held the answer back.", tokens };
  const text = typeof content === "string" ? content : (content ?? []).map((part) => part.text ?? "").join("");
  // Lone surrogates and NUL cannot be stored as they are.
  return {
    status: "answered",
    text: clean(text.toWellFormed().replaceAll("\0", "")),
    cut: choice.finish_reason === "length",
    tokens,
  };
}

const vectorSchema = z.object({
  data: z.array(z.object({ index: z.int().optional(), embedding: z.array(z.number()) })),
});

/** @throws GarbledResponse when it is not `count` vectors of one length. */
export function embeddingReply(data: unknown, count: number): number[][] {
  throwHiddenError(data);
  const rows = vectorSchema.safeParse(data).data?.data ?? [];
  const sorted = rows.map((row, position) => ({ place: row.index ?? position, row })).sort((a, b) => a.place - b.place);
  const vectors = sorted.map(({ row }) => row.embedding);
  const size = vectors[0]?.length ?? 0;
  if (vectors.length !== count || size === 0 || vectors.some((vector) => vector.length !== size))
    throw new GarbledResponse("sent JSON that holds no vectors", JSON.stringify(data).slice(0, 2000));
  return vectors;
}

/** A model of the list, as far as its provider tells. */
export interface ListedModel {
  id: string;
  /** The day its provider switches it off (YYYY-MM-DD). */
  shutdown: string | null;
  /** The model its provider names in its place. */
  successor: string | null;
}

/** OpenAI writes `shutdown_date`; Mistral writes `deprecation`, and names the model that comes after. */
const modelSchema = z.object({
  data: z.array(
    z.object({
      id: z.string(),
      shutdown_date: z.unknown().optional(),
      deprecation: z.unknown().optional(),
      deprecation_replacement_model: z.unknown().optional(),
    }),
  ),
});

/** A name that is shown as part of a command: nothing a shell would read as more than a word. */
const nameSchema = z.string().regex(/^[\w@][\w.:/@+-]{0,199}$/);

/** A date as text, or in seconds since 1970; anything else is no reason to lose the list. */
function dayOf(date: unknown): string | null {
  const time = typeof date === "number" ? date * 1000 : typeof date === "string" ? Date.parse(date) : NaN;
  return Number.isNaN(time) || Math.abs(time) > 8e15 ? null : new Date(time).toISOString().slice(0, 10);
}

/** @throws GarbledResponse when it is no list of models. */
export function modelList(page: unknown): ListedModel[] {
  const rows = modelSchema.safeParse(page).data?.data;
  if (!rows) throw new GarbledResponse("sent JSON that is no list of models", "");
  return rows.map(({ id, shutdown_date, deprecation, deprecation_replacement_model }) => ({
    id,
    shutdown: dayOf(shutdown_date) ?? dayOf(deprecation),
    successor: nameSchema.safeParse(deprecation_replacement_model).data ?? null,
  }));
}

const count = z.int().nonnegative();
const usageSchema = z.object({
  usage: z.object({
    prompt_tokens: count,
    completion_tokens: count.nullish(),
    prompt_tokens_details: z.object({ cached_tokens: count.nullish() }).nullish(),
  }),
});

/** The tokens a reply says it used; null when it does not say. */
export function tokensOf(data: unknown): TokenCount | null {
  const usage = usageSchema.safeParse(data).data?.usage;
  // Vectors have no output; a chat answer that tells of none leaves its cost unknown.
  const isChat = typeof data === "object" && data !== null && "choices" in data;
  if (!usage || (isChat && typeof usage.completion_tokens !== "number")) return null;
  const cachedInput = Math.min(usage.prompt_tokens, usage.prompt_tokens_details?.cached_tokens ?? 0);
  return { input: usage.prompt_tokens, cachedInput, output: usage.completion_tokens ?? 0 };
}

/** Some gateways send errors with status 200. */
function throwHiddenError(data: unknown): void {
  if (typeof data !== "object" || data === null || !("error" in data) || !data.error) return;
  const { code } = data.error as { code?: unknown };
  const status = typeof code === "number" && code >= 400 && code < 600 ? code : 502;
  throw APIError.generate(status, data, undefined, new Headers());
}
