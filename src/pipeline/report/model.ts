/** The report of a run, verdict first: the figures, examples, and how they came about. */
import type { Aim, ComparisonOutput, ComparisonRow } from "../../protocol/model.ts";
import { looksSentence } from "../ledger.ts";
import { armsSections } from "./arms.ts";
import type { Block, Cell, Figure, Report, Section, Table } from "./blocks.ts";
import { gains, regressions } from "./examples.ts";
import type { Facts } from "./facts.ts";
import { costsSection, limitsSection, methodSection } from "./method.ts";
import { gigabytes, minutes, number, percent, signed, tierOrder } from "./text.ts";

export function reportOf(facts: Facts): Report {
  const { file, outputs } = facts;
  const { gate, headline, rows } = outputs.comparison.output;
  const offline = file.settings.teacher.kind === "offline";
  const looks = looksSentence(file.looks?.length ?? 0);
  return {
    run: file.id,
    created: `${file.created.slice(0, 16).replace("T", " ")} UTC`,
    verdict: headline.verdict,
    sentence: headline.sentence,
    figure: figureOf(
      rows.find(
        ({ metric, tier, part }) => metric === headline.metric && tier === headline.tier && part === headline.part,
      ),
    ),
    notes: [
      ...(offline
        ? [
            {
              text: "Questions and references come from the offline teacher: they are formed from the sentences of the knowledge base itself, no larger model was asked.",
            },
          ]
        : []),
      ...(looks ? [{ text: looks, warning: true }] : []),
      { text: gate.sentence },
      { text: primarySentence(headline) },
      ...detailNote(outputs.comparison.output),
    ],
    sections: [
      tiersSection(facts),
      ...armsSections(outputs.comparison.output, { offline, retrieval: retrievalText(facts) }),
      bandsSection(facts),
      cyclesSection(facts),
      ...aimSections(facts),
      ...exampleSections(facts),
      timeSection(facts),
      costsSection(facts),
      methodSection(facts),
      limitsSection(facts),
    ],
  };
}

/** Which row the verdict rests on, and what its questions could have shown. */
export function primarySentence({ metric, tier, part, detectable }: ComparisonOutput["headline"]): string {
  const could =
    detectable === null
      ? "They come from too few topics to show any change."
      : `They could show changes from ±${detectable.toFixed(2)} on (80 % power at 5 %).`;
  return `Named before the run as what the verdict rests on: ${metric} of the ${tier} questions of the ${part} part. ${could} Everything else is secondary.`;
}

/** What similarity cannot see, right below the verdict; nothing where no reference has a detail, or a run did not look. */
function detailNote({ headline, rows }: ComparisonOutput): { text: string }[] {
  const found = (["reworded", "unseen"] as const).flatMap((tier) => {
    const row = rows.find(
      (each) => each.metric === "detail_recall" && each.tier === tier && each.part === headline.part,
    );
    return row?.means ? [{ tier, questions: row.scored, ...row.means }] : [];
  });
  if (found.length === 0) return [];
  const shares = found.map(
    ({ tier, questions, baseline, tuned }) =>
      `${percent(baseline)} before and ${percent(tuned)} after in ${tier} questions (n = ${questions})`,
  );
  return [
    {
      text: `Exact details, the numbers and words in code of a reference that its question does not give: answers had ${shares.join(", ")}.`,
    },
  ];
}

function figureOf(row: ComparisonRow | undefined): Figure | null {
  if (!row?.means) return null;
  const { baseline, tuned, absolute, interval } = row.means;
  return { metric: row.metric, tier: row.tier, baseline, tuned, change: absolute, interval, questions: row.scored };
}

const tierWords = {
  reworded: "new wordings of trained facts",
  train: "questions it was trained on (recall)",
  unseen: "questions about sections it was never trained on",
};

/** An interval around its change; a dash where there is none. */
function intervalCell(absolute: number | undefined, interval: { low: number; high: number } | null | undefined): Cell {
  if (absolute === undefined || !interval) return "–";
  return { text: `${signed(interval.low)} to ${signed(interval.high)}`, at: absolute, interval };
}

function tiersSection({ file, outputs }: Facts): Section {
  const { rows } = outputs.comparison.output;
  const primary = ({ metric }: ComparisonRow) => (metric === file.settings.primaryMetric ? 0 : 1);
  const table: Table = {
    kind: "table",
    caption: "Baseline against fine-tuned, by tier and metric",
    head: [
      { title: "tier" },
      { title: "metric" },
      ...["baseline", "fine-tuned", "change", "change in %", "95 % interval"].map(figures),
      ...["n", "failed", "not applicable", "better / same / worse"].map(figures),
    ],
    rows: rows
      .toSorted((a, b) => tierOrder[a.tier] - tierOrder[b.tier] || primary(a) - primary(b))
      .map(({ tier, part, metric, means, scored, failed, notApplicable, better, same, worse }) => [
        `${tier}${part === "dev" ? " (dev)" : ""}`,
        metric,
        number(means?.baseline),
        number(means?.tuned),
        signed(means?.absolute),
        signed(means?.percent, 0),
        intervalCell(means?.absolute, means?.interval),
        String(scored),
        String(failed),
        String(notApplicable),
        `${better} / ${same} / ${worse}`,
      ]),
  };
  return {
    title: "What changed",
    blocks: [
      table,
      { kind: "list", items: Object.entries(tierWords).map(([term, text]) => ({ term, text })) },
      {
        kind: "text",
        text: "The reworded tier is the headline. The trained tier shows memory, the unseen tier what happens to questions the student was never taught.",
      },
    ],
  };
}

