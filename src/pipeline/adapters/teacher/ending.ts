/** When a provider switches a model off, and which model comes after it, by the endpoint's own list of models. */
import { z } from "zod";
import type { JudgeModel } from "../../../protocol/run.ts";
import { undated } from "./prices.ts";
import type { ListedModel } from "./replies.ts";

export const endingSchema = z.object({
  model: z.string(),
  /** YYYY-MM-DD */
  day: z.string(),
  /** `source` says who names it, for people. */
  successor: z.object({ model: z.string(), source: z.string() }).nullable(),
});
export type Ending = z.infer<typeof endingSchema>;

/**
 * What https://developers.openai.com/api/docs/deprecations recommended on 27 October 2026, for api.openai.com alone:
 * its list of models tells the day and names no successor.
 */
const openaiSuccessors: Readonly<Record<string, string>> = {
  "gpt-4o": "gpt-6-luna",
  "gpt-4o-mini": "gpt-6-luna",
  "gpt-4.1": "gpt-6-luna",
  "gpt-4.1-mini": "gpt-6-luna",
};

/** Null when the list names no day for the model. A successor is named only where one can be asked. */
export function endingOf(listed: readonly ListedModel[], { model, baseUrl }: JudgeModel): Ending | null {
  const entry = listed.find(({ id }) => id === model);
  if (!entry?.shutdown) return null;
  return { model, day: entry.shutdown, successor: successorOf(entry, listed, baseUrl) };
}

function successorOf(
  { id, successor }: ListedModel,
  listed: readonly ListedModel[],
  baseUrl: string,
): Ending["successor"] {
  const { hostname, host } = new URL(baseUrl);
  if (successor && successor !== id) return { model: successor, source: `${host} names it as the successor.` };
  const known = hostname === "api.openai.com" ? openaiSuccessors : {};
  const model = Object.hasOwn(known, undated(id)) ? known[undated(id)] : undefined;
  // What was published then may have ended by now: the list of today decides.
  if (!model || !listed.some((each) => each.id === model && each.shutdown === null)) return null;
  return { model, source: "OpenAI's page on deprecations named it as the successor (27 October 2026)." };
}

/** For people. `flag` is the one that chooses the model on the command line. */
export function endingNotice({ model, day, successor }: Ending, flag?: string): string {
  const sentences = [`The provider switches ${model} off on ${day}.`];
  if (successor) sentences.push(`${successor.model}: ${successor.source}`);
  if (successor && flag) sentences.push(`${flag} ${successor.model} uses it.`);
  return sentences.join(" ");
}
