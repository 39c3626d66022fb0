/** What a clause can be asked for: which piece of it is the answer, and how good a question that makes. */
import type { Clause } from "./english/clause.ts";
import type { Element } from "./english/predicate.ts";
import { nounPhraseEnd, slice, tokensOf } from "./english/tokens.ts";
import { isPluralPhrase, readValue, type Value } from "./english/values.ts";
import { baseOf } from "./english/verbs.ts";

/** An opening of a question. `strand` is the preposition left at the gap: "What … to?" */
export interface Opening {
  front: string;
  strand: string;
  plural: boolean;
}

export type Gap = { at: "element"; index: number } | { at: "subject" } | { at: "tail" } | { at: "lead" };

export type AskKind =
  | "value"
  | "default"
  | "identity"
  | "key"
  | "thing"
  | "means"
  | "reason"
  | "place"
  | "definition"
  | "actor"
  | "effect"
  | "moment"
  | "outcome";

export interface Ask {
  kind: AskKind;
  clause: Clause;
  gap: Gap;
  /** Ways to open the question, the plainest first. */
  openings: Opening[];
  /** The noun the answer belongs to: "opening angle". Empty when there is none. */
  noun: string;
  /** What is counted or measured in: "entries". Empty when nothing is. */
  unit: string;
  /** In lower case: a wording may be shortened, but never lose this name. */
  about: string;
  score: number;
}

const opening = (front: string, strand = "", plural = false): Opening => ({ front, strand, plural });

const placePrepositions = new Set([
  "in",
  "on",
  "at",
  "inside",
  "under",
  "beneath",
  "behind",
  "beside",
  "above",
  "near",
  "within",
  "into",
  "onto",
  "against",
]);
const placeVerbs = new Set(
  `keep store hold mount run sit live lie stand hang place put install record list exist find locate reside stay fold slide fit lay write print declare define cure rest save`.split(
    " ",
  ),
);
/** "In favor of", "at once": no places. */
const noPlace =
  /^(?:(?:the|a|an|its|their)\s+)?(?:night|once|favou?r|turn|own|particular|order|random|time|general|addition|use|effect|charge|practice|advance|contrast|short|line|default|convention|case|kind|detail|fact|parallel|future|past|moment|way|end of|same time|basis|either direction)\b/;
const strandable = new Set(["with", "from", "as", "into", "to", "for", "by", "through", "under", "of"]);
/** Verbs whose object alone says little: "leaves the charge weak". */
const thinObjects = new Set([
  "leave",
  "keep",
  "get",
  "turn",
  "become",
  "let",
  "make",
  "help",
  "cause",
  "render",
  "take",
  "do",
]);

const objectless = new Set(
  "live go happen exist occur appear arrive belong depend sit lie stand come remain stay seem vary wait expire fail".split(
    " ",
  ),
);

const negative = ({ auxiliary, manner, verb, elements }: Clause): boolean =>
  auxiliary === "cannot" ||
  /\b(?:not|never|rarely|seldom)\b/.test(`${manner} ${verb}`) ||
  elements.some(({ text }) => /^(?:no|not|nothing|none)\b/.test(text));

const saying = new Set([
  "mean",
  "indicate",
  "show",
  "require",
  "ensure",
  "say",
  "suggest",
  "state",
  "guarantee",
  "imply",
  "prove",
  "signal",
]);

/** "Assigns that class", "deploys it": what is meant stands in another sentence. */
const pointsBack = ({ subject, elements, tail, base, lead }: Clause): boolean =>
  /\b(?:this|that|these|those|it|them)$/.test(lead) ||
  (tail?.word === "that" && elements.length === 0 && !saying.has(base)) ||
  /^(?:this|these|those|that|such)\b/i.test(subject.text) ||
  elements.some(({ text }) =>
    /^(?:this|these|those|that|such)\s|\bsuch an?\b|^(?:it|them|these|those|this|that)$|\b(?:it|them)$/.test(text),
  );

type Add = (kind: AskKind, gap: Gap, score: number, openings: Opening[], value?: Value) => void;

/**
 * All asks of a clause, best first.
 * @param about the name of what the sentence is about, in lower case; empty when it has none.
 */
