/** Numbers of repeated measurements, summed up. */

/** The smallest value that `share` percent of the values do not exceed (nearest rank). */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((share / 100) * sorted.length) - 1)] ?? NaN;
}

export const rounded = (value: number): number => Number(value.toPrecision(3));

export function summary(values: readonly number[]) {
  return {
    median: rounded(percentile(values, 50)),
    p95: rounded(percentile(values, 95)),
    highest: rounded(Math.max(...values)),
    count: values.length,
  };
}
