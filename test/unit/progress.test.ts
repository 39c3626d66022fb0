import { expect, test } from "vitest";
import type { RunEvent } from "../../src/protocol/events.ts";
import { createProgress, duration } from "../../src/cli/progress.ts";

const started: RunEvent = { type: "runStarted", run: "r", cycles: 1, teacher: "offline", student: "s" };

/** Feeds events one second apart; returns everything written. */
function written(events: readonly RunEvent[], isTTY: boolean, secondsApart = 1, columns = 100): string {
  let text = "";
  let now = 0;
  const progress = createProgress({ write: (chunk) => (text += chunk), isTTY, columns }, () => now);
  for (const event of events) {
    now += secondsApart * 1000;
    progress.show(event);
  }
  progress.end();
  return text;
}

/** What stands on the screen after the cursor moves, erasures and line ends of `text`. */
function screen(text: string): string[] {
  const lines: string[] = [];
  let row = 0;
  // eslint-disable-next-line no-control-regex -- escape sequences are what is read
  for (const [token] of text.matchAll(/\u001b\[(\d*)([AJK])|\n|[^\u001b\n]+/g)) {
    // eslint-disable-next-line no-control-regex -- as above
    const move = /^\u001b\[(\d*)([AJK])$/.exec(token);
    if (move?.[2] === "A") row -= Number(move[1]);
    else if (move?.[2] === "J") lines.length = row;
    else if (move?.[2] === "K") lines[row] = "";
    else if (token === "\n") row += 1;
    else lines[row] = (lines[row] ?? "") + token;
  }
  return lines;
}

const someWork: RunEvent[] = [
  started,
  { type: "stageStarted", cycle: 1, stage: "questions", total: null },
  { type: "stageProgress", cycle: 1, stage: "questions", done: 0, total: 20 },
  { type: "stageProgress", cycle: 1, stage: "questions", done: 5, total: 20 },
  { type: "stageProgress", cycle: 1, stage: "questions", done: 10, total: 20 },
];

test("a terminal shows one line a stage, with count and time left", () => {
  const lines = screen(written(someWork, true, 10));
  expect(lines).toHaveLength(7);
  expect(lines[0]).toMatch(/^▸ 1 Question generation\s+10\/20, about 20 s left$/);
  expect(lines[6]).toMatch(/^· 7 Comparison$/);
});

test("a line never wraps, also where the terminal does not know its width", () => {
  const long: RunEvent = {
    type: "stageFinished",
    cycle: 1,
    stage: "questions",
    seconds: 8,
    reused: false,
    summary: "x".repeat(300),
  };
  for (const columns of [0, 40, 100]) {
    const [first = ""] = screen(written([started, long], true, 1, columns));
    expect(first).toHaveLength((columns || 80) - 1);
    expect(first).toMatch(/^✓ 1 Question generation.*…$/);
  }
});

test("a finished stage shows its time and summary, a reused one that it was reused", () => {
  const lines = screen(
    written(
      [
        started,
        { type: "stageFinished", cycle: 1, stage: "questions", seconds: 8, reused: true, summary: "20 families" },
        { type: "stageStarted", cycle: 1, stage: "baselineAnswers", total: 3 },
        {
          type: "stageFinished",
          cycle: 1,
          stage: "baselineAnswers",
          seconds: 95,
          reused: false,
          summary: "45 answers",
        },
      ],
      true,
    ),
  );
  expect(lines[0]).toMatch(/^✓ 1 .*reused {2}20 families$/);
  expect(lines[1]).toMatch(/^✓ 2 .*1 min 35 s {2}45 answers$/);
});

test("the last screen stage but one is done only when both of its parts are", () => {
  const half: RunEvent[] = [
    started,
    { type: "stageFinished", cycle: 1, stage: "tunedAnswers", seconds: 3, reused: false, summary: "a" },
  ];
  expect(screen(written(half, true))[5]).toMatch(/^▸ 6/);
  const whole: RunEvent[] = [
    ...half,
    { type: "stageFinished", cycle: 1, stage: "tunedEvaluation", seconds: 4, reused: false, summary: "b" },
  ];
  expect(screen(written(whole, true))[5]).toMatch(/^✓ 6 .*7 s {2}b$/);
});

test("notices stand above the stages and stay", () => {
  const lines = screen(
    written([...someWork, { type: "notice", text: "three duplicates were dropped" }, ...someWork.slice(2)], true),
  );
  expect(lines[0]).toBe("three duplicates were dropped");
  expect(lines).toHaveLength(8);
});

test("a new cycle leaves the finished one on the screen", () => {
  const lines = screen(
    written(
      [
        { ...started, cycles: 2 },
        { type: "stageFinished", cycle: 1, stage: "questions", seconds: 1, reused: false, summary: "first" },
        { type: "stageStarted", cycle: 2, stage: "questions", total: null },
      ],
      true,
    ),
  );
  expect(lines.filter((line) => line.startsWith("Cycle"))).toEqual(["Cycle 1 of 2", "Cycle 2 of 2"]);
  expect(lines[1]).toContain("first");
});

test("without a terminal there are plain lines, and progress now and then", () => {
  const text = written(
    [
      ...someWork,
      { type: "stageProgress", cycle: 1, stage: "questions", done: 15, total: 20 },
      { type: "stageFinished", cycle: 1, stage: "questions", seconds: 4, reused: false, summary: "20 families" },
    ],
    false,
    10,
  );
  expect(text.split("\n")).toEqual([
    "1. Question generation: started",
    "1. Question generation: 5/20",
    "1. Question generation: 15/20, about 10 s left",
    "1. Question generation: done in 4 s. 20 families",
    "",
  ]);
});

test("durations read naturally", () => {
  expect([0.4, 8, 60, 95, 4000].map(duration)).toEqual(["0 s", "8 s", "1 min", "1 min 35 s", "1 h 7 min"]);
});
