/** The patterns of wordings, by what is asked for: one list to train on, one for testing, with none in common. */
import type { Ask, Opening } from "./asks.ts";
import type { Element } from "./english/predicate.ts";
import { dimensionOf } from "./english/dimensions.ts";
import { asQuestion, asRequest, phrase, type Shape } from "./phrasing.ts";
import { rewordingVerbs, trainingVerbs } from "./otherVerbs.ts";
import { isPluralPhrase } from "./english/values.ts";
import { gerund, thirdPerson } from "./english/verbs.ts";

/** What a family is about. */
export interface About {
  /** "the Hollis Vane": the section's heading, when the sentence names it; else a short subject, or empty. */
  entity: string;
  /** Whether `entity` is the heading. */
  isHeading: boolean;
}

/** Makes one wording, or null when the ask has not what the pattern needs. */
export type Pattern = (ask: Ask, about: About) => string | null;

const active: Shape = { order: "indirect", voice: "active", whole: false, brief: true };
const passive: Shape = { ...active, voice: "passive" };
const you: Shape = { ...active, voice: "you" };
const inverted = (shape: Shape): Shape => ({ ...shape, order: "question" });

const openingAt = ({ openings }: Ask, index: number): Opening =>
  openings[Math.min(index, openings.length - 1)] as Opening;

/** The shape with another verb, where one is known and fits. */
function withVerb(ask: Ask, verbs: Readonly<Record<string, string>>, shape: Shape): Shape {
  const verb = verbs[ask.clause.base];
  const { clause, gap } = ask;
  // A memory that holds entries stores them; a hand that holds a pedal does not.
  const counted = ask.unit !== "" && gap.at === "element" && !clause.elements[gap.index]?.preposition;
  if (clause.base === "hold" && !counted) return shape;
  if (!verb || gap.at === "subject" || clause.elements[0]?.kind === "purpose" || clause.elements[0]?.kind === "adverb")
    return shape;
  return { ...shape, verb };
}

/** The first shape that fits. */
function firstOf(ask: Ask, opening: Opening, shapes: readonly Shape[]): string | null {
  for (const shape of shapes) {
    const text = phrase(ask, opening, shape);
    if (text) return text;
  }
  return null;
}

const question = (lead: string, text: string | null): string | null => text && asQuestion(`${lead} ${text}`);
const request = (lead: string, text: string | null): string | null => text && asRequest(`${lead} ${text}`);

/** Puts what it is about in front, unless the question names it anyway. */
function fronted(lead: string, { entity }: About, text: string | null): string | null {
  if (!text || !entity) return null;
  const bare = entity.replace(/^(?:the|an?) /i, "").toLowerCase();
  return text.toLowerCase().includes(bare)
    ? null
    : asQuestion(`${lead} ${entity}${lead.endsWith("about") ? ":" : ","} ${text}`);
}

/** "opening angle", where the heading is another thing that has it. */
function nounFor(ask: Ask, { entity, isHeading }: About): string | null {
  if (!ask.noun || !isHeading || ask.gap.at === "subject" || ask.noun === "colour") return null;
  const words = new Set(ask.noun.toLowerCase().split(" "));
  return entity
    .toLowerCase()
    .split(" ")
    .some((word) => words.has(word))
    ? null
    : ask.noun;
}

/** "duration", where the heading itself is what lasts 83 seconds. */
function dimensionFor({ unit, noun, gap, clause }: Ask, { entity, isHeading }: About): string | null {
  if (!isHeading || noun || gap.at !== "element" || clause.elements[gap.index]?.preposition) return null;
  const bare = entity.replace(/^the /, "").toLowerCase();
  return clause.subject.text
    .toLowerCase()
    .replace(/^(?:the|an?|each|every) /, "")
    .endsWith(bare)
    ? dimensionOf(unit)
    : null;
}

/** "the opening angle to which operators set the vane", "the number of entries that the memory holds". */
function soughtFor(ask: Ask, shape: Shape): string | null {
  const noun = ask.noun || (ask.unit && !ask.unit.startsWith("percent") ? `number of ${ask.unit}` : "");
  if (!noun) return null;
  if (ask.gap.at === "subject")
    return phrase(ask, { front: `the ${noun} that`, strand: "", plural: isPluralPhrase(noun) }, shape);
  if (ask.gap.at !== "element" || ask.kind === "key") return null;
  const { preposition, text } = ask.clause.elements[ask.gap.index] as Element;
  if (/^every\s/.test(text) && !preposition) return null;
  return phrase(
    ask,
    { front: `the ${noun} ${preposition ? `${preposition} which` : "that"}`, strand: "", plural: true },
    shape,
  );
}

const be = (text: string): string => (isPluralPhrase(text) ? "are" : "is");

const bareName = (text: string): string => text.replace(/^(?:the|an?) /i, "");
const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** Whether a name and what is sought say enough by themselves. */
const isNamed = ({ noun, unit }: Ask, { isHeading }: About): boolean => isHeading && noun + unit !== "";

