/** Questions and indirect questions made of an ask: word order, do-support, agreement, voice. */
import type { Ask, Opening } from "./asks.ts";
import type { Clause } from "./english/clause.ts";
import type { Element } from "./english/predicate.ts";
import { isPluralPhrase } from "./english/values.ts";
import { mayBeParticiple, participle, thirdPerson } from "./english/verbs.ts";

export interface Shape {
  /** Keep the subordinate clause and the adverbial at the sentence's start. */
  whole: boolean;
  /** Leave out the adverbials after the gap. */
  brief?: boolean;
  voice: "active" | "passive" | "you";
  order: "question" | "indirect";
  /** Another verb for the main one, in its base form. */
  verb?: string;
}

const keptTails = new Set(["before", "after", "when", "whenever", "if", "until", "once", "while"]);
const longestTail = 11;

/** Adverbs that tie a sentence to the one before it. */
const connecting = new Set([
  "respectively",
  "also",
  "likewise",
  "then",
  "therefore",
  "thus",
  "hence",
  "however",
  "accordingly",
]);
const manner = ({ manner: text }: Clause): string =>
  text
    .split(" ")
    .filter((word) => !connecting.has(word))
    .join(" ");

const join = (...parts: string[]): string =>
  parts.filter(Boolean).join(" ").replace(/\s+/g, " ").replace(/\s+,/g, ",").trim();

/** The subordinate clause, when the wording has room for it or would lose its name without it. */
function tailText({ clause: { tail, elements }, about }: Ask, whole: boolean): string {
  if (!tail || tail.comma || !keptTails.has(tail.word)) return "";
  // "Only after a user deletes them": without the clause the sentence says something else.
  const named =
    (about !== "" && tail.text.toLowerCase().includes(about)) || /^(?:only|even)$/.test(elements.at(-1)?.text ?? "");
  if ((!named && (!whole || tail.text.split(" ").length > longestTail)) || /,|\b(?:and|but)\b/.test(tail.text))
    return "";
  return tail.text;
}

/** "The username … followed by its namespace": says more of the answer. */
const ofAnswer = (ask: Ask, { kind, text }: Element, index: number): boolean =>
  ask.gap.at === "element" &&
  index === ask.gap.index + 1 &&
  kind === "other" &&
  mayBeParticiple(text.split(" ")[0] ?? "");

/** "The hour and the operator on duty", "changes to its contents": what follows may belong to the answer. */
const loose = (ask: Ask, { kind, preposition, text }: Element): boolean => {
  const answer = ask.gap.at === "element" ? ask.clause.elements[ask.gap.index] : undefined;
  if ((kind === "place" || kind === "other") && /\b\d/.test(text) && ask.kind === "value") return true;
  return (
    kind === "place" &&
    answer?.kind === "thing" &&
    (/\b(?:its|their)\b/.test(text) ||
      (/ and /.test(answer.text) && ["on", "in", "of", "for", "with"].includes(preposition)))
  );
};

/** Whether subject and verb alone tell what is asked for: "how long a complete Slow Squeeze lasts". */
const saysEnough = ({ about, unit, noun, clause }: Ask): boolean =>
  about !== "" && unit + noun !== "" && clause.subject.text.toLowerCase().includes(about);

/** The predicate after the verb, without the gap, and with a preposition where the opening leaves one. */
function rest(ask: Ask, strand: string, { whole, brief }: Shape, skip = -1): string {
  const { clause, gap } = ask;
  const at = gap.at === "element" ? gap.index : -1;
  const pieces = clause.elements.map((element, index) => {
    if (index === skip || connecting.has(element.text)) return "";
    if (ask.kind === "place" && (index > at || (index === at - 1 && element.kind === "adverb")))
      return index === at ? strand : "";
    if (
      at >= 0 &&
      index > at &&
      ((brief && saysEnough(ask) && element.kind !== "adverb") || loose(ask, element) || ofAnswer(ask, element, index))
    )
      return "";
    if (gap.at === "element" && gap.index === index) return strand;
    return join(element.preposition, element.text);
  });
  const complement =
    gap.at !== "tail" &&
    clause.tail &&
    !clause.tail.comma &&
    /^(?:how|which|what|whether|that|who)$/.test(clause.tail.word) &&
    (clause.elements.length === 0 || gap.at === "subject")
      ? (clause.tail.text.split(/,? (?:and its|whereas|but)\b|, (?:and|which)\b/)[0] ?? "")
      : "";
  return join(
    ...pieces,
    complement,
    gap.at !== "tail" ? tailText(ask, whole) : "",
    gap.at !== "lead" ? clause.lead : "",
  );
}

/** Null when the shape does not fit the ask: no passive without an object, no "you" without a person. */
export function phrase(ask: Ask, opening: Opening, shape: Shape): string | null {
  if (ask.gap.at === "subject") return subjectPhrase(ask, opening, shape);
  if (shape.voice === "passive") return passivePhrase(ask, opening, shape);
  if (shape.voice === "you" && !ask.clause.subject.reader) return null;
  return activePhrase(ask, opening, shape);
}

/** The verb to use and its adverbs; a stand-in verb is only for simple forms. */
function mainVerb({ verb, base, auxiliary, passive }: Clause, other: string | undefined): string | null {
  if (!other) return verb;
  if (verb === base) return other;
  return passive && auxiliary !== "" && verb.endsWith(participle(base))
    ? verb.slice(0, -participle(base).length) + participle(other)
    : null;
}

