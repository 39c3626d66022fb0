/** Stage 7: what fine-tuning changed, per metric and tier, with intervals and a verdict. */
import type {
  ArmAnswers,
  ArmScores,
  ComparisonOutput,
  ComparisonRow,
  CycleSummary,
  Metric,
  OfArms,
  Question,
  Tier,
} from "../../protocol/model.ts";
import { armNames, metricNames, tiers } from "../../protocol/model.ts";
import { answeringOf } from "../degenerate.ts";
import { detectableOf } from "../detectable.ts";
import { decideGate, measuredOf, standingBefore } from "../gate.ts";
import { checkExtends, sealOf } from "../ledger.ts";
import { compareProbe, probeParams } from "../probe.ts";
import { excludedFamilies } from "../review.ts";
import { defineStage } from "../stage.ts";
import {
  changeOf,
  compare,
  fewestTopics,
  mean,
  standardDeviation,
  topicSums,
  verdict,
  type Pair,
} from "../statistics.ts";
import { armRows } from "./armRows.ts";
import { askedIn } from "./items.ts";
import { measuredBy, pairsOf, scoreOf, valuesOf } from "./scores.ts";

type Scores = ArmScores["scores"];

function rowFor(
  metric: Metric,
  tier: Tier,
  part: "dev" | "test",
  asked: readonly Question[],
  baseline: Scores,
  tuned: Scores,
): ComparisonRow | null {
  const group = asked.filter((question) => question.tier === tier && question.part === part);
  const measured = measuredBy(group, metric, baseline, tuned);
  if (!measured) return null;
  const { questions, notApplicable } = measured;
  return {
    metric,
    tier,
    part,
    ...compare(pairsOf(questions, metric, baseline, tuned), questions.length),
    notApplicable,
  };
}

