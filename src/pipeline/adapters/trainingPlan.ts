/** What a training's plan says to people: memory, time, and whether the CPU may be used. */
import { UserError } from "../../protocol/errors.ts";
import type { TrainingSettings } from "../../protocol/run.ts";
import type { PlanLine } from "../../protocol/trainer.ts";

/** Seconds from which a training on the CPU is long: asked about, or told with what would take less. */
const longTraining = 30 * 60;

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB`;

type Tried = PlanLine["tried"][number];

/** "Memory: about 2.44 GB of 3.00 GB at the peak: weights 1.82 GB, …". */
export function memorySentence({ tried, parts }: PlanLine): string {
  const last = tried.at(-1) as Tried;
  const each = Object.entries(parts).filter(([, bytes]) => bytes > 0);
  const list = each.map(([name, bytes]) => `${name} ${gigabytes(bytes)}`).join(", ");
  return `Memory of the training: about ${gigabytes(last.bytes)} of ${gigabytes(last.limitBytes)} at its peak (${list}).`;
}

export const overSentence = ({ bytes, limitBytes }: Tried): string =>
  `The memory would not be enough: about ${gigabytes(bytes)} of ${gigabytes(limitBytes)}.`;

export function durationSentence(seconds: number): string {
  const less = seconds < longTraining ? "" : " A smaller student, as smollm2-135m, or fewer steps take less.";
  return `Training on the CPU takes ${about(seconds)}.${less}`;
}

/** A rough time for people. */
export function about(seconds: number): string {
  if (seconds < 90) return "about a minute";
  if (seconds < 90 * 60) return `about ${Math.round(seconds / 60)} minutes`;
  return `about ${Math.round(seconds / 3600)} hours`;
}

/**
 * Why a training does not go on: it would fall back to the CPU, and `cpuFallback` is `ask`. Null where it may.
 * @param climbed whether a GPU's memory was not enough before
 */
export function cpuRefusal(plan: PlanLine, settings: TrainingSettings, climbed: boolean): UserError | null {
  if (settings.cpuFallback === "auto" || settings.device === "cpu" || plan.device !== "cpu") return null;
  const seconds = plan.seconds ?? 0;
  const fellBack = climbed || plan.rung > 0;
  if (!fellBack && seconds < longTraining) return null;
  const why = fellBack ? "The GPU's memory is not enough for this training" : "There is no GPU for this training";
  return new UserError("E_CPU_FALLBACK", `${why}; on the CPU it would take ${about(seconds)}.`);
}
