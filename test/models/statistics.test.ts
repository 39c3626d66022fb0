/** The same numbers through numpy and scipy, which know nothing of our formulas. */
import { execa } from "execa";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { z } from "zod";
import { normalDraws, seededRandom } from "../../bench/seededRandom.ts";
import { clusteredMean } from "../../src/pipeline/clusterRobust.ts";
import { clusteredInterval, topicSums, type Pair } from "../../src/pipeline/statistics.ts";
import { tQuantile } from "../../src/pipeline/studentT.ts";
import { readyEnvironment } from "../../src/pipeline/adapters/environment.ts";

const interval = z.object({ low: z.number(), high: z.number() });
const answerSchema = z.object({
  quantiles: z.array(z.number()),
  paired: interval,
  clustered: z.array(interval.extend({ error: z.number(), degrees: z.number() })),
});

/** Scores of topics of the given sizes; those of one topic are alike. */
function pairsOf(sizes: readonly number[]): Pair[] {
  const draw = normalDraws(seededRandom("scipy", sizes));
  return sizes.flatMap((size, topic) => {
    const common = 0.1 * draw();
    return Array.from({ length: size }, () => ({
      cluster: `topic ${topic}`,
      baseline: 0.5 + 0.1 * draw(),
      tuned: 0.6 + common + 0.1 * draw(),
    }));
  });
}

it("t quantiles, paired and clustered intervals agree with scipy", async () => {
  const quantiles = [0.5, 0.8, 0.9, 0.975, 0.995].flatMap((probability) =>
    [1, 1.5, 2, 3.37, 7, 12.25, 19, 30, 99.9, 1000].map((degrees) => [probability, degrees] as const),
  );
  const independent = pairsOf(Array.from({ length: 20 }, () => 1));
  const clustered = [
    [4, 4, 4, 4, 4, 4, 4, 4],
    [1, 10, 2, 3, 6, 1, 4, 5],
    [2, 1, 1, 3, 2, 1],
  ].map(pairsOf);
  const { python } = await readyEnvironment();
  const script = join(import.meta.dirname, "scipy_reference.py");
  const { stdout } = await execa(python, ["-I", "-X", "utf8", script], {
    preferLocal: false,
    cwd: tmpdir(),
    input: JSON.stringify({ quantiles, independent, clustered }),
  });
  const scipy = answerSchema.parse(JSON.parse(stdout));

  quantiles.forEach(([probability, degrees], index) => {
    const [ours, theirs] = [tQuantile(probability, degrees), scipy.quantiles[index] ?? Number.NaN];
    expect(Math.abs(ours - theirs), `${probability}, ${degrees}`).toBeLessThanOrEqual(1e-9 * (1 + theirs));
  });
  const alone = clusteredInterval(independent.map((pair, index) => ({ ...pair, cluster: `topic ${index}` })));
  expect(alone?.low).toBeCloseTo(scipy.paired.low, 9);
  expect(alone?.high).toBeCloseTo(scipy.paired.high, 9);
  clustered.forEach((pairs, index) => {
    const theirs = scipy.clustered[index];
    const found = clusteredMean(topicSums(pairs));
    const ours = { ...clusteredInterval(pairs), error: found?.error, degrees: found?.degrees };
    for (const name of ["low", "high", "error", "degrees"] as const)
      expect(ours[name], `${index} ${name}`).toBeCloseTo(theirs?.[name] ?? Number.NaN, 9);
  });
});
