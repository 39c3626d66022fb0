/** What happens during a run, in the order it happens; `events.jsonl` holds the same objects. */
import type { LossPoint, StageId } from "./model.ts";

export type RunEvent =
  | { type: "runStarted"; run: string; cycles: number; teacher: string; student: string }
  | { type: "stageStarted"; cycle: number; stage: StageId; total: number | null }
  | { type: "stageProgress"; cycle: number; stage: StageId; done: number; total: number; note?: string }
  | { type: "stageFinished"; cycle: number; stage: StageId; seconds: number; reused: boolean; summary: string }
  | { type: "stageFailed"; cycle: number; stage: StageId; code: string; message: string }
  | { type: "loss"; cycle: number; point: LossPoint; totalSteps: number }
  | { type: "item"; cycle: number; stage: StageId; question: string; answer: string | null }
  | { type: "notice"; text: string }
  | { type: "runFinished"; seconds: number; sentence: string; gate: string; report: string }
  | { type: "runStopped"; code: string; message: string };

/** An event with the time it happened (ISO 8601). */
export type TimedEvent = RunEvent & { at: string };