/**
 * As typed into a search box. Every other wording shares most of its words with the sentence that answers it; a student
 * trained on those alone learns to echo the question, and is lost when somebody asks in other words.
 */
const briefly: Pattern = (ask, about) =>
  isNamed(ask, about) ? asQuestion(`${capital(bareName(about.entity))}: ${openingAt(ask, 0).front}`) : null;
const inKeywords: Pattern = (ask, about) =>
  isNamed(ask, about)
    ? `${bareName(about.entity)} ${dimensionFor(ask, about) ?? (ask.noun || ask.unit)}`.toLowerCase()
    : null;

const direct: Pattern = (ask) =>
  question("", phrase(ask, openingAt(ask, 0), inverted({ ...active, whole: true, brief: false })));

const general: Patterns = {
  training: [
    direct,
    briefly,
    (ask, about) => {
      const noun = nounFor(ask, about) ?? dimensionFor(ask, about);
      return noun && asQuestion(`What ${be(noun)} the ${noun} of ${about.entity}`);
    },
    (ask) =>
      question(
        "Can you tell me",
        firstOf(
          ask,
          openingAt(ask, 1),
          ask.gap.at === "subject"
            ? [active]
            : [withVerb(ask, trainingVerbs, passive), withVerb(ask, trainingVerbs, active)],
        ),
      ),
    (ask) =>
      ask.gap.at === "subject" || ask.noun || ask.unit
        ? question(`What ${be(ask.noun || "number")}`, soughtFor(ask, active))
        : null,
    (ask) =>
      question(
        "",
        firstOf(ask, openingAt(ask, 1), [
          inverted(you),
          inverted(withVerb(ask, trainingVerbs, active)),
          inverted(passive),
        ]),
      ),
    inKeywords,
    (ask) => question("", phrase(ask, openingAt(ask, 0), inverted(passive))),
    (ask, about) => fronted("I have a question about", about, phrase(ask, openingAt(ask, 0), inverted(active))),
    (ask) => request("Please explain", phrase(ask, openingAt(ask, 0), { ...active, whole: true, brief: false })),
    (ask) => request("I need to know", phrase(ask, openingAt(ask, 1), active)),
    (ask) => question("Could someone say", phrase(ask, openingAt(ask, 2), active)),
  ],
  rewording: [
    (ask) =>
      question(
        "Do you know",
        firstOf(ask, openingAt(ask, 2), [withVerb(ask, rewordingVerbs, you), withVerb(ask, rewordingVerbs, active)]),
      ),
    (ask) => request("I am looking for", soughtFor(ask, withVerb(ask, rewordingVerbs, active))),
    (ask, about) =>
      fronted(
        "When it comes to",
        about,
        phrase(ask, openingAt(ask, 1), inverted(withVerb(ask, rewordingVerbs, active))),
      ),
    (ask, about) => {
      const noun = nounFor(ask, about);
      return noun && asQuestion(`Which ${noun} ${isPluralPhrase(noun) ? "apply" : "applies"} to ${about.entity}`);
    },
    (ask) =>
      request(
        "I would like to find out",
        firstOf(ask, openingAt(ask, 1), [passive, withVerb(ask, rewordingVerbs, active)]),
      ),
    (ask) =>
      question("Does anybody remember", phrase(ask, openingAt(ask, 0), { ...active, whole: true, brief: false })),
  ],
};

export interface Patterns {
  training: readonly Pattern[];
  rewording: readonly Pattern[];
}

const definition: Patterns = {
  training: [
    ({ clause: { subject, auxiliary } }) => asQuestion(`What ${auxiliary} ${subject.text}`),
    ({ clause: { subject } }) => asQuestion(`How would you describe ${subject.text}`),
    ({ clause: { subject } }) => asRequest(`Please explain the term ${bareName(subject.text)}`),
    ({ clause: { subject, auxiliary } }) => asQuestion(`Can you tell me what ${subject.text} ${auxiliary}`),
    ({ clause: { subject } }) => asQuestion(`What do people mean by ${subject.text}`),
    ({ clause: { subject } }) => asRequest(`Define ${subject.text}`),
    ({ clause: { subject } }) => asRequest(`I need a short definition of ${subject.text}`),
  ],
  rewording: [
    ({ clause: { subject } }) => asQuestion(`What should I understand by ${subject.text}`),
    ({ clause: { subject } }) => asQuestion(`Somebody mentioned ${subject.text}; what would that be`),
    ({ clause: { subject, auxiliary } }) => asRequest(`Give me an idea of what ${subject.text} ${auxiliary}`),
  ],
};

