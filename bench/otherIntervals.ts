/** The two methods that the interval of the product was measured against. */
import { mean, topicSums } from "../src/pipeline/statistics.ts";
import { tQuantile } from "../src/pipeline/studentT.ts";
import type { Cluster } from "../src/pipeline/clusterRobust.ts";
import type { Method } from "./coverageSimulation.ts";
import { seededRandom } from "./seededRandom.ts";

/** Mean and its cluster-robust error with the correction G ÷ (G − 1) (Cameron and Miller 2015). */
function plainError(clusters: readonly Cluster[]): { centre: number; error: number } {
  const count = clusters.reduce((sum, { size }) => sum + size, 0);
  const centre = clusters.reduce((sum, each) => sum + each.sum, 0) / count;
  const squares = clusters.reduce((sum, each) => sum + (each.sum - each.size * centre) ** 2, 0);
  return { centre, error: Math.sqrt((clusters.length / (clusters.length - 1)) * squares) / count };
}

/** The plain cluster-robust error and Student's t with G − 1 degrees of freedom. */
export const plainInterval: Method = (pairs) => {
  const clusters = topicSums(pairs);
  if (clusters.length < 2) return null;
  const { centre, error } = plainError(clusters);
  const margin = quantile(clusters.length - 1) * error;
  return { low: centre - margin, high: centre + margin };
};

const known = new Map<number, number>();
function quantile(degrees: number): number {
  const found = known.get(degrees) ?? tQuantile(0.975, degrees);
  known.set(degrees, found);
  return found;
}

/**
 * Studentised bootstrap over whole topics (Cameron, Gelbach and Miller 2008, "Bootstrap-Based Improvements
 * for Inference with Clustered Errors"): the quantiles of (mean* − mean) ÷ error* stand in for those of t.
 * Resamples without any spread are drawn again.
 */
export function bootstrapInterval(resamples: number): Method {
  return (pairs) => {
    const clusters = topicSums(pairs);
    if (clusters.length < 2) return null;
    const { centre, error } = plainError(clusters);
    // Tied differences can add up to the same in every topic; no resample has any spread then.
    if (error < 1e-12) return { low: centre, high: centre };
    const random = seededRandom("bootstrap", mean(pairs.map(({ tuned }) => tuned)));
    const sizes = Float64Array.from(clusters, ({ size }) => size);
    const sums = Float64Array.from(clusters, ({ sum }) => sum);
    const statistics = new Float64Array(resamples);
    for (let index = 0; index < resamples;) {
      const value = resampled(sizes, sums, centre, random);
      if (value !== null) statistics[index++] = value;
    }
    statistics.sort();
    const at = (share: number) => statistics[Math.min(resamples - 1, Math.floor(share * resamples))] ?? 0;
    return { low: centre - at(0.975) * error, high: centre - at(0.025) * error };
  };
}

function resampled(sizes: Float64Array, sums: Float64Array, centre: number, random: () => number): number | null {
  const clusters = sizes.length;
  let count = 0;
  let sum = 0;
  let sumSquares = 0;
  let products = 0;
  let sizeSquares = 0;
  for (let draw = 0; draw < clusters; draw++) {
    const chosen = Math.floor(random() * clusters);
    const size = sizes[chosen] as number;
    const part = sums[chosen] as number;
    count += size;
    sum += part;
    sumSquares += part * part;
    products += part * size;
    sizeSquares += size * size;
  }
  const average = sum / count;
  const squares = sumSquares - 2 * average * products + average * average * sizeSquares;
  if (squares <= 1e-12 * sumSquares) return null;
  return (average - centre) / (Math.sqrt((clusters / (clusters - 1)) * squares) / count);
}