function activePhrase(ask: Ask, opening: Opening, shape: Shape): string | null {
  const { clause } = ask;
  const { voice, order, verb: other } = shape;
  const verb = mainVerb(clause, other);
  if (verb === null) return null;
  const you = voice === "you";
  const subject = you ? "you" : clause.subject.text;
  const auxiliary = clause.auxiliary === "cannot" ? "can not" : clause.auxiliary;
  const after = rest(ask, opening.strand, shape);
  if (order === "indirect") {
    const finite = auxiliary || (clause.subject.plural || you ? verb : thirdPerson(verb));
    // "what the Auger Panel is", "how they silence the alarm"
    return auxiliary
      ? join(opening.front, subject, auxiliary, manner(clause), verb, after)
      : join(opening.front, subject, manner(clause), finite, after);
  }
  const support = auxiliary || (clause.subject.plural || you ? "do" : "does");
  return join(opening.front, support, subject, manner(clause), verb, after);
}

function passivePhrase(ask: Ask, opening: Opening, shape: Shape): string | null {
  const { order, verb: other } = shape;
  const { clause, gap } = ask;
  const [object] = clause.elements;
  if (clause.passive || clause.base === "be" || clause.base === "have" || clause.base === "do") return null;
  if (clause.auxiliary && clause.verb !== clause.base) return null;
  if (clause.elements.some(({ text }) => /^(?:only|even)$/.test(text))) return null;
  if (!object || object.kind !== "thing" || object.preposition) return null;
  if (
    [
      "last",
      "equal",
      "fit",
      "cost",
      "weigh",
      "become",
      "mean",
      "turn",
      "lack",
      "default",
      "let",
      "make",
      "run",
      "range",
      "get",
      "receive",
      "match",
      "take",
    ].includes(clause.base)
  )
    return null;
  if (/^(?:its|their|itself|themselves)\b/.test(object.text) || /^(?:only|staff)\b/.test(clause.subject.text))
    return null;
  const gapIsObject = gap.at === "element" && gap.index === 0;
  const done = participle(other ?? clause.base);
  const by = clause.subject.person ? "" : `by ${clause.subject.text}`;
  if (opening.strand && by) return null;
  const modal = clause.auxiliary;
  const plural = gapIsObject ? opening.plural : isPluralPhrase(object.text);
  const be = modal ? modal : plural ? "are" : "is";
  const tail = modal ? "be" : "";
  if (gapIsObject) {
    if (opening.strand) return null;
    // "Is kept out by the vane": adverbs stay with the verb.
    const adverbs = clause.elements.slice(
      1,
      clause.elements.findIndex(({ kind }, index) => index > 0 && kind !== "adverb") >>> 0,
    );
    const skipped = { ...ask, clause: { ...clause, elements: [object, ...clause.elements.slice(1 + adverbs.length)] } };
    return join(
      opening.front,
      be,
      manner(clause),
      tail,
      done,
      ...adverbs.map(({ text }) => text),
      by,
      rest(skipped, "", shape),
    );
  }
  const remaining = rest(ask, opening.strand, shape, 0);
  return order === "indirect"
    ? join(opening.front, object.text, be, manner(clause), tail, done, remaining, by)
    : join(opening.front, be, object.text, manner(clause), tail, done, remaining, by);
}

/** "Which coolant may circulate through the coil": the opening stands where the subject stood. */
function subjectPhrase(ask: Ask, opening: Opening, shape: Shape): string | null {
  const { clause } = ask;
  const { verb: other, voice } = shape;
  if (voice !== "active") return voice === "passive" ? agentPhrase(ask, opening, shape) : null;
  const verb = mainVerb(clause, other);
  if (verb === null) return null;
  const after = rest(ask, "", shape);
  const agree: Record<string, string> = opening.plural
    ? { is: "are", was: "were", has: "have", does: "do" }
    : { are: "is", were: "was", have: "has", do: "does" };
  if (clause.auxiliary)
    return join(opening.front, agree[clause.auxiliary] ?? clause.auxiliary, manner(clause), verb, after);
  return join(opening.front, manner(clause), opening.plural ? verb : thirdPerson(verb), after);
}

/** "By which command are manifests applied": the subject asked for through the passive. */
function agentPhrase(ask: Ask, opening: Opening, { order, whole }: Shape): string | null {
  const { clause } = ask;
  const [object, ...others] = clause.elements;
  if (
    others.some(({ kind }) => kind === "other") ||
    clause.passive ||
    clause.auxiliary ||
    !object ||
    object.kind !== "thing" ||
    object.preposition
  )
    return null;
  if (
    ["be", "have", "let", "make", "mean", "become", "turn", "need", "get"].includes(clause.base) ||
    /^(?:its|their)\b/.test(object.text)
  )
    return null;
  const is = isPluralPhrase(object.text) ? "are" : "is";
  const done = join(
    manner(clause),
    participle(clause.base),
    ...others.map(({ preposition, text }) => join(preposition, text)),
    tailText(ask, whole),
    clause.lead,
  );
  return order === "indirect"
    ? join("by", opening.front, object.text, is, done)
    : join("by", opening.front, is, object.text, done);
}

/** First letter capital, code marks gone, one question mark. */
export function asQuestion(text: string): string {
  const plain = text
    .replace(/`/g, "")
    .replace(/[?.\s]+$/, "")
    .trim();
  return `${plain.charAt(0).toUpperCase()}${plain.slice(1)}?`;
}

/** A request: ends in a full stop. */
export function asRequest(text: string): string {
  return `${asQuestion(text).slice(0, -1)}.`;
}