const signed = (value: number, digits = 2): string => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(digits)}`;

/** The headline: the reworded tier on one part; `pairs` are its questions that were scored in both arms. */
function headlineOf(
  rows: readonly ComparisonRow[],
  metric: Metric,
  part: "dev" | "test",
  pairs: readonly Pair[],
): ComparisonOutput["headline"] {
  const row = rows.find((each) => each.metric === metric && each.tier === "reworded" && each.part === part);
  const sums = topicSums(pairs);
  const topics = sums.length;
  const call = verdict(row?.means?.interval ?? null, topics);
  const shared = { metric, tier: "reworded", part, verdict: call, detectable: detectableOf(sums) } as const;
  if (!row) return { ...shared, verdict: "cannot tell", sentence: "Cannot tell: no reworded question was scored." };
  if (!row.means)
    return {
      ...shared,
      verdict: "cannot tell",
      sentence: `Cannot tell: only ${row.scored} of ${row.scored + row.failed + row.notApplicable} reworded questions were scored in both arms.`,
    };
  const { baseline, tuned, absolute, interval } = row.means;
  const figures =
    `${metric} on reworded questions went from ${baseline.toFixed(2)} to ${tuned.toFixed(2)} (${signed(absolute)}` +
    `${interval ? `, 95 % interval ${signed(interval.low)} to ${signed(interval.high)}` : ""}, n = ${row.scored})`;
  const words = { better: "Better", worse: "Worse", "cannot tell": "Cannot tell" }[call];
  const why =
    call !== "cannot tell"
      ? ""
      : topics < fewestTopics
        ? ` ${topics} topics are too few for a verdict.`
        : " The interval includes no change.";
  return { ...shared, sentence: `${words}: ${figures}.${why}` };
}

/** What the recipe expects of a cycle, beside what was measured. */
function bandsOf(row: ComparisonRow | undefined, seconds: number): ComparisonOutput["bands"] {
  const means = row?.means;
  const within = (value: number | null | undefined, low: number, high: number) =>
    value === null || value === undefined ? null : value >= low && value <= high;
  const percent = means?.percent;
  return [
    {
      name: "baseline",
      expected: "0.60–0.80",
      measured: means ? means.baseline.toFixed(2) : "–",
      inside: within(means?.baseline, 0.6, 0.8),
    },
    {
      name: "fine-tuned",
      expected: "0.80–0.95",
      measured: means ? means.tuned.toFixed(2) : "–",
      inside: within(means?.tuned, 0.8, 0.95),
    },
    {
      name: "improvement",
      expected: "+10–30 %",
      measured: percent === null || percent === undefined ? "–" : `${signed(percent, 0)} %`,
      inside: within(percent, 10, 30),
    },
    {
      name: "time of a cycle",
      expected: "5–30 min",
      measured: `${(seconds / 60).toFixed(1)} min`,
      inside: within(seconds / 60, 5, 30),
    },
  ];
}

export const comparison = defineStage({
  id: "comparison",
  version: 5,
  needs: [
    "questions",
    "references",
    "baselineAnswers",
    "baselineEvaluation",
    "fineTuning",
    "tunedAnswers",
    "tunedEvaluation",
  ],
  needsPrevious: ["comparison", "questions"],
  uses: "network",
  params: ({ settings, cycle }) => ({
    metric: settings.primaryMetric,
    gate: settings.gate,
    last: cycle === settings.cycles,
    several: settings.cycles > 1,
    probe: probeParams({ settings, cycle }),
  }),
  async run(input, context, previous): Promise<ComparisonOutput> {
    const { cycle, settings, store } = context;
    const last = cycle === settings.cycles;
    if (previous.comparison)
      checkExtends(previous.comparison.seal, previous.questions?.questions ?? [], input.questions.questions);
    const leftOut = excludedFamilies(input.references);
    const asked = askedIn(input.questions.questions, cycle, settings.cycles).filter(
      ({ family }) => !leftOut.has(family),
    );
    const scores = { ...input.baselineEvaluation.arms, ...input.tunedEvaluation.arms };
    const answers: OfArms<ArmAnswers> = { ...input.baselineAnswers.arms, ...input.tunedAnswers.arms };
    const baseline = scores.baseline.scores;
    const tuned = scores.tuned.scores;
    const rows = metricNames.flatMap((metric) =>
      (["test", "dev"] as const).flatMap((part) =>
        tiers.flatMap((tier) => rowFor(metric, tier, part, asked, baseline, tuned) ?? []),
      ),
    );
    // Cycles are compared on dev; a single cycle has no dev part and is judged on test.
    const deciding = rows.find(
      (row) =>
        row.metric === settings.primaryMetric &&
        row.tier === "reworded" &&
        row.part === (settings.cycles > 1 ? "dev" : "test"),
    );
    const seconds = (await store.list())
      .flatMap((entry) => (entry.state === "ok" && entry.cycle === cycle ? [entry.frame.seconds] : []))
      .reduce((sum, each) => sum + each, 0);
    const perQuestion = Object.fromEntries(
      asked.map((question) => {
        const { id } = question;
        const before = scoreOf(baseline, id, settings.primaryMetric);
        const after = scoreOf(tuned, id, settings.primaryMetric);
        const without = measuredBy([question], settings.primaryMetric, baseline, tuned)?.notApplicable
          ? "not applicable"
          : "unscored";
        const change = before === null || after === null ? without : changeOf(before, after);
        return [id, { baseline: before, tuned: after, change }] as const;
      }),
    );
    const measured = measuredOf({ rows, perQuestion }, asked, {
      cycle,
      cycles: settings.cycles,
      metric: settings.primaryMetric,
    });
    const ofAdopted = scores.adopted && valuesOf(asked, settings.primaryMetric, scores.adopted.scores);
    const standing = standingBefore(previous.comparison?.gate.standing ?? null, ofAdopted ?? null);
    const gate = decideGate(settings.gate, measured, standing);
    const summary: CycleSummary = {
      cycle,
      succeeded: (deciding?.means?.absolute ?? 0) > 0,
      passedGate: gate.passed,
      baseline: deciding?.means?.baseline ?? null,
      tuned: deciding?.means?.tuned ?? null,
      questions: input.questions.questions.filter((question) => question.cycle === cycle).length,
      seconds,
      peakMemoryBytes: input.fineTuning.peakMemoryBytes,
    };
    const cycles = [...(previous.comparison?.cycles ?? []), summary];
    // The test part decides once it is open, and dev in the cycles before the last.
    const part = last ? "test" : "dev";
    const decisive = asked.filter((question) => question.tier === "reworded" && question.part === part);
    const pairs = pairsOf(decisive, settings.primaryMetric, baseline, tuned);
    return {
      headline: headlineOf(rows, settings.primaryMetric, part, pairs),
      seal: sealOf(input.questions.questions),
      gate,
      rows,
      perQuestion,
      arms: armRows(scores, asked, last ? "test" : "dev"),
      answering: armNames.flatMap((arm) => {
        const given = answers[arm];
        return given ? [answeringOf(arm, given)] : [];
      }),
      probe: compareProbe(input.baselineAnswers.probe, input.tunedAnswers.probe),
      bands: bandsOf(
        rows.find(
          (row) =>
            row.metric === "semantic_similarity" && row.tier === "reworded" && row.part === (last ? "test" : "dev"),
        ),
        seconds,
      ),
      cycles,
      successRate: mean(cycles.map(({ succeeded }) => (succeeded ? 1 : 0))),
      spread: standardDeviation(
        cycles.flatMap((each) => (each.baseline === null || each.tuned === null ? [] : [each.tuned - each.baseline])),
      ),
    };
  },
  summary: ({ headline }) => headline.sentence,
});
