/** What an endpoint's model turns out not to accept. Learnt from its refusals, once, and kept for all later requests. */

/** How a JSON answer is asked for, best first; the last one needs nothing of the endpoint. */
const jsonModes = ["json_schema", "json_object", "text"] as const;
export type JsonMode = (typeof jsonModes)[number];

/** The one of two modes that needs less of the endpoint. */
export function laterMode(a: JsonMode, b: JsonMode): JsonMode {
  return jsonModes.indexOf(a) > jsonModes.indexOf(b) ? a : b;
}

export interface Capabilities {
  jsonMode: JsonMode;
  lengthName: "max_tokens" | "max_completion_tokens" | null;
  /** Most tokens an answer may be asked to have; null when not known. */
  lengthLimit: number | null;
  leftOut: Set<string>;
  /** For people and for the run's record, one sentence each. */
  notes: string[];
}

export function newCapabilities(): Capabilities {
  return { jsonMode: "json_schema", lengthName: "max_tokens", lengthLimit: null, leftOut: new Set(), notes: [] };
}

/** Values that can be left out; the seed first, as few servers know it. */
const optional = ["seed", "temperature", "top_p", "reasoning_effort"];

/**
 * Changes `known` by what a refusal (status 400 or 422) of a request says.
 * True when another try can go better, false when the refusal is about something else.
 */
export function learn(
  known: Capabilities,
  model: string,
  sent: Readonly<Record<string, unknown>>,
  refusal: { param: string; text: string },
): boolean {
  if (tooLongForModel(refusal.text)) return false;
  const about = (name: string) =>
    refusal.param.split(/[.[]/)[0] === name || (refusal.param === "" && new RegExp(`\\b${name}\\b`).test(refusal.text));
  const lengthName = ["max_tokens", "max_completion_tokens"].find((name) => name in sent && about(name));
  if (lengthName) return learnLength(known, model, lengthName, Number(sent[lengthName]), refusal.text);
  if (
    "response_format" in sent &&
    (about("response_format") || /json_schema|json_object|structured output|grammar|guided/i.test(refusal.text))
  )
    return learnJson(known, model, sent);
  const name = optional.find((each) => each in sent && about(each));
  if (name) {
    note(known, !known.leftOut.has(name), `${model} refuses \`${name}\`; it is left out.`);
    known.leftOut.add(name);
    return true;
  }
  // Some servers refuse a response format without naming it.
  return "response_format" in sent && learnJson(known, model, sent);
}

/** Whether a refusal says that prompt and answer do not fit the model. */
export function tooLongForModel(text: string): boolean {
  return /context_length_exceeded|maximum context length|context window|prompt is too long|exceeds? the (available )?context/i.test(
    text,
  );
}

function learnLength(known: Capabilities, model: string, name: string, asked: number, text: string): boolean {
  const named = [...text.matchAll(/\b\d{2,7}\b/g)]
    .map(([digits]) => Number(digits))
    .filter((limit) => limit >= 16 && limit < asked);
  if (/too large|at most|less than or equal|maximum/i.test(text) && named.length > 0) {
    const limit = Math.max(...named);
    note(known, known.lengthLimit !== limit, `${model} writes at most ${limit} tokens at once.`);
    known.lengthLimit = limit;
    return true;
  }
  // Another request may have learnt it meanwhile.
  if (known.lengthName !== name) return true;
  known.lengthName = name === "max_tokens" ? "max_completion_tokens" : null;
  note(
    known,
    true,
    known.lengthName
      ? `${model} wants \`max_completion_tokens\` in place of \`max_tokens\`.`
      : `${model} takes no length limit; none is sent.`,
  );
  return true;
}

function learnJson(known: Capabilities, model: string, sent: Readonly<Record<string, unknown>>): boolean {
  const refused = (sent["response_format"] as { type?: unknown }).type as JsonMode;
  const next = jsonModes[jsonModes.indexOf(refused) + 1] ?? "text";
  if (jsonModes.indexOf(known.jsonMode) >= jsonModes.indexOf(next)) return true;
  known.jsonMode = next;
  note(
    known,
    true,
    `${model} refuses the response format \`${refused}\`; ${next === "text" ? "JSON is asked for in words" : `\`${next}\` is used`}.`,
  );
  return true;
}

function note(known: Capabilities, isNew: boolean, text: string): void {
  if (isNew && !known.notes.includes(text)) known.notes.push(text);
}
