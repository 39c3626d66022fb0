/**
 * Verbs of technical prose and their forms. A sentence whose verb is not known here is not turned
 * into a question, so a missing verb costs a question and never its grammar.
 */
import { irregularVerbs, regularVerbs } from "./verbList.ts";

/** Longer verbs that double their last consonant before -ed and -ing. */
const doubling = new Set(
  "admit begin cancel commit compel control defer deter emit equip expel forbid forget occur omit permit prefer propel recur refer regret reset submit transfer unplug unwrap".split(
    " ",
  ),
);

export type VerbForm = "base" | "third" | "past" | "participle" | "gerund";

const irregularForms = new Map(
  irregularVerbs
    .replace(/\n/g, "")
    .split("|")
    .map((line) => {
      const [base = "", past = "", third = past] = line.trim().split(" ");
      return [base, { past, participle: third }] as const;
    }),
);

/** One short vowel and one consonant at the end of a one-syllable verb, or one of the longer ones listed. */
const stem = (base: string): string =>
  doubling.has(base) || /^[^aeiou]*[aeiou][bdgklmnprtvz]$/.test(base) ? base + base.slice(-1) : base;

/** "carry" → "carries". */
export function thirdPerson(base: string): string {
  if (base === "be") return "is";
  if (base === "have") return "has";
  if (/(?:s|x|z|ch|sh|o)$/.test(base)) return `${base}es`;
  return /[^aeiou]y$/.test(base) ? `${base.slice(0, -1)}ies` : `${base}s`;
}

/** "tighten" → "tightened", "write" → "written". */
export function participle(base: string): string {
  return irregularForms.get(base)?.participle ?? regularPast(base);
}

function regularPast(base: string): string {
  if (base.endsWith("e")) return `${base}d`;
  return /[^aeiou]y$/.test(base) ? `${base.slice(0, -1)}ied` : `${stem(base)}ed`;
}

/** "set" → "setting". */
export function gerund(base: string): string {
  if (base.endsWith("ie")) return `${base.slice(0, -2)}ying`;
  return /[^eoy]e$/.test(base) ? `${base.slice(0, -1)}ing` : `${stem(base)}ing`;
}

const forms = new Map<string, { base: string; form: VerbForm }[]>();
function addForm(text: string, base: string, form: VerbForm): void {
  const entries = forms.get(text) ?? [];
  if (!entries.some((entry) => entry.form === form && entry.base === base)) entries.push({ base, form });
  forms.set(text, entries);
}
for (const base of new Set([...regularVerbs.trim().split(/\s+/), ...irregularForms.keys()])) {
  if (base === "be") continue;
  addForm(base, base, "base");
  addForm(thirdPerson(base), base, "third");
  addForm(irregularForms.get(base)?.past ?? regularPast(base), base, "past");
  addForm(participle(base), base, "participle");
  addForm(gerund(base), base, "gerund");
}

/** The base of `word` when it can be that form of a known verb, else null. */
export function baseOf(word: string, form: VerbForm): string | null {
  const lower = word.toLowerCase();
  const known = forms.get(lower)?.find((entry) => entry.form === form)?.base;
  if (known) return known;
  // "refetches", "deactivates", "preallocates": a prefix on a known verb.
  const [, prefix, rest] = /^(re|de|un|pre|over|auto|mis|dis)-?([a-z]{4,})$/.exec(lower) ?? [];
  const inner = rest ? forms.get(rest)?.find((entry) => entry.form === form)?.base : undefined;
  return prefix && inner ? lower.slice(0, lower.length - (rest as string).length) + inner : null;
}

/** Whether a word may stand as a past participle: known verbs, and every other word in -ed. */
export const mayBeParticiple = (word: string): boolean =>
  baseOf(word, "participle") !== null || /[a-z]{3}ed$/.test(word);
