/** How often an interval covers a known effect, and how often the verdict is wrong about no effect. */
import { verdict, type Pair } from "../src/pipeline/statistics.ts";
import { differenceMaker, type Setting } from "./madeDifferences.ts";
import { seededRandom } from "./seededRandom.ts";

export type Method = (pairs: readonly Pair[]) => { low: number; high: number } | null;

/** Shares of all runs. */
export interface Outcome {
  /** The interval holds the effect that was put in. */
  covered: number;
  /** The verdict where there is no effect. */
  falseBetter: number;
  falseWorse: number;
}

export const seed = 42;
export const runs = 10_000;
const effect = 0.1;

/** The outcome of each method over the same made differences. */
export function simulate<Name extends string>(
  setting: Setting,
  methods: Record<Name, Method>,
  count = runs,
): Record<Name, Outcome> {
  const make = differenceMaker(setting, seededRandom(seed, setting));
  const entries = Object.entries<Method>(methods);
  const hits = entries.map(() => ({ covered: 0, falseBetter: 0, falseWorse: 0 }));
  for (let run = 0; run < count; run++) {
    const pairs = pairsOf(make());
    for (const [index, [, method]] of entries.entries()) {
      const found = hits[index];
      if (!found) continue;
      const interval = method(pairs);
      if (!interval) continue;
      if (interval.low <= effect && effect <= interval.high) found.covered += 1;
      // All methods move with the data, so this is the interval of the same differences without the effect.
      const call = verdict({ low: interval.low - effect, high: interval.high - effect }, setting.topics);
      if (call === "better") found.falseBetter += 1;
      if (call === "worse") found.falseWorse += 1;
    }
  }
  const share = ({ covered, falseBetter, falseWorse }: Outcome): Outcome => ({
    covered: covered / count,
    falseBetter: falseBetter / count,
    falseWorse: falseWorse / count,
  });
  return Object.fromEntries(entries.map(([name], index) => [name, share(hits[index] as Outcome)])) as Record<
    Name,
    Outcome
  >;
}

function pairsOf(topics: readonly (readonly number[])[]): Pair[] {
  return topics.flatMap((differences, topic) =>
    differences.map((each) => ({ cluster: topicNames[topic] ?? "", baseline: 0.5, tuned: 0.5 + effect + each })),
  );
}

const topicNames = Array.from({ length: 20 }, (_, topic) => `topic ${topic}`);
