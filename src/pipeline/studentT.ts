/** Student's t distribution, for whole and for broken degrees of freedom. */

/** Lanczos' coefficients for g = 7 (Godfrey 2001); the logarithm of the gamma function then has 15 good digits. */
const lanczos = [
  676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406, 12.507343278686905,
  -0.13857109526572012, 9.984369578019572e-6, 1.5056327351493116e-7,
];

/** ln Γ(x) for x ≥ 0.5. */
function logGamma(x: number): number {
  const base = x + 6.5;
  const series = lanczos.reduce((sum, each, index) => sum + each / (x + index), 0.9999999999998099);
  return Math.log(2 * Math.PI) / 2 + (x - 0.5) * Math.log(base) - base + Math.log(series);
}

/** The continued fraction of the incomplete beta function by Lentz's method (Numerical Recipes, 3rd edition, 6.4). */
function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  const away = (value: number) => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / away(1 - ((a + b) * x) / (a + 1));
  let result = d;
  for (let m = 1; m <= 500; m++) {
    let change = 1;
    for (const term of [
      (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)),
      (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1)),
    ]) {
      d = 1 / away(1 + term * d);
      c = away(1 + term / c);
      change = c * d;
      result *= change;
    }
    if (Math.abs(change - 1) < 1e-15) break;
  }
  return result;
}

/** The regularised incomplete beta function I_x(a, b). */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1;
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  // The fraction converges quickly only on this side of the mean.
  return x < (a + 1) / (a + b + 2) ? (front * betaFraction(x, a, b)) / a : 1 - (front * betaFraction(1 - x, b, a)) / b;
}

/** The probability that t with these degrees of freedom exceeds `t` ≥ 0. */
const upperTail = (t: number, degrees: number): number =>
  incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5) / 2;

function density(t: number, degrees: number): number {
  const constant = Math.exp(logGamma((degrees + 1) / 2) - logGamma(degrees / 2)) / Math.sqrt(degrees * Math.PI);
  return constant * Math.exp((-(degrees + 1) / 2) * Math.log1p((t * t) / degrees));
}

/**
 * The quantile of Student's t: the value that t stays below with `probability`.
 * @param probability from 0.5 to below 1
 * @param degrees of freedom, at least 1, not necessarily whole
 */
export function tQuantile(probability: number, degrees: number): number {
  const tail = 1 - probability;
  let t = 0;
  // The upper tail is convex, so Newton's steps from 0 approach the quantile from below and never pass it.
  for (let step = 0; step < 200; step++) {
    const move = (upperTail(t, degrees) - tail) / density(t, degrees);
    t += move;
    if (Math.abs(move) <= 1e-13 * (1 + t)) break;
  }
  return t;
}
