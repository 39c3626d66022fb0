/** The mean of values that come in clusters, with an error that allows for it. */

/** What the estimate needs of a cluster. */
export interface Cluster {
  size: number;
  sum: number;
}

export interface ClusteredMean {
  mean: number;
  /** Standard error of the mean. */
  error: number;
  /** Degrees of freedom of the t distribution that mean ÷ error is held against; seldom a whole number. */
  degrees: number;
}

/**
 * Mean, standard error and degrees of freedom of values of which those of one cluster resemble each other.
 *
 * The error is the cluster-robust one in the form CR2: each cluster's summed residual is squared, after
 * division by the root of 1 − its share of all values, which takes out the bias that the plain form has
 * when clusters differ in size. The degrees of freedom are Satterthwaite's for that sum (Bell and
 * McCaffrey 2002; Imbens and Kolesár 2016, "Robust Standard Errors in Small Samples"; Pustejovsky and
 * Tipton 2018). For a mean alone the matrices of these papers come down to the sums below, and with
 * clusters of one size to the usual ones: G ÷ (G − 1) and G − 1.
 *
 * @returns null below two clusters
 */
export function clusteredMean(clusters: readonly Cluster[]): ClusteredMean | null {
  if (clusters.length < 2) return null;
  const count = clusters.reduce((sum, { size }) => sum + size, 0);
  const mean = clusters.reduce((sum, each) => sum + each.sum, 0) / count;
  let variance = 0;
  let squares = 0;
  let shares = 0;
  let shareSquares = 0;
  for (const { size, sum } of clusters) {
    const left = 1 - size / count;
    variance += (sum - size * mean) ** 2 / left;
    squares += size ** 2;
    shares += size ** 2 / left;
    shareSquares += (size ** 2 / left) ** 2;
  }
  const cross = (shares ** 2 - shareSquares) / count ** 2;
  return { mean, error: Math.sqrt(variance) / count, degrees: count ** 2 / (squares + cross) };
}
