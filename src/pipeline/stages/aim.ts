/**
 * Aimed cycles: the next cycle asks more about the topics where the cycle before it failed on the dev part. Half
 * of the question families go round the topics in turn, so that each keeps a share; the other half is dealt out
 * in proportion to the failures.
 */
import type { Aim, ComparisonOutput, Metric, Question, Section } from "../../protocol/model.ts";
import { inTurn, type SectionPlan } from "./sections.ts";

/** A topic's dev questions in the cycle before, and how many of them failed. */
export interface TopicFailures {
  topic: string;
  asked: number;
  failed: number;
}

/** A tuned answer scored below this has failed. 0.8 is where the recipe's band for a tuned student begins. */
const usualThreshold = 0.8;
/** Shares of words and of claims are lower than similarities for answers of the same worth. */
const thresholds: Partial<Record<Metric, number>> = { rouge_score: 0.5, factual_correctness: 0.5 };

/**
 * Per topic of `sections`, in their order: a dev question failed when it got worse, could not be scored, or the
 * tuned answer's score is below the metric's threshold. Those the metric says nothing about do not count. Null when
 * nothing failed, as there is nothing to aim at.
 */
export function failuresOf(
  questions: readonly Question[],
  { perQuestion, headline }: Pick<ComparisonOutput, "perQuestion" | "headline">,
  sections: readonly Section[],
): TopicFailures[] | null {
  const threshold = thresholds[headline.metric] ?? usualThreshold;
  const topics = [...new Set(sections.map(({ topic }) => topic))].map((topic): TopicFailures => {
    const scores = questions.flatMap(({ id, part, topic: of }) => {
      const found = perQuestion[id];
      return part === "dev" && of === topic && found && found.change !== "not applicable" ? [found] : [];
    });
    const failed = scores.filter(
      ({ change, tuned }) => change === "worse" || change === "unscored" || tuned === null || tuned < threshold,
    );
    return { topic, asked: scores.length, failed: failed.length };
  });
  return topics.some(({ failed }) => failed > 0) ? topics : null;
}

/**
 * Families per topic, `count` in all. The first half goes round the topics, going on in a later cycle where the
 * earlier one ended. The rest is dealt by the share of failed questions, drawn towards the share over all topics
 * as by one question more: (failed + overall) / (asked + 1). So one question decides little, and a topic that
 * was never asked counts as the average one. Remainders go to the largest fractions.
 */
export function quotas(topics: readonly TopicFailures[], count: number, cycle: number): Map<string, number> {
  const result = new Map(topics.map(({ topic }) => [topic, 0]));
  const add = (topic: string, more: number) => result.set(topic, (result.get(topic) ?? 0) + more);
  const floor = Math.ceil(count / 2);
  for (let index = 0; index < floor; index++)
    add(topics[(floor * (cycle - 1) + index) % topics.length]?.topic ?? "", 1);
  const asked = topics.reduce((sum, each) => sum + each.asked, 0);
  const overall = topics.reduce((sum, each) => sum + each.failed, 0) / Math.max(1, asked);
  const weights = topics.map((each) => (each.failed + overall) / (each.asked + 1));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const shares = weights.map((weight) => ((count - floor) * weight) / sum);
  const whole = shares.map(Math.floor);
  const left = count - floor - whole.reduce((total, each) => total + each, 0);
  const byFraction = topics
    .map((_, index) => index)
    .sort((a, b) => (shares[b] ?? 0) - (whole[b] ?? 0) - ((shares[a] ?? 0) - (whole[a] ?? 0)));
  topics.forEach(({ topic }, index) => add(topic, (whole[index] ?? 0) + (byFraction.indexOf(index) < left ? 1 : 0)));
  return result;
}

/** As `spread` of sections.ts, by {@link quotas}; in each topic the sections with the fewest families so far come first. */
export function aimedSpread(
  sections: readonly Section[],
  count: number,
  cycle: number,
  seed: number,
  failures: readonly TopicFailures[],
  earlier: readonly Question[],
): { plan: SectionPlan[]; spare: Section[] } {
  if (sections.length === 0 || count === 0) return { plan: [], spare: [] };
  const used = new Map<string, Set<string>>();
  for (const { section, family } of earlier) used.set(section, (used.get(section) ?? new Set()).add(family));
  const usedOf = ({ id }: Section) => used.get(id)?.size ?? 0;
  const order = inTurn(sections, seed).sort((a, b) => usedOf(a) - usedOf(b));
  const plan = [...quotas(failures, count, cycle)].flatMap(([topic, quota]) => {
    const own = order.filter((section) => section.topic === topic);
    // The first `quota % n` sections take one more than the others.
    return own.flatMap((section, index): SectionPlan[] => {
      const families = Math.floor(quota / own.length) + (index < quota % own.length ? 1 : 0);
      return families > 0 ? [{ section, count: families }] : [];
    });
  });
  const planned = new Set(plan.map(({ section }) => section.id));
  return { plan, spare: order.filter(({ id }) => !planned.has(id)) };
}

/** One sentence for the report: what was aimed where, the topics with the most families first. */
export function aimNote({ cycle, topics }: Aim): string {
  const named = topics
    .filter(({ failed }) => failed > 0)
    .sort((a, b) => b.families - a.families)
    .slice(0, 8)
    .map(({ topic, asked, failed, families }) => `${topic} ${families} (${failed} of ${asked} failed)`);
  const rest = topics.reduce((sum, { families }) => sum + families, 0);
  return `Cycle ${cycle} was aimed by the failures of cycle ${cycle - 1} on the dev part, ${rest} families in all: ${named.join(", ")}.`;
}
