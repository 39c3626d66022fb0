/** The pure reducer from run events to what a front end shows. */
import type { TimedEvent } from "../protocol/events.ts";
import { stageIds, type StageId } from "../protocol/model.ts";
import type { RunState, StageState } from "../protocol/state.ts";

const waiting: StageState = {
  status: "waiting",
  done: 0,
  total: null,
  startedAt: null,
  doneAtStart: null,
  firstDone: null,
  seconds: null,
  summary: "",
};

const freshStages = (): RunState["stages"] =>
  Object.fromEntries(stageIds.map((id) => [id, waiting])) as Record<StageId, StageState>;

export const initialState: RunState = {
  run: null,
  teacher: "",
  student: "",
  cycles: 1,
  cycle: 1,
  status: "idle",
  stages: freshStages(),
  losses: [],
  lossCycle: 1,
  totalSteps: null,
  latest: null,
  notices: [],
  sentence: "",
  gate: "",
  error: null,
};

const shownNotices = 50;

export function reduce(state: RunState, event: TimedEvent): RunState {
  switch (event.type) {
    case "runStarted":
      return {
        ...initialState,
        ...(state.run === event.run ? lossesOf(state) : {}),
        run: event.run,
        teacher: event.teacher,
        student: event.student,
        cycles: event.cycles,
        status: "running",
      };
    case "stageStarted":
      return withStage(atCycle(state, event.cycle), event.stage, () => ({
        ...waiting,
        status: "running",
        total: event.total,
        startedAt: Date.parse(event.at),
      }));
    case "stageProgress":
      return withStage(state, event.stage, (stage) => counted(stage, event.done, event.total, event.done, event.at));
    case "stageFinished":
      return withStage(atCycle(state, event.cycle), event.stage, (stage) => ({
        ...stage,
        status: event.reused ? "reused" : "done",
        done: stage.total ?? stage.done,
        seconds: event.seconds,
        summary: event.summary,
      }));
    case "stageFailed":
      return withStage(state, event.stage, (stage) => ({ ...stage, status: "failed", summary: event.message }));
    case "loss":
      return withStage(withLoss(state, event), "fineTuning", (stage) =>
        counted(stage, event.point.step, event.totalSteps, event.point.step - 1, event.at),
      );
    case "item":
      return { ...state, latest: { stage: event.stage, question: event.question, answer: event.answer } };
    case "notice":
      return { ...state, notices: [...state.notices, event.text].slice(-shownNotices) };
    case "runFinished":
      return { ...state, status: "finished", sentence: event.sentence, gate: event.gate };
    case "runStopped":
      return {
        ...state,
        status: event.code === "E_STOPPED" ? "stopped" : "failed",
        error: { code: event.code, message: event.message },
        stages: Object.fromEntries(
          Object.entries(state.stages).map(([id, stage]) => [
            id,
            stage.status === "running" ? { ...stage, status: "interrupted" } : stage,
          ]),
        ) as RunState["stages"],
      };
  }
}

/** What a resumed run shows of its training before. */
export const lossesOf = ({ losses, lossCycle, totalSteps }: RunState) => ({ losses, lossCycle, totalSteps });

/** A training that goes on from a saved step does that step's successors again. */
function withLoss(state: RunState, { cycle, point, totalSteps }: Extract<TimedEvent, { type: "loss" }>): RunState {
  const before = cycle === state.lossCycle ? state.losses.filter(({ step }) => step < point.step) : [];
  return { ...state, losses: [...before, point], lossCycle: cycle, totalSteps };
}

/** Every cycle starts with fresh stages and a fresh loss curve; on the way to it, what is there of earlier ones is reused. */
function atCycle(state: RunState, cycle: number): RunState {
  if (cycle === state.cycle) return state;
  const fresh = cycle > state.lossCycle ? { losses: [], totalSteps: null } : {};
  return { ...state, ...fresh, cycle, stages: freshStages() };
}

function withStage(state: RunState, id: StageId, change: (stage: StageState) => StageState): RunState {
  return { ...state, stages: { ...state.stages, [id]: change(state.stages[id]) } };
}

/** `before`: what was done before this start, where this is the first that is told of it. */
function counted(stage: StageState, done: number, total: number, before: number, at: string): StageState {
  const doneAtStart = stage.doneAtStart ?? before;
  const firstDone = stage.firstDone ?? (done > doneAtStart ? { done, at: Date.parse(at) } : null);
  return { ...stage, done, total, doneAtStart, firstDone };
}

/** Items come several at once: a pace over less than this would be chance. */
const shortestPace = 5_000;

/** Seconds a running stage still needs at its pace since its first item; null while that is unknown. */
export function secondsLeft({ status, total, done, firstDone }: StageState, now: number): number | null {
  if (status !== "running" || total === null || firstDone === null || done <= firstDone.done) return null;
  const milliseconds = now - firstDone.at;
  if (milliseconds < shortestPace) return null;
  return ((milliseconds / 1000) * (total - done)) / (done - firstDone.done);
}
