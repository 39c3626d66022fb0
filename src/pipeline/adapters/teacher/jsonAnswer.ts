/** JSON in a model's answer: how it is asked for, how it is found, and what is told when it is wrong. */
import { z } from "zod";

/** JSON Schema as strict structured output takes it: without the bounds not every endpoint knows. */
export function wireSchema(schema: z.ZodType): Record<string, unknown> {
  const bounds = new Set([
    "$schema",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "pattern",
    "minimum",
    "maximum",
  ]);
  const strip = (value: unknown, isMap: boolean): unknown => {
    if (Array.isArray(value)) return value.map((each) => strip(each, false));
    if (typeof value !== "object" || value === null) return value;
    const entries = Object.entries(value).filter(([key]) => isMap || !bounds.has(key));
    // Under `properties` the keys are names of fields, whatever they look like.
    return Object.fromEntries(entries.map(([key, each]) => [key, strip(each, !isMap && key === "properties")]));
  };
  return strip(z.toJSONSchema(schema), false) as Record<string, unknown>;
}

/** The instruction for endpoints that are given no schema otherwise. */
export function inWords(schema: Record<string, unknown>): string {
  return `Answer with one JSON object and nothing else. It must fit this JSON Schema:\n${JSON.stringify(schema)}`;
}

export type Parsed<T> = { ok: true; value: T } | { ok: false; reason: string };

/** The value in an answer, checked. Reads bare JSON, JSON in a code fence, and JSON with text around it. */
export function parseAnswer<T>(text: string, schema: z.ZodType<T>): Parsed<T> {
  const bare = text.replace(/^\s*<think>[\s\S]*?<\/think>/, "").trim();
  if (bare === "") return { ok: false, reason: "The answer was empty." };
  const data = candidates(bare)
    .map(parsed)
    .find((each) => each !== undefined);
  if (data === undefined) return { ok: false, reason: "The answer was no complete JSON object." };
  const checked = schema.safeParse(data);
  if (checked.success) return { ok: true, value: checked.data };
  return { ok: false, reason: z.prettifyError(checked.error).slice(0, 1000) };
}

function candidates(text: string): string[] {
  const fenced = [...text.matchAll(/```(?:json)?\s*\n?([\s\S]*?)```/gi)].map(([, inside]) => inside ?? "");
  const first = text.indexOf("{");
  const balanced = first === -1 ? null : balancedObject(text, first);
  return [text, ...fenced, ...(balanced === null ? [] : [balanced])];
}

/** The object that begins at `start`, up to its closing brace; null when it has none. */
function balancedObject(text: string, start: number): string | null {
  let depth = 0;
  let inString = false;
  for (let index = start; index < text.length; index++) {
    const character = text[index];
    if (inString) {
      if (character === "\\") index += 1;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === "{") depth += 1;
    else if (character === "}" && --depth === 0) return text.slice(start, index + 1);
  }
  return null;
}

function parsed(text: string): unknown {
  try {
    const data: unknown = JSON.parse(text);
    return typeof data === "object" && data !== null ? data : undefined;
  } catch {
    // The next candidate may parse.
    return undefined;
  }
}
