/** A run as a front end shows it. Made from events by the reducer in src/pipeline/state.ts. */
import type { LossPoint, StageId } from "./model.ts";

export interface StageState {
  status: "waiting" | "running" | "done" | "reused" | "failed" | "interrupted";
  done: number;
  total: number | null;
  /** Milliseconds since 1970 when the stage started; null before. */
  startedAt: number | null;
  /** Work finished before this start (reused items), which says nothing about the speed. */
  doneAtStart: number | null;
  /** The first work of this start, from which on the pace is taken: what it took held the loading of models too. */
  firstDone: { done: number; at: number } | null;
  seconds: number | null;
  summary: string;
}

export interface RunState {
  run: string | null;
  teacher: string;
  student: string;
  cycles: number;
  cycle: number;
  status: "idle" | "running" | "finished" | "stopped" | "failed";
  stages: Record<StageId, StageState>;
  /** Of the cycle trained last, over all starts of the run. */
  losses: LossPoint[];
  lossCycle: number;
  totalSteps: number | null;
  latest: { stage: StageId; question: string; answer: string | null } | null;
  notices: string[];
  sentence: string;
  /** What the adoption gate said of the last cycle. */
  gate: string;
  error: { code: string; message: string } | null;
}
