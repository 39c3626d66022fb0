/** Who answered how, for the terminal: all arms beside the untuned student, their form, and what was forgotten. */
import { hasMoreArms, probeSentence, sortedArms } from "../pipeline/report/arms.ts";
import { unscored } from "../pipeline/report/text.ts";
import { armTitles, type ComparisonOutput } from "../protocol/model.ts";
import { counts, printable, table } from "./tables.ts";

const tierTitles = { reworded: "reworded", train: "trained", unseen: "unseen" };
const signed = (value: number): string => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;

/** What stands below the main table. The table of arms only where there are more than the main one shows. */
export function armsText({ arms, answering, probe }: Pick<ComparisonOutput, "arms" | "answering" | "probe">): string {
  const rows = sortedArms(arms).map(({ tier, part, metric, arm, means, scored, failed, notApplicable }) => [
    `${tierTitles[tier]}${part === "dev" ? ", dev" : ""}`,
    metric,
    armTitles[arm],
    means ? means.mean.toFixed(2) : unscored(scored + failed),
    means?.difference == null ? "–" : signed(means.difference),
    means?.interval ? `${signed(means.interval.low)} to ${signed(means.interval.high)}` : "–",
    counts(scored, failed, notApplicable),
  ]);
  const forms = answering.map(({ arm, answers, stopRate, meanTokens, empty, looping, cut }) => [
    armTitles[arm],
    String(answers),
    `${Math.round(stopRate * 100)} %`,
    meanTokens === null ? "–" : meanTokens.toFixed(0),
    ...[empty, looping, cut].map(String),
  ]);
  return [
    ...(hasMoreArms({ answering })
      ? [table([["questions", "metric", "who answers", "mean", "against untuned", "95 % interval", "n"], ...rows])]
      : []),
    table([["who answers", "answers", "ended by itself", "mean tokens", "empty", "looping", "cut"], ...forms]),
    ...(probe ? [[probeSentence(probe), ...lostLines(probe)].join("\n")] : []),
  ].join("\n\n");
}

const lostLines = ({ lost }: NonNullable<ComparisonOutput["probe"]>): string[] =>
  lost.map(({ question, before, after }) => `  lost: ${question} Before: ${short(before)} After: ${short(after)}`);

function short(text: string): string {
  const line = printable(text).replace(/\s+/g, " ").trim();
  return line === "" ? "(empty)" : line.length > 60 ? `${line.slice(0, 60)}…` : line;
}