export function asksOf(clause: Clause, about: string): Ask[] {
  const asks: Ask[] = [];
  const add: Add = (kind, gap, score, openings, value) =>
    asks.push({ kind, clause, gap, openings, noun: value?.noun ?? "", unit: value?.unit ?? "", about, score });
  const { tail } = clause;
  const reason =
    tail && (tail.word === "because" || (tail.word === "since" && tail.comma) || tail.text.startsWith("so that"));
  if (reason) add("reason", { at: "tail" }, 5, [opening("why"), opening("for what reason"), opening("why exactly")]);
  if (negative(clause) || pointsBack(clause)) return pointsBack(clause) ? [] : asks;

  clause.elements.forEach((element, index) => elementAsks(clause, element, index, add));
  if (clause.base !== "be" || clause.passive) tailAsks(clause, add);
  if (/^(?:if|when|once)\b/.test(clause.lead)) add("outcome", { at: "lead" }, 6, [opening("what happens")]);
  if (clause.subject.action) add("effect", { at: "subject" }, 6, [opening("what")]);
  else subjectAsk(clause, add);
  return asks.sort((a, b) => b.score - a.score);
}

function tailAsks({ tail, elements }: Clause, add: Add): void {
  if (!tail || tail.comma || /^(?:even|only)$/.test(elements.at(-1)?.text ?? "")) return;
  if (/^(?:how|which|what|whether|that)$/.test(tail.word) && elements.length === 0)
    add("thing", { at: "tail" }, 5, [opening("what")]);
  if (/^(?:when|whenever|if|once)$/.test(tail.word))
    add("moment", { at: "tail" }, 4, [opening("when"), opening("in which situation"), opening("under what condition")]);
  if (tail.word === "until") add("moment", { at: "tail" }, 4, [opening("how long"), opening("until when")]);
}

const valueScores: Readonly<Record<Value["kind"], number>> = {
  measure: 10,
  count: 10,
  often: 10,
  number: 9,
  version: 6,
  named: 9,
  code: 8,
  codes: 8,
  thing: 0,
};

function elementAsks(clause: Clause, element: Element, index: number, add: Add): void {
  const gap: Gap = { at: "element", index };
  if (element.kind === "means") return meansAsks(clause, element, gap, add);
  if (element.kind !== "thing" && element.kind !== "place" && !(element.kind === "quality" && clause.base === "turn"))
    return;
  if (["let", "make", "help", "cause"].includes(clause.base) && element.kind === "thing" && !clause.passive) return;
  const value = readValue(element.text);
  if (clause.base === "be" && !clause.passive) return identityAsks(clause, element, gap, value, add);
  const openings = valueOpenings(value, element.preposition);
  if (openings.length > 0) {
    const isDefault =
      clause.base === "default" &&
      element.preposition === "to" &&
      clause.auxiliary === "" &&
      clause.elements.length === 1;
    // "Sets `restartPolicy` to `Always`": the last value is what is told, the first what it is told of.
    const toldOf =
      !element.preposition &&
      clause.elements
        .slice(index + 1)
        .some(
          ({ preposition, text }) =>
            preposition !== "with" && /^(?:code|codes|number|named)$/.test(readValue(text).kind),
        );
    const beside = element.preposition === "with" && index > 0 && value.kind === "named" ? 1 : 0;
    const last = index === clause.elements.length - 1;
    if (
      element.preposition &&
      /^codes?$/.test(value.kind) &&
      !["to", "as"].includes(element.preposition) &&
      (!last || clause.elements.slice(0, index).some(({ kind }) => kind === "place"))
    )
      return;
    if (/than|instead|^as of/.test(element.preposition) && value.kind !== "version") return;
    const obscure = element.preposition && value.kind === "code" && element.preposition !== "to" ? 2 : 0;
    const second = clause.elements.slice(0, index).some(({ text }) => /\b\d/.test(text)) ? 5 : 0;
    return add(
      isDefault ? "default" : "value",
      gap,
      valueScores[value.kind] - obscure - second - beside - (toldOf ? 3 : 0),
      openings,
      value,
    );
  }
  if (element.kind === "thing") {
    const alone = clause.elements.length === 1;
    const next = clause.elements[1];
    if (
      index > 0 ||
      (next && next.kind !== "place" && next.kind !== "adverb") ||
      (alone && thinObjects.has(clause.base))
    )
      return;
    if (/^(?:effect|place|precedence|care|its|their)\b/.test(element.text) || objectless.has(clause.base)) return;
    // "Rejects requests that …": without the relative clause the question fits much.
    const wide = clause.tail && /^(?:that|whose|who|which)$/.test(clause.tail.word) && !clause.tail.comma ? 2 : 0;
    return add(
      "thing",
      gap,
      (clause.base === "have" ? 3 : clause.subject.person ? 4 : 5) - wide,
      [opening("what")],
      value,
    );
  }
  if (element.kind === "place") placeAsks(clause, element, gap, add);
}