const identity: Patterns = {
  training: [
    ({ clause: { subject, auxiliary } }) => asQuestion(`What ${auxiliary} ${subject.text}`),
    ({ clause: { subject, auxiliary } }) => asQuestion(`Can you tell me what ${subject.text} ${auxiliary}`),
    ({ clause: { subject } }) => asRequest(`Please name ${subject.text}`),
    ({ clause: { subject, auxiliary } }) => asRequest(`I need to know what ${subject.text} ${auxiliary}`),
    ({ clause: { subject } }) => asQuestion(`Could someone say what the documentation gives as ${subject.text}`),
  ],
  rewording: [
    ({ clause: { subject } }) => asQuestion(`Do you happen to know ${subject.text}`),
    ({ clause: { subject } }) => asRequest(`I am looking for ${subject.text}`),
  ],
};

/** "how many seconds", "which target", "which value" */
const whichDefault = ({ noun, unit }: Ask): string => (unit && !noun ? `how many ${unit}` : `which ${noun || "value"}`);
const inUnit = ({ noun, unit }: Ask): string => (unit && !noun ? ` in ${unit}` : "");

const byDefault: Patterns = {
  training: [
    direct,
    (ask) => asQuestion(`What is the default ${ask.noun || "value"} of ${ask.clause.subject.text}${inUnit(ask)}`),
    singularOnly((ask) =>
      asQuestion(`Can you tell me ${whichDefault(ask)} ${ask.clause.subject.text} takes when nothing is set`),
    ),
    singularOnly((ask) => asQuestion(`${whichDefault(ask)} does ${ask.clause.subject.text} have by default`)),
    (ask) => asRequest(`I need to know the default of ${ask.clause.subject.text}`),
  ],
  rewording: [
    singularOnly((ask) => asQuestion(`If I leave ${ask.clause.subject.text} alone, ${whichDefault(ask)} does it get`)),
    (ask) =>
      asRequest(`I am looking for the standard ${ask.noun || "value"} of ${ask.clause.subject.text}${inUnit(ask)}`),
    (ask) =>
      asQuestion(
        `Do you know ${whichDefault(ask)} ${ask.unit && !ask.noun ? "apply" : "applies"} to ${ask.clause.subject.text} unless somebody changes it`,
      ),
  ],
};

/** "takes" and "it" need one thing as the subject. */
function singularOnly(pattern: Pattern): Pattern {
  return (ask, about) => (ask.clause.subject.plural ? null : pattern(ask, about));
}

/** "open the Auger Panel": what the key is for. */
const deed = ({ clause: { base, elements } }: Ask, verb = base): string => `${verb} ${elements[0]?.text ?? ""}`;

const key: Patterns = {
  training: [
    (ask) => asQuestion(`Which ${ask.noun} is used to ${deed(ask)}`),
    briefly,
    (ask) => asQuestion(`What is the ${ask.noun} for ${deed(ask, gerund(ask.clause.base))}`),
    (ask) => asQuestion(`Can you tell me what ${ask.noun} I need to ${deed(ask)}`),
    (ask) => asRequest(`I need to know the ${ask.noun} with which people ${deed(ask)}`),
    inKeywords,
    (ask, about) => (about.isHeading ? asQuestion(`What is the ${ask.noun} of ${about.entity}`) : null),
  ],
  rewording: [
    (ask) => asQuestion(`Do you know which ${ask.noun} ${deed(ask, thirdPerson(ask.clause.base))}`),
    (ask) => asRequest(`I am looking for the ${ask.noun} that lets me ${deed(ask)}`),
    (ask, about) => (about.isHeading ? asQuestion(`Which ${ask.noun} applies to ${about.entity}`) : null),
  ],
};

const effect: Patterns = {
  training: [
    ({ clause: { subject } }) => asQuestion(`What is the effect of ${subject.text}`),
    ({ clause: { subject } }) => asQuestion(`What does ${subject.text} do`),
    ({ clause: { subject } }) => asQuestion(`Can you tell me what ${subject.text} leads to`),
    ({ clause: { subject } }) => asRequest(`I need to know the consequences of ${subject.text}`),
    ({ clause: { subject } }) => asRequest(`Please explain what comes of ${subject.text}`),
  ],
  rewording: [
    ({ clause: { subject } }) => asQuestion(`What happens as a result of ${subject.text}`),
    ({ clause: { subject } }) => asQuestion(`What should I expect from ${subject.text}`),
  ],
};

const outcome: Patterns = {
  training: [
    ({ clause: { lead } }) => asQuestion(`What happens ${lead}`),
    ({ clause: { lead } }) => asQuestion(`Can you tell me what to expect ${lead}`),
    ({ clause: { lead } }) => asQuestion(`What is the result ${lead}`),
    ({ clause: { lead } }) => asRequest(`Please explain what follows ${lead}`),
  ],
  rewording: [
    ({ clause: { lead } }) => asQuestion(`What will I see ${lead}`),
    ({ clause: { lead } }) => asRequest(`I would like to find out what takes place ${lead}`),
  ],
};

const byKind: Partial<Record<Ask["kind"], Patterns>> = {
  definition,
  identity,
  default: byDefault,
  key,
  effect,
  outcome,
};

/** The patterns that fit what is asked for. */
export const patternsFor = ({ kind }: Ask): Patterns => byKind[kind] ?? general;
