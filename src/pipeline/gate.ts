/**
 * The adoption gate: whether a cycle's adapter may become the student in use. It is judged on the reworded
 * questions of the dev part, so that the test part decides nothing; a run of one cycle has only the test part.
 *
 * - `default`: the verdict is not "worse", and the mean is at least that of the student in use where that one
 *   answered the same questions, else at least the baseline's.
 * - `strict`: the verdict is "better" as well.
 * - `never`: nothing is adopted but by hand.
 */
import type { ComparisonOutput, ComparisonRow, Gate, GateRule, Metric, Question } from "../protocol/model.ts";
import { fewestTopics, mean, verdict } from "./statistics.ts";

export type Standing = NonNullable<Gate["standing"]>;

/** What a cycle's tuned student came to on the questions that decide. */
export interface Measured {
  cycle: number;
  part: "dev" | "test";
  metric: Metric;
  verdict: ComparisonOutput["headline"]["verdict"];
  topics: number;
  /** Undefined when no question of the kind was asked. */
  row: ComparisonRow | undefined;
  /** The tuned student's score of each scored question. */
  scores: Record<string, number>;
}

/** The deciding part of a comparison: reworded questions, by the primary metric. */
export function measuredOf(
  comparison: Pick<ComparisonOutput, "rows" | "perQuestion">,
  asked: readonly Question[],
  { cycle, cycles, metric }: { cycle: number; cycles: number; metric: Metric },
): Measured {
  const part = cycles > 1 ? "dev" : "test";
  const row = comparison.rows.find((each) => each.metric === metric && each.tier === "reworded" && each.part === part);
  const deciding = asked.filter((question) => question.tier === "reworded" && question.part === part);
  const scored = deciding.filter(({ id }) => {
    const found = comparison.perQuestion[id];
    return found && found.baseline !== null && found.tuned !== null;
  });
  const topics = new Set(scored.map(({ topic }) => topic)).size;
  const scores = deciding.flatMap(({ id }) => {
    const value = comparison.perQuestion[id]?.tuned ?? null;
    return value === null ? [] : [[id, value] as const];
  });
  return {
    cycle,
    part,
    metric,
    topics,
    row,
    verdict: verdict(row?.means?.interval ?? null, topics),
    scores: Object.fromEntries(scores),
  };
}

/**
 * Whom a cycle is measured against: the student that an earlier cycle of the run made, else the one in use before
 * the run, where it answered, else nobody.
 * @param arm scores of the student in use before the run, by question; null without that arm.
 */
export function standingBefore(earlier: Standing | null, arm: Record<string, number> | null): Standing | null {
  if (earlier?.cycle || !arm) return earlier;
  return { cycle: null, scores: arm };
}

/** A reason of the gate, and whether it speaks for or against; a remark does neither. */
interface Reason {
  holds: boolean | null;
  text: string;
}

/** @param adopted the student in use with its scores, where it has any; null when there is none. */
export function decideGate(rule: GateRule, measured: Measured, adopted: Standing | null): Gate {
  const reasons = [...reasonsOf(rule, measured, adopted), ...remarksOf(measured)];
  const against = reasons.filter(({ holds }) => holds === false);
  const fits = against.length === 0;
  const passed = fits && rule !== "never";
  const told = rule === "never" ? [] : fits ? reasons.filter(({ holds }) => holds !== false) : against;
  const texts =
    rule === "never" ? ["it is set to “never”, so only a person adopts a student."] : told.map(({ text }) => text);
  return {
    rule,
    passed,
    part: measured.part,
    sentence: `Gate ${passed ? "passed" : "not passed"}: ${texts.join(" ")}`,
    reasons: reasons.map(({ text }) => text),
    standing: passed ? { cycle: measured.cycle, scores: measured.scores } : adopted,
  };
}

/** Sums of the same scores in another order may differ in the last bits. */
const slack = 1e-9;

function reasonsOf(rule: GateRule, measured: Measured, adopted: Standing | null): Reason[] {
  const { row, part, metric, verdict: call } = measured;
  if (!row) return [{ holds: false, text: `no reworded question of the ${part} part was asked.` }];
  if (!row.means)
    return [
      {
        holds: false,
        text: `only ${row.scored} of ${row.scored + row.failed} reworded questions of the ${part} part were scored in both arms.`,
      },
    ];
  const demanded = rule === "strict" ? call === "better" : call !== "worse";
  const strictly = !demanded && rule === "strict" ? ", and the strict rule demands “better”" : "";
  const both = adopted ? Object.keys(measured.scores).filter((id) => id in adopted.scores) : [];
  const [mine, other, whose, count] =
    adopted && both.length > 0
      ? [
          mean(both.map((id) => measured.scores[id] as number)),
          mean(both.map((id) => adopted.scores[id] as number)),
          `of the student in use (${adopted.cycle === null ? "of an earlier run" : `cycle ${adopted.cycle}`})`,
          both.length,
        ]
      : [row.means.tuned, row.means.baseline, "of the baseline", row.scored];
  const holds = mine >= other - slack;
  const words = `${metric} ${mine.toFixed(3)} is ${holds ? "at least" : "below"} the ${other.toFixed(3)} ${whose}, n = ${count}`;
  return [
    { holds: demanded, text: `the verdict on the ${part} part is “${call}”${strictly}.` },
    { holds, text: `${words}.` },
  ];
}

/** What was not decided, and where it was judged. */
function remarksOf({ row, part, topics, verdict: call }: Measured): Reason[] {
  const remarks: Reason[] = [];
  if (row?.means && call === "cannot tell")
    remarks.push({
      holds: null,
      text:
        `It cannot tell whether the change is more than chance: ` +
        (topics < fewestTopics
          ? `${topics} ${topics === 1 ? "topic is" : "topics are"} too few for a verdict.`
          : `the interval of ${row.scored} questions includes no change.`),
    });
  if (part === "test")
    remarks.push({ holds: null, text: "It was judged on the test part, as a run of one cycle has no dev part." });
  return remarks;
}
