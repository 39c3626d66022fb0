/** The part of the report on who answered: all arms beside each other, how they answer, and what was forgotten. */
import { armTitles, type Answering, type ArmRow, type ComparisonOutput, type ProbeResult } from "../protocol/model.ts";

const order = { reworded: 0, train: 1, unseen: 2 };
const tierTitles = { reworded: "reworded", train: "trained", unseen: "unseen" };
const signed = (value: number): string => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;
const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;

/** The arms, as tables by tier and metric show them: headline tier first. */
export const sortedArms = (rows: readonly ArmRow[]): ArmRow[] => rows.toSorted((a, b) => order[a.tier] - order[b.tier]);

/** Whether there is more to show than untuned against fine-tuned, which the main table shows. */
export const hasMoreArms = ({ answering }: Pick<ComparisonOutput, "answering">): boolean => answering.length > 2;

/**
 * Lines of Markdown. `retrieval`: how sections were found, null without such arms; `offline`: the
 * teacher's own row says little then.
 */
export function armsReport(
  { arms, answering, probe }: Pick<ComparisonOutput, "arms" | "answering" | "probe">,
  { offline, retrieval }: { offline: boolean; retrieval: string | null },
): string[] {
  const teacher = answering.some(({ arm }) => arm === "teacher");
  return [
    ...(hasMoreArms({ answering })
      ? [
          "## All arms",
          "",
          "| tier | metric | arm | mean | against untuned | 95 % interval | n | failed |",
          "|---|---|---|---|---|---|---|---|",
          ...sortedArms(arms).map(armLine),
          "",
          "Each row is over the questions scored in both that arm and the untuned one; all arms got the same questions, seeds and limits.",
          "",
          ...(retrieval === null ? [] : [`Retrieval put ${retrieval}, before the question.`, ""]),
          ...(teacher
            ? [
                offline
                  ? "The offline teacher looks its own sentence up again, so its row is near 1 by construction and no ceiling to aim at."
                  : "The teacher answered each question afresh, from the section: a ceiling, as the references are its own.",
                "",
              ]
            : []),
        ]
      : []),
    "## How they answer",
    "",
    "| arm | answers | ended by itself | mean tokens | empty | looping | cut |",
    "|---|---|---|---|---|---|---|",
    ...answering.map(answeringLine),
    "",
    "Empty: no word in it. Looping: more than 30 % of its runs of four words had occurred in it before. Cut: a limit ended it, not the model.",
    "",
    ...(probe ? probeLines(probe) : []),
  ];
}

const armLine = ({ tier, part, metric, arm, means, scored, failed }: ArmRow): string => {
  const cells = [
    `${tierTitles[tier]}${part === "dev" ? " (dev)" : ""}`,
    metric,
    armTitles[arm],
    means ? means.mean.toFixed(2) : "too few scored",
    means?.difference == null ? "–" : signed(means.difference),
    means?.interval ? `${signed(means.interval.low)} to ${signed(means.interval.high)}` : "–",
    scored,
    failed,
  ];
  return `| ${cells.join(" | ")} |`;
};

const answeringLine = ({ arm, answers, stopRate, meanTokens, empty, looping, cut }: Answering): string =>
  `| ${armTitles[arm]} | ${answers} | ${percent(stopRate)} | ${meanTokens === null ? "–" : meanTokens.toFixed(0)} | ${empty} | ${looping} | ${cut} |`;

/** "Of 16 general questions 9 were answered right before fine-tuning and 7 after; 3 were lost and 1 was gained." */
export const probeSentence = ({ questions, before, after, lost, gained }: ProbeResult): string =>
  `Of ${questions} general questions ${before} were answered right before fine-tuning and ${after} after; ` +
  `${lost.length} ${lost.length === 1 ? "was" : "were"} lost and ${gained.length} gained.`;

function probeLines(probe: ProbeResult): string[] {
  return [
    "## What was forgotten",
    "",
    `${probeSentence(probe)} They have nothing to do with the knowledge base and are checked by a rule.`,
    "",
    ...probe.lost.map(
      ({ question, before, after }) => `- ${question} Before: ${inline(before)}. After: ${inline(after)}.`,
    ),
    ...(probe.lost.length > 0 ? [""] : []),
  ];
}

/** A short answer inside a line: shown, never interpreted. */
const inline = (text: string): string => {
  const line = text
    .trim()
    .replace(/\s+/g, " ")
    .replace(/([<>[\]`#*_|\\])/g, "\\$1");
  return line === "" ? "(empty)" : `“${line}”`;
};
