/** How much of a fault test is done: little with each change, more for a release (`bench/releaseFaults.ts` says how much). */
import { appendFileSync } from "node:fs";

/**
 * @param variable of the environment that holds a release's number
 * @param usual what is done with each change
 * @throws Error when the variable holds no whole number from 1 on
 */
export function amount(variable: string, usual: number): number {
  const value = Number(process.env[variable] ?? usual);
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`${variable} is no whole number from 1 on`);
  return value;
}

/** The seed of a test's random numbers: its own, or the one given for all by FAULT_SEED. */
export const faultSeed = (own: number): number => amount("FAULT_SEED", own);

/** Prints what a test really did; a release keeps it. Called after the last expectation, so that it says what held. */
export function tell(bar: string, counts: Record<string, number>): void {
  console.info(`${bar}: ${JSON.stringify(counts)}`);
  const file = process.env["FAULT_COUNTS"];
  if (file) appendFileSync(file, `${JSON.stringify({ bar, ...counts })}\n`);
}
