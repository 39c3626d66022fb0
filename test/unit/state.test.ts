import { describe, expect, it } from "vitest";
import type { RunEvent } from "../../src/protocol/events.ts";
import { initialState, reduce, secondsLeft } from "../../src/pipeline/state.ts";

const start = Date.parse("2026-01-01T10:00:00Z");
/** Plays events, one every ten seconds. */
const play = (...events: RunEvent[]) =>
  events.reduce(
    (state, event, index) => reduce(state, { ...event, at: new Date(start + index * 10_000).toISOString() }),
    initialState,
  );

const begun: RunEvent = { type: "runStarted", run: "r-1", cycles: 2, teacher: "offline", student: "smollm2-135m" };
const started: RunEvent = { type: "stageStarted", cycle: 1, stage: "baselineAnswers", total: null };

describe("reduce", () => {
  it("shows a running stage with its counts and the newest answer", () => {
    const state = play(
      begun,
      started,
      { type: "stageProgress", cycle: 1, stage: "baselineAnswers", done: 0, total: 8 },
      {
        type: "item",
        cycle: 1,
        stage: "baselineAnswers",
        question: "What is a Pod?",
        answer: "A group of containers.",
      },
    );
    expect(state.status).toBe("running");
    expect(state.stages.baselineAnswers).toMatchObject({ status: "running", done: 0, total: 8 });
    expect(state.latest?.question).toBe("What is a Pod?");
  });

  it("starts every cycle with fresh stages and a fresh loss curve", () => {
    const point = { step: 1, loss: 2.5, learningRate: 2e-4, tokensPerSecond: 300 };
    const state = play(
      begun,
      { type: "stageStarted", cycle: 1, stage: "fineTuning", total: null },
      { type: "loss", cycle: 1, point, totalSteps: 100 },
      { type: "stageFinished", cycle: 1, stage: "fineTuning", seconds: 60, reused: false, summary: "100 steps" },
      { type: "stageStarted", cycle: 2, stage: "questions", total: null },
    );
    expect(state.cycle).toBe(2);
    expect(state.losses).toEqual([]);
    expect(state.stages.fineTuning.status).toBe("waiting");
  });

  it("a run that is resumed keeps its loss curve, without the steps that are done again", () => {
    const loss = (cycle: number, step: number, value: number): RunEvent => ({
      type: "loss",
      cycle,
      point: { step, loss: value, learningRate: 2e-4, tokensPerSecond: 300 },
      totalSteps: 4,
    });
    const training: RunEvent = { type: "stageStarted", cycle: 2, stage: "fineTuning", total: null };
    const reused: RunEvent = {
      type: "stageFinished",
      cycle: 1,
      stage: "fineTuning",
      seconds: 60,
      reused: true,
      summary: "",
    };
    const state = play(
      begun,
      loss(1, 1, 9),
      training,
      loss(2, 1, 3),
      loss(2, 2, 2),
      loss(2, 3, 1),
      begun,
      reused,
      training,
      loss(2, 3, 1.5),
    );
    expect(state.losses.map(({ step, loss: value }) => [step, value])).toEqual([
      [1, 3],
      [2, 2],
      [3, 1.5],
    ]);
    expect(play(begun, loss(1, 1, 9), { ...begun, run: "another-run" }).losses).toEqual([]);
  });

  it("marks what was running as interrupted when the run stops", () => {
    const state = play(begun, started, { type: "runStopped", code: "E_STOPPED", message: "The run was stopped." });
    expect(state.status).toBe("stopped");
    expect(state.stages.baselineAnswers.status).toBe("interrupted");
  });

  it("tells a failure from a stop", () => {
    const state = play(
      begun,
      started,
      { type: "stageFailed", cycle: 1, stage: "baselineAnswers", code: "E_STUDENT_DIED", message: "It died." },
      { type: "runStopped", code: "E_STUDENT_DIED", message: "It died." },
    );
    expect(state.status).toBe("failed");
    expect(state.stages.baselineAnswers.status).toBe("failed");
  });
});

describe("secondsLeft", () => {
  const progress = (done: number): RunEvent => ({
    type: "stageProgress",
    cycle: 1,
    stage: "baselineAnswers",
    done,
    total: 10,
  });
  const { baselineAnswers } = play(begun, started, progress(4), progress(5), progress(7)).stages;

  it("goes by the pace since the first item of this start, which waited for the model", () => {
    // At +30 s the first new item, at +40 s two more; three are left.
    expect(secondsLeft(baselineAnswers, start + 40_000)).toBeCloseTo(15, 6);
  });

  it("is unknown before the second new item", () => {
    const { stages } = play(begun, started, progress(4), progress(5));
    expect(secondsLeft(stages.baselineAnswers, start + 60_000)).toBeNull();
  });

  it("is unknown while the pace is of less than five seconds", () => {
    expect(secondsLeft(baselineAnswers, start + 34_000)).toBeNull();
  });

  it("goes by the steps after the first in training", () => {
    const point = { loss: 2.5, learningRate: 2e-4, tokensPerSecond: 300 };
    const step = (at: number): RunEvent => ({
      type: "loss",
      cycle: 1,
      point: { ...point, step: at },
      totalSteps: 50,
    });
    const { stages } = play(
      begun,
      { type: "stageStarted", cycle: 1, stage: "fineTuning", total: null },
      step(41),
      step(42),
    );
    expect(secondsLeft(stages.fineTuning, start + 30_000)).toBeCloseTo(80, 6);
  });
});
