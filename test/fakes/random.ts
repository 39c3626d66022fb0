/** Seeded random numbers, so that every failure can be played again. */
import { seedOf } from "../../src/pipeline/hash.ts";

/** Numbers from 0 to below 1. */
export function seededRandom(seed: number): () => number {
  let count = 0;
  return () => seedOf(seed, count++) / 2 ** 31;
}

/** An integer from 0 to below `limit`. */
export const below = (random: () => number, limit: number): number => Math.floor(random() * limit);

export const pick = <T>(random: () => number, items: readonly T[]): T => items[below(random, items.length)] as T;
