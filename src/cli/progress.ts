/** A run on the terminal: one line a stage with count and time left, or plain lines where there is no terminal. */
import type { RunEvent } from "../protocol/events.ts";
import { screenStages, type StageId } from "../protocol/model.ts";
import type { RunState, StageState } from "../protocol/state.ts";
import { initialState, reduce, secondsLeft } from "../pipeline/state.ts";

export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface Progress {
  show(event: RunEvent): void;
  /** A line of its own, above the stages. */
  say(text: string): void;
  /** Draws the last state and leaves the cursor below it. */
  end(): void;
}

/** Milliseconds between two drawings, and between two plain progress lines of one stage. */
const drawEvery = 100;
const sayEvery = 15_000;

export function createProgress(output: Output, now: () => number = Date.now): Progress {
  return output.isTTY ? onTerminal(output, now) : plainLines(output, now);
}

function onTerminal(output: Output, now: () => number): Progress {
  let state = initialState;
  let drawn = 0;
  let last = 0;
  let timer: NodeJS.Timeout | null = null;
  // Seconds pass also while nothing is reported.
  const clock = setInterval(draw, 1_000);
  clock.unref();

  function draw(): void {
    if (state.run === null) return;
    if (timer) clearTimeout(timer);
    timer = null;
    last = now();
    // A terminal that does not know its width says 0.
    const width = (output.columns || 80) - 1;
    const lines = stageLines(state, last).map(
      (line) => `\u001b[2K${line.length > width ? `${line.slice(0, width - 1)}…` : line}\n`,
    );
    output.write(`${drawn > 0 ? `\u001b[${drawn}A` : ""}${lines.join("")}`);
    drawn = lines.length;
  }
  function say(text: string): void {
    if (drawn > 0) output.write(`\u001b[${drawn}A\u001b[J`);
    drawn = 0;
    output.write(`${text}\n`);
    draw();
  }
  return {
    say,
    show(event) {
      const before = state.cycle;
      const next = reduce(state, { ...event, at: new Date(now()).toISOString() });
      if (next.cycle !== before && drawn > 0) {
        draw();
        // The finished cycle's lines stay; the new one is drawn below them.
        drawn = 0;
      }
      state = next;
      if (event.type === "notice") return say(event.text);
      const wait = drawEvery - (now() - last);
      if (wait <= 0) draw();
      else timer ??= setTimeout(draw, wait);
    },
    end() {
      clearInterval(clock);
      draw();
      if (timer) clearTimeout(timer);
    },
  };
}

function plainLines(output: Output, now: () => number): Progress {
  let state = initialState;
  const said = new Map<string, number>();
  const line = (text: string) => output.write(`${text}\n`);
  return {
    say: line,
    end() {},
    show(event) {
      state = reduce(state, { ...event, at: new Date(now()).toISOString() });
      if (event.type === "notice") line(event.text);
      if (event.type === "stageStarted") line(`${nameOf(event.stage, state)}: started`);
      if (event.type === "stageFinished")
        line(
          `${nameOf(event.stage, state)}: ${event.reused ? "reused" : `done in ${duration(event.seconds)}`}. ${event.summary}`,
        );
      if (event.type === "stageFailed") line(`${nameOf(event.stage, state)}: failed. ${event.message}`);
      if (event.type !== "stageProgress" && event.type !== "loss") return;
      const stage = event.type === "loss" ? "fineTuning" : event.stage;
      const key = `${event.cycle}/${stage}`;
      if (now() - (said.get(key) ?? state.stages[stage].startedAt ?? 0) < sayEvery) return;
      said.set(key, now());
      line(`${nameOf(stage, state)}: ${countOf(state, state.stages[stage], stage, now())}`);
    },
  };
}

/** The name of the screen stage a stored stage belongs to, with the cycle when there are several. */
function nameOf(stage: StageId, state: RunState): string {
  const index = screenStages.findIndex(({ stages }) => stages.includes(stage));
  const cycle = state.cycles > 1 ? `Cycle ${state.cycle}/${state.cycles}, ` : "";
  const part = stage === "tunedAnswers" ? " (answers)" : stage === "tunedEvaluation" ? " (scores)" : "";
  return `${cycle}${index + 1}. ${screenStages[index]?.title ?? stage}${part}`;
}

/** One line for each of the seven stages. */
export function stageLines(state: RunState, now: number): string[] {
  const head = state.cycles > 1 ? [`Cycle ${state.cycle} of ${state.cycles}`] : [];
  const width = Math.max(...screenStages.map(({ title }) => title.length));
  const lines = screenStages.map(({ title, stages }, index) => {
    // Of a screen stage with two parts, the part at work is shown, or the last one that did something.
    const parts = stages.map((id) => ({ id, stage: state.stages[id] }));
    const shown = parts.findLast(({ stage }) => stage.status !== "waiting") ?? parts[0];
    if (!shown) return title;
    const done = parts.every(({ stage }) => stage.status === "done" || stage.status === "reused");
    const mark = done ? "✓" : marks[shown.stage.status];
    const seconds = parts.reduce((sum, { stage }) => sum + (stage.seconds ?? 0), 0);
    return `${mark} ${index + 1} ${title.padEnd(width)}  ${detailOf(state, shown.id, shown.stage, done ? seconds : null, now)}`.trimEnd();
  });
  return [...head, ...lines];
}

const marks: Record<StageState["status"], string> = {
  waiting: "·",
  running: "▸",
  // One part of two is done: the stage as a whole still runs.
  done: "▸",
  reused: "▸",
  failed: "✗",
  interrupted: "‖",
};

function detailOf(state: RunState, id: StageId, stage: StageState, seconds: number | null, now: number): string {
  if (seconds !== null)
    return `${stage.status === "reused" ? "reused" : duration(seconds)}${stage.summary ? `  ${stage.summary}` : ""}`;
  if (stage.status === "failed") return stage.summary;
  if (stage.status === "interrupted") return `stopped at ${stage.done}${stage.total === null ? "" : `/${stage.total}`}`;
  return stage.status === "running" ? countOf(state, stage, id, now) : "";
}

function countOf(state: RunState, stage: StageState, id: StageId, now: number): string {
  const left = secondsLeft(stage, now);
  const count = stage.total === null ? "working" : `${stage.done}/${stage.total}`;
  const loss = id === "fineTuning" ? state.losses.at(-1) : undefined;
  const figures = loss ? `, loss ${loss.loss.toFixed(3)}, ${Math.round(loss.tokensPerSecond)} tokens/s` : "";
  return `${count}${figures}${left === null ? "" : `, about ${duration(left)} left`}`;
}

/** 8 → "8 s", 95 → "1 min 35 s", 4000 → "1 h 7 min". */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min${whole % 60 ? ` ${whole % 60} s` : ""}`;
  return `${Math.floor(whole / 3600)} h ${Math.round((whole % 3600) / 60)} min`;
}