const figures = (title: string) => ({ title, figures: true });

/** How the retrieval arms were served; null without them. */
function retrievalText({ outputs }: Facts): string | null {
  const { retrieval } = outputs.baselineAnswers.frame.params as { retrieval?: { k: number; embedder: string } | null };
  return retrieval
    ? `up to ${retrieval.k} sections by ${retrieval.embedder}, out of all sections, the unseen ones included`
    : null;
}

function bandsSection({ outputs }: Facts): Section {
  return {
    title: "What the recipe expects",
    blocks: [
      {
        kind: "table",
        caption: "Figures of the recipe beside those measured here",
        head: [{ title: "figure" }, ...["expected", "measured", "inside"].map(figures)],
        rows: outputs.comparison.output.bands.map(({ name, expected, measured, inside }) => [
          name,
          expected,
          measured,
          inside === null ? "–" : inside ? "yes" : "no",
        ]),
      },
    ],
  };
}

function cyclesSection({ file, outputs }: Facts): Section {
  const { cycles, successRate, spread } = outputs.comparison.output;
  const { primaryMetric } = file.settings;
  const trend: Block = {
    kind: "trend",
    title: `${primaryMetric} on reworded questions over the cycles`,
    points: cycles,
  };
  return {
    title: "Cycles",
    blocks: [
      ...(cycles.length > 1 ? [trend] : []),
      {
        kind: "table",
        caption: "One pass over the seven stages a row",
        head: [
          { title: "cycle" },
          { title: "succeeded" },
          { title: "gate passed" },
          ...["baseline", "fine-tuned", "new questions", "minutes", "peak memory"].map(figures),
        ],
        rows: cycles.map((each) => [
          String(each.cycle),
          each.succeeded ? "yes" : "no",
          each.passedGate ? "yes" : "no",
          number(each.baseline),
          number(each.tuned),
          String(each.questions),
          minutes(each.seconds),
          gigabytes(each.peakMemoryBytes),
        ]),
      },
      {
        kind: "text",
        text: `Success rate ${percent(successRate)}${spread === null ? "" : `, spread of the improvement over cycles ${spread.toFixed(3)} (standard deviation)`}.`,
      },
    ],
  };
}

/** Where each aimed cycle put its questions, topic by topic. */
function aimSections({ outputs }: Facts): Section[] {
  const { aims } = outputs.questions.output;
  const last = aims.at(-1);
  if (!last) return [];
  const cell = ({ topics }: Aim, wanted: string) => {
    const found = topics.find(({ topic }) => topic === wanted);
    return found ? `${found.families} (${found.failed} of ${found.asked} failed)` : "–";
  };
  return [
    {
      title: "Where the cycles were aimed",
      blocks: [
        {
          kind: "text",
          text: "Half of a cycle's question families go round the topics, the other half to the topics where the cycle before had failed on the dev part: worse, not scored, or below the metric's threshold.",
        },
        {
          kind: "table",
          caption: "Question families by topic",
          head: [{ title: "topic" }, ...aims.map(({ cycle }) => figures(`cycle ${cycle}`))],
          rows: last.topics.map(({ topic }) => [topic, ...aims.map((aim) => cell(aim, topic))]),
        },
      ],
    },
  ];
}

function exampleSections({ examples }: Facts): Section[] {
  const best = gains(examples, 3);
  const worse = regressions(examples);
  return [
    {
      title: "Examples: the three largest gains",
      blocks:
        best.length === 0
          ? [{ kind: "text", text: "No question gained anything." }]
          : [{ kind: "examples", examples: best }],
    },
    {
      title: "Regressions",
      blocks:
        worse.length === 0
          ? [{ kind: "text", text: "No question became worse by more than 0.02." }]
          : [
              { kind: "text", text: `${worse.length} of ${examples.length} questions became worse by more than 0.02.` },
              { kind: "examples", examples: worse.slice(0, 5) },
            ],
    },
  ];
}

function timeSection({ stages }: Facts): Section {
  return {
    title: "Time per stage",
    blocks: [
      {
        kind: "table",
        caption: "Seconds in the last cycle",
        head: [{ title: "stage" }, figures("seconds")],
        rows: stages.map(({ title, seconds }) => [title, seconds.toFixed(1)]),
      },
    ],
  };
}
