/** The smallest change that a set of questions can show, before a run and after it. */
import type { ComparisonOutput, Question } from "../protocol/model.ts";
import type { RunSettings } from "../protocol/run.ts";
import { clusteredMean, type Cluster } from "./clusterRobust.ts";
import { fewestTopics, mean, standardDeviation, type Pair } from "./statistics.ts";
import { tQuantile } from "./studentT.ts";

/** How much the differences of single questions vary, and how alike those of one topic are. */
export interface Spread {
  /** Standard deviation of the paired differences. */
  deviation: number;
  /** Intra-topic correlation, 0 to below 1. */
  correlation: number;
}

/** Until a run of the workspace has measured its own; scores run from 0 to 1. */
export const assumedSpread: Spread = { deviation: 0.25, correlation: 0.1 };

/** What a run's verdict will rest on: the reworded questions of the test part. */
export interface TestPlan {
  questions: number;
  topics: number;
}

/** Every family of every cycle has one reworded question in the test part; topics take turns in giving them. */
export function testPlan({ questions, cycles }: Pick<RunSettings, "questions" | "cycles">, topics: number): TestPlan {
  return { questions: questions * cycles, topics: Math.min(topics, questions * cycles) };
}

/** So many standard errors a true change must measure to be found in 80 % of all runs, two-sided at 5 %. */
const errorsNeeded = (degrees: number): number => tQuantile(0.975, degrees) + tQuantile(0.8, degrees);

/**
 * The smallest true change of the mean that gets a verdict in 80 % of all runs (two-sided, 5 %): Bloom's
 * minimum detectable effect (1995) with Kish's design effect 1 + (questions per topic − 1) × correlation
 * and topics − 1 degrees of freedom. Null where there are too few topics for any verdict.
 */
export function smallestDetectable(
  { questions, topics }: TestPlan,
  { deviation, correlation }: Spread = assumedSpread,
): number | null {
  if (topics < fewestTopics) return null;
  const designEffect = 1 + (questions / topics - 1) * correlation;
  return errorsNeeded(topics - 1) * deviation * Math.sqrt(designEffect / questions);
}

/** The same of questions that were asked, from the error they turned out to have. */
export function detectableOf(topics: readonly Cluster[]): number | null {
  const found = topics.length < fewestTopics ? null : clusteredMean(topics);
  return found && errorsNeeded(found.degrees) * found.error;
}

/**
 * The spread in a finished comparison, over the questions of its headline. Null where too few topics or
 * questions were scored to say.
 */
export function measuredSpread(comparison: ComparisonOutput, questions: readonly Question[]): Spread | null {
  const { tier, part } = comparison.headline;
  const pairs = questions.flatMap((question): Pair[] => {
    const scores = comparison.perQuestion[question.id];
    if (question.tier !== tier || question.part !== part || !scores) return [];
    const { baseline, tuned } = scores;
    return baseline === null || tuned === null ? [] : [{ cluster: question.topic, baseline, tuned }];
  });
  const deviation = standardDeviation(pairs.map(({ baseline, tuned }) => tuned - baseline));
  const topics = new Set(pairs.map(({ cluster }) => cluster)).size;
  if (!deviation || pairs.length < 10 || topics < fewestTopics) return null;
  return { deviation, correlation: correlationOf(pairs) ?? assumedSpread.correlation };
}

/** Intra-topic correlation by analysis of variance (Donner 1986), not below 0; null when no topic has two questions. */
function correlationOf(pairs: readonly Pair[]): number | null {
  const topics = [...Map.groupBy(pairs, ({ cluster }) => cluster).values()].map((group) =>
    group.map(({ baseline, tuned }) => tuned - baseline),
  );
  const all = topics.flat();
  if (all.length === topics.length) return null;
  const centre = mean(all);
  const between = topics.reduce((sum, each) => sum + each.length * (mean(each) - centre) ** 2, 0) / (topics.length - 1);
  const within =
    topics.reduce((sum, each) => sum + each.reduce((part, value) => part + (value - mean(each)) ** 2, 0), 0) /
    (all.length - topics.length);
  const typical =
    (all.length - topics.reduce((sum, { length }) => sum + length ** 2, 0) / all.length) / (topics.length - 1);
  const total = between + (typical - 1) * within;
  return total > 0 ? Math.min(0.95, Math.max(0, (between - within) / total)) : 0;
}

/** "The 20 questions of the verdict, over 20 topics, can show a change of ±0.17 or more (…)." */
export function planSentence(plan: TestPlan, measured: { run: string; spread: Spread } | null): string {
  const { questions, topics } = plan;
  const asked = `${questions} question${questions === 1 ? "" : "s"} over ${topics} topic${topics === 1 ? "" : "s"}`;
  const spread = measured?.spread ?? assumedSpread;
  const change = smallestDetectable(plan, spread);
  if (change === null)
    return `The verdict will be "cannot tell", whatever comes out: it rests on ${asked}, and needs ${fewestTopics} topics.`;
  const source = measured ? `as measured in run ${measured.run}` : "assumed";
  return `The verdict rests on ${asked}; they can show a change of ±${change.toFixed(2)} or more (80 % power at 5 %; standard deviation ${spread.deviation.toFixed(2)}, ${source}).`;
}
