/** Numbers of repeated measurements, summed up. */

/** The smallest value that `share` percent of the values do not exceed (nearest rank). */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((share / 100) * sorted.length) - 1)] ?? NaN;
}

/** Of an even number of values the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  return ((sorted[Math.ceil(half) - 1] ?? NaN) + (sorted[Math.floor(half)] ?? NaN)) / 2;
}

export const rounded = (value: number): number => Number(value.toPrecision(3));

export function summary(values: readonly number[]) {
  return {
    median: rounded(median(values)),
    p95: rounded(percentile(values, 95)),
    highest: rounded(Math.max(...values)),
    count: values.length,
  };
}
