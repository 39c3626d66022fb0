/** What a noun phrase says: a measure, a number of things, a name, a list of names, or any thing. */
import { baseOf, mayBeParticiple } from "./verbs.ts";
import { conjunctions, determiners, isNumber, prepositions, timeUnits } from "./words.ts";

export interface Value {
  kind: "measure" | "count" | "often" | "version" | "named" | "code" | "codes" | "number" | "thing";
  /** "opening angle", "unlock code": the noun the value belongs to; empty when it has none. */
  noun: string;
  /** "seconds", "current replicas of …": what is counted, with all that follows. */
  unit: string;
  time: boolean;
}

const determiner = String.raw`(?:(?:an?|the|its|their|every|each|all|only|both|some|one)\s+)*`;
const quantifier = String.raw`(?:(?:at most|at least|up to|about|exactly|nearly|roughly|almost|precisely|only|more than|less than|fewer than)\s+)?`;
const number = String.raw`([-+~]?\d[\d.,:/-]*%?|[a-z]+(?:-[a-z]+)?)`;
const code = "`[^`]+`";
const name = String.raw`(?:${code}|"[^"]+"|\p{Lu}[\p{L}\p{N}]*(?:[-.]\p{L}*[\p{L}\p{N}]+)+|\p{Lu}*\d[\p{L}\p{N}.-]*(?:\s\p{Lu}\w+)?|\d[\d.,-]*)`;

const measure = new RegExp(
  `^${determiner}((?:[\\p{Ll}\\p{N}-]+\\s)*[\\p{Ll}-]+) of ${quantifier}${number}\\s+(.+)$`,
  "u",
);
const counted = new RegExp(`^${determiner}${quantifier}${number}(?:\\s+(.+))?$`, "u");
const often = new RegExp(`^every ${number}\\s+(.+)$`, "u");
const version = /^(?:[\p{L}]+ )?v?\d+\.\d+(?:\.\d+)?$/u;
const called = new RegExp(
  `^${determiner}((?:[\\p{L}\\p{N}-]+\\s)*?[\\p{L}-]+) (?:called|named|marked|labelled|labeled|titled) (.+)$`,
  "u",
);
const nounAndName = new RegExp(
  `^${determiner}((?:[\\p{L}-]+\\s){1,4})${name}(?:(?:,? (?:and|or)|,) (?:${determiner})?${name}| and no other)*$`,
  "u",
);
const nameAndNoun = new RegExp(`^${determiner}${code}((?:\\s[\\p{L}-]+){1,3})$`, "u");
const codeList = new RegExp(`^${determiner}${code}(?:(?:,? (?:and|or)|,) (?:(?:an?|the)\\s)?${code})+$`, "u");

const colourName =
  /(?:^|\s)(?:red|blue|green|lilac|purple|violet|pink|orange|yellow|black|white|grey|gray|brown|amber|turquoise|silver|golden|crimson|scarlet|teal|magenta|cyan|beige|ivory|maroon|indigo)$/;
const otherWords = new Set(
  "one unset pending eligible immutable true false empty ready instead namely optional".split(" "),
);
/** Words that cannot be part of the noun a value belongs to. */
const notNoun = (word: string): boolean =>
  prepositions.has(word) ||
  determiners.has(word) ||
  conjunctions.has(word) ||
  otherWords.has(word) ||
  (baseOf(word, "gerund") !== null && word !== "setting" && word !== "string");

const value = (kind: Value["kind"], noun = "", unit = ""): Value => ({
  kind,
  noun: noun.trim(),
  unit,
  time: timeUnits.has(unit.split(" ")[0] ?? ""),
});

/** @param text a noun phrase without its preposition, code in backticks. */
export function readValue(text: string): Value {
  const [, everyNumber = "", everyUnit = ""] = often.exec(text) ?? [];
  if (isNumber(everyNumber)) return value("often", "", everyUnit);
  if (version.test(text) && /v\d/.test(text)) return value("version");
  const [, noun = "", amount = "", unit = ""] = measure.exec(text) ?? [];
  if (isNumber(amount) && !isNumber(noun.split(" ")[0] ?? "") && !/^(?:rest|end|side|part)$/.test(noun))
    return value("measure", noun, unit);
  if (colourName.test(text) && !/^(?:an?|the)\s/.test(text)) return value("named", "colour");
  const [, many = "", things = ""] = counted.exec(text) ?? [];
  if (isNumber(many) && !/^(?:1|one|half)$/.test(many) && !/\d|\bor\b/.test(things))
    return things ? value("count", "", things) : value("number");
  const [, title = ""] = called.exec(text) ?? [];
  if (title) return value("named", title);
  const [, before = ""] = nounAndName.exec(text) ?? [];
  if (before && !before.trim().split(" ").some(notNoun)) return value("named", before);
  if (codeList.test(text)) return value("codes");
  if (new RegExp(`^${determiner}${code}$`, "u").test(text)) return value("code");
  const [, after = ""] = nameAndNoun.exec(text) ?? [];
  if (after && !after.trim().split(" ").some(notNoun) && !mayBeParticiple(after.split(" ").at(-1) ?? ""))
    return value("named", after);
  return value("thing");
}

/** Whether the last noun of a phrase, or a list, is plural: "the brakes", "A and B". */
export function isPluralPhrase(text: string): boolean {
  if (/^(?:an?|each|every|one)\s/i.test(text)) return false;
  const head = text.replace(
    /\s(?:of|for|in|on|with|to|from|by|at|under|behind|inside|per|as|such|that|which)\s.*$/,
    "",
  );
  if (/\s(?:and)\s/.test(head)) return true;
  const last = head.split(" ").at(-1) ?? "";
  return !last.endsWith("`") && /[^su’']s$/.test(last) && !/(?:ss|us|is|ics|series|Kubernetes)$/.test(last);
}
