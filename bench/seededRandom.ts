/** Quick seeded random numbers for simulations. */
import { hashOf } from "../src/pipeline/hash.ts";

/** Numbers from 0 to below 1: the generator sfc32 of PractRand, started from the hash of the parts. */
export function seededRandom(...parts: unknown[]): () => number {
  const hash = hashOf(parts);
  let [a = 0, b = 0, c = 0, count = 0] = [0, 8, 16, 24].map((at) => Number.parseInt(hash.slice(at, at + 8), 16) | 0);
  return () => {
    const sum = (((a + b) | 0) + count) | 0;
    count = (count + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
}

/** Draws of the standard normal distribution (Box and Muller 1958). */
export function normalDraws(random: () => number): () => number {
  let spare: number | null = null;
  return () => {
    if (spare !== null) {
      const kept = spare;
      spare = null;
      return kept;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    const angle = 2 * Math.PI * random();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
}
