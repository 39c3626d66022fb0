/** Questions with planted repetitions, made from the two sets in test/fixtures. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

interface Parts {
  ask: string;
  aux: string;
  subject: string;
  verb: string;
  tail: string;
  paraphrase: string;
}

interface Group {
  /** Wordings of one question with a gap. */
  frames: string[];
  things: string[];
}

interface Fixture {
  planted: Parts[];
  /** Ways to pad a question: {q} and {Q} are the question, small and large, {ask} and {rest} its two halves. */
  fillers: string[];
  lookAlikes: Group[];
  rewordings: Group[];
}

export interface PlantedQuestions {
  /** Whole questions, one fact each. */
  originals: string[];
  /** For each original, the same question once more, planted by case, order or filler words; and in other words. */
  planted: Record<"case" | "order" | "filler" | "paraphrase", string[]>;
  /** Families that are no repetitions: of one wording, and of several. */
  lookAlikes: string[][];
  rewordings: string[][];
}

const small = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);
const large = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

const originalOf = ({ ask, aux, subject, verb, tail }: Parts): string => `${ask} ${aux} ${subject} ${verb} ${tail}?`;

function otherCase(question: string, index: number): string {
  if (index % 3 === 0) return question.toUpperCase();
  return index % 3 === 1 ? question.toLowerCase() : question.replace(/\b\p{L}/gu, (letter) => letter.toUpperCase());
}

function otherOrder({ ask, aux, subject, verb, tail }: Parts, index: number): string {
  if (index % 3 === 0) return `${large(tail)}, ${small(ask)} ${aux} ${subject} ${verb}?`;
  if (index % 3 === 1) return `${large(subject)} ${aux} ${verb} ${small(ask)} ${tail}?`;
  return `${ask} ${tail} ${aux} ${subject} ${verb}?`;
}

function padded(parts: Parts, filler: string): string {
  const question = originalOf(parts).slice(0, -1);
  const whole = filler
    .replace("{q}", small(question))
    .replace("{Q}", question)
    .replace("{ask}", parts.ask)
    .replace("{rest}", question.slice(parts.ask.length + 1));
  return whole.endsWith("?") ? whole : `${whole}?`;
}

export function plantedQuestions(name: "duplicatesTest" | "duplicatesCalibration"): PlantedQuestions {
  const file = join(import.meta.dirname, "../fixtures", `${name}.json`);
  const { planted, fillers, lookAlikes, rewordings } = JSON.parse(readFileSync(file, "utf8")) as Fixture;
  const families = (groups: readonly Group[]) =>
    groups.flatMap(({ frames, things }) =>
      things.map((thing) => frames.map((frame) => large(frame.replace("{}", thing)))),
    );
  return {
    originals: planted.map(originalOf),
    planted: {
      case: planted.map((parts, index) => otherCase(originalOf(parts), index)),
      order: planted.map(otherOrder),
      filler: planted.map((parts, index) => padded(parts, fillers[index % fillers.length] ?? "{Q}")),
      paraphrase: planted.map(({ paraphrase }) => paraphrase),
    },
    lookAlikes: families(lookAlikes),
    rewordings: families(rewordings),
  };
}
