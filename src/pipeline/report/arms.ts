/** Who answered: all arms beside each other, how they answer, and what was forgotten. */
import {
  armTitles,
  type Answering,
  type ArmRow,
  type ComparisonOutput,
  type ProbeResult,
} from "../../protocol/model.ts";
import type { Block, Section } from "./blocks.ts";
import { number, percent, signed, tierOrder, unscored } from "./text.ts";

const tierTitles = { reworded: "reworded", train: "trained", unseen: "unseen" };
const figures = (title: string) => ({ title, figures: true });
const text = (words: string): Block => ({ kind: "text", text: words });

/** The arms, as tables by tier and metric show them: headline tier first. */
export const sortedArms = (rows: readonly ArmRow[]): ArmRow[] =>
  rows.toSorted((a, b) => tierOrder[a.tier] - tierOrder[b.tier]);

/** Whether there is more to show than untuned against fine-tuned, which the main table shows. */
export const hasMoreArms = ({ answering }: Pick<ComparisonOutput, "answering">): boolean => answering.length > 2;

/**
 * `retrieval`: how sections were found, null without such arms; `offline`: the teacher's own row says little then.
 */
export function armsSections(
  { arms, answering, probe }: Pick<ComparisonOutput, "arms" | "answering" | "probe">,
  { offline, retrieval }: { offline: boolean; retrieval: string | null },
): Section[] {
  const teacher = answering.some(({ arm }) => arm === "teacher");
  const ceiling = offline
    ? "The offline teacher looks its own sentence up again, so its row is near 1 by construction and no ceiling to aim at."
    : "The teacher answered each question afresh, from the section: a ceiling, as the references are its own.";
  const all: Section = {
    title: "All arms",
    blocks: [
      {
        kind: "table",
        caption: "Every arm beside the untuned student",
        head: [
          { title: "tier" },
          { title: "metric" },
          { title: "arm" },
          ...["mean", "against untuned", "95 % interval", "n", "failed", "not applicable"].map(figures),
        ],
        rows: sortedArms(arms).map(armCells),
      },
      text(
        "Each row is over the questions scored in both that arm and the untuned one; all arms got the same questions, seeds and limits.",
      ),
      ...(retrieval === null ? [] : [text(`Retrieval put ${retrieval}, before the question.`)]),
      ...(teacher ? [text(ceiling)] : []),
    ],
  };
  return [
    ...(hasMoreArms({ answering }) ? [all] : []),
    {
      title: "How they answer",
      blocks: [
        {
          kind: "table",
          caption: "The form of the answers, by arm",
          head: [
            { title: "arm" },
            ...["answers", "ended by itself", "mean tokens", "empty", "looping", "cut"].map(figures),
          ],
          rows: answering.map(answeringCells),
        },
        text(
          "Empty: no word in it. Looping: more than 30 % of its runs of four words had occurred in it before. Cut: a limit ended it, not the model.",
        ),
      ],
    },
    ...(probe ? [probeSection(probe)] : []),
  ];
}

const armCells = ({ tier, part, metric, arm, means, scored, failed, notApplicable }: ArmRow) => [
  `${tierTitles[tier]}${part === "dev" ? " (dev)" : ""}`,
  metric,
  armTitles[arm],
  means ? number(means.mean) : unscored(scored + failed),
  signed(means?.difference),
  means?.interval && means.difference !== null
    ? {
        text: `${signed(means.interval.low)} to ${signed(means.interval.high)}`,
        at: means.difference,
        interval: means.interval,
      }
    : "–",
  String(scored),
  String(failed),
  String(notApplicable),
];

const answeringCells = ({ arm, answers, stopRate, meanTokens, empty, looping, cut }: Answering): string[] => [
  armTitles[arm],
  String(answers),
  percent(stopRate),
  number(meanTokens, 0),
  ...[empty, looping, cut].map(String),
];

/** "Of 16 general questions 9 were answered right before fine-tuning and 7 after; 3 were lost and 1 was gained." */
export const probeSentence = ({ questions, before, after, lost, gained }: ProbeResult): string =>
  `Of ${questions} general questions ${before} were answered right before fine-tuning and ${after} after; ` +
  `${lost.length} ${lost.length === 1 ? "was" : "were"} lost and ${gained.length} gained.`;

function probeSection(probe: ProbeResult): Section {
  const sentence = `${probeSentence(probe)} They have nothing to do with the knowledge base and are checked by a rule.`;
  const lost: Block = {
    kind: "list",
    items: probe.lost.map(({ question, before, after }) => ({
      text: `${question} Before: ${said(before)} After: ${said(after)}`,
    })),
  };
  return { title: "What was forgotten", blocks: [text(sentence), ...(probe.lost.length > 0 ? [lost] : [])] };
}

/** With a full stop inside where the answer has none. */
function said(answer: string): string {
  const words = answer.trim();
  return words === "" ? "(empty)." : `“${words}${/[.!?]$/.test(words) ? "" : "."}”`;
}