function placeAsks(clause: Clause, { preposition, text }: Element, gap: Gap & { at: "element" }, add: Add): void {
  if (/^(?:itself|themselves)$/.test(text) || noPlace.test(text)) return;
  if (placePrepositions.has(preposition) && placeVerbs.has(clause.base))
    return add("place", gap, 5, [opening("where"), opening("where exactly")]);
  const last = gap.index === clause.elements.length - 1;
  if (!last || !strandable.has(preposition)) return;
  if (["for", "by", "under", "of"].includes(preposition) && !clause.passive) return;
  // What something is made of or done with is a fact when it is a kind of stuff, not one thing among others.
  const stuff =
    ["with", "from", "of"].includes(preposition) && !/^(?:an?|the|its|their|each|every|any|some)\s/.test(text);
  add("thing", gap, stuff ? 6 : 4, [opening("what", preposition)]);
}

/** "How …?", and for "by entering the unlock code RQ-58" also "Which unlock code is used to …?" */
function meansAsks(clause: Clause, { text }: Element, gap: Gap, add: Add): void {
  add("means", gap, 6, [opening("how"), opening("in what way"), opening("by what means")]);
  const [object] = clause.elements;
  if (clause.passive || !object || object.kind !== "thing" || object.preposition) return;
  const tokens = tokensOf(text);
  const phrase = slice(text, tokens, 2, nounPhraseEnd(tokens, 2, tokens.length));
  const value = readValue(phrase);
  if (baseOf(tokens[1]?.lower ?? "", "gerund") && value.kind === "named")
    add("key", gap, 9, [opening(`which ${value.noun}`)], value);
}

/** "The default value of x is y", "The Hollis Vane is the flap that …". */
function identityAsks(
  { subject, auxiliary }: Clause,
  { preposition, text }: Element,
  gap: Gap & { at: "element" },
  value: Value,
  add: Add,
): void {
  if (gap.index !== 0 || preposition || !/^(?:is|are)$/.test(auxiliary)) return;
  const kind = /^an?\s/.test(text) && value.kind === "named";
  if (value.kind !== "thing" && value.kind !== "often" && !kind)
    return add("identity", gap, 8, [opening("what", "", subject.plural)], value);
  if (/^(?:an?|the)\s\S+\s\S|^(?:an?|the)\s/.test(text) && !subject.plural && !subject.action)
    add("definition", gap, 4, [opening("what")]);
}

/** Openings that ask for a value; none for a thing without number or name. */
function valueOpenings({ kind, noun, unit, time }: Value, preposition: string): Opening[] {
  const by = (front: string, plural = false): Opening =>
    opening(preposition ? `${preposition} ${front}` : front, "", plural);
  const left = (front: string, plural = false): Opening => opening(front, preposition, plural);
  // "What target does it default to?" reads better than "To what target …", for "to" alone.
  const fit = preposition === "to" ? left : by;
  const other = preposition === "to" ? by : left;
  const many = isPluralPhrase(noun);
  const percent = /^percent(?:age)?\b(.*)/.exec(unit)?.[1];
  switch (kind) {
    case "measure":
      return [fit(`what ${noun}`, many), other(`which ${noun}`, many)];
    case "count": {
      if (percent !== undefined) return [fit(`what percentage${percent}`), other(`how many percent${percent}`, true)];
      const long =
        time && unit.split(" ").length === 1 && (preposition === "for" || preposition === "")
          ? [opening("how long")]
          : [];
      return [fit(`how many ${unit}`, true), ...long];
    }
    case "often":
      return preposition ? [by(`how many ${unit}`, true)] : [opening("how often"), opening("at what interval")];
    case "version":
      return [by("which version"), by("what version")];
    case "named":
      return [fit(`which ${noun}`, many), other(`what ${noun}`, many)];
    case "number":
      return [left("what value"), left("what number"), left("what")];
    case "code":
      return [left("what")];
    case "codes":
      return [left("what", true), left("which values", true), left("which options", true)];
    case "thing":
      return [];
  }
}

function subjectAsk({ subject, base, elements, passive, tail }: Clause, add: Add): void {
  const value = readValue(subject.text.replace(/^only /, ""));
  if (elements.some(({ text }) => /\btheir\b/.test(text))) return;
  if ((elements.length === 0 && tail === null) || (base === "be" && !passive && elements[0]?.kind !== "quality"))
    return;
  const many = isPluralPhrase(value.noun);
  if (value.kind === "named" && !value.noun.endsWith("ing"))
    add(
      "actor",
      { at: "subject" },
      7,
      [opening(`which ${value.noun}`, "", many), opening(`what ${value.noun}`, "", many)],
      value,
    );
  else if (!subject.person && (elements[0]?.kind === "thing" || passive))
    add("actor", { at: "subject" }, 2, [opening("what")]);
}
