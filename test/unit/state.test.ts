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
  it("goes by the pace of this start alone, not by items reused from an earlier one", () => {
    const { stages } = play(
      begun,
      started,
      { type: "stageProgress", cycle: 1, stage: "baselineAnswers", done: 6, total: 10 },
      { type: "stageProgress", cycle: 1, stage: "baselineAnswers", done: 8, total: 10 },
    );
    // Two items in 20 s since the start at +10 s; two are left.
    expect(secondsLeft(stages.baselineAnswers, start + 30_000)).toBeCloseTo(20, 6);
  });

  it("is unknown before the first new item", () => {
    const { stages } = play(begun, started, {
      type: "stageProgress",
      cycle: 1,
      stage: "baselineAnswers",
      done: 6,
      total: 10,
    });
    expect(secondsLeft(stages.baselineAnswers, start + 30_000)).toBeNull();
  });
});
