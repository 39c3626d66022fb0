/** A teacher over the fake server, on a clock that runs fast, and what the tests of it share. */
import { createHash } from "node:crypto";
import type { Section } from "../../src/protocol/model.ts";
import { createChatTeacher } from "../../src/pipeline/adapters/teacher/chatTeacher.ts";
import { createClock } from "../../src/pipeline/adapters/teacher/clock.ts";
import { createLimiter } from "../../src/pipeline/adapters/teacher/limiter.ts";
import { createOpenaiModel, type OpenaiModelOptions } from "../../src/pipeline/adapters/teacher/openaiModel.ts";
import type { QuestionRequest } from "../../src/pipeline/ports.ts";
import { startOpenaiServer, type Behavior, type FakeOptions } from "./openaiServer.ts";

export const key = "sk-canary-0123456789abcdef";
export const fast = 500;
export const signal: AbortSignal = new AbortController().signal;
export const domain = { name: "Ondrelle", version: "" };
export const text =
  "The Osmund Arm is the jointed lifter that carries fresh fog bricks out of the press chamber. The Osmund Arm can safely lift a load of 7.25 kilograms,\nand heavier bricks must be removed by hand. Felt pads on the Osmund Arm protect the tender edges of each brick.\nOperators stand clear of the Osmund Arm while the chamber door is open.";
export const section: Section = {
  id: "arm",
  topic: "Brick Handling",
  heading: "Osmund Arm",
  file: "brick.md",
  firstLine: 5,
  lastLine: 7,
  text,
  hash: createHash("sha256").update(text).digest("hex"),
};
export const wish: QuestionRequest = {
  section,
  count: 2,
  wordings: 3,
  rewordings: 1,
  domain,
  seed: 1,
  avoid: [],
  signal,
};

/** Servers of the test that is running. */
export const open: { close(): Promise<void> }[] = [];

export async function closeAll(): Promise<void> {
  await Promise.all(open.splice(0).map((server) => server.close()));
}

export async function setUp(fake: FakeOptions = {}, more: Partial<OpenaiModelOptions> = {}) {
  const server = await startOpenaiServer(fake);
  open.push(server);
  const notices: string[] = [];
  const logged: string[] = [];
  const clock = createClock(fast);
  const limiter = createLimiter({ clock, onNotice: (notice) => notices.push(notice) });
  const model = createOpenaiModel({
    model: "gpt-4o-mini",
    baseUrl: server.baseUrl,
    apiKey: key,
    clock,
    limiter,
    onNotice: (notice) => notices.push(notice),
    ...more,
  });
  const teacher = createChatTeacher(model, (line) => logged.push(line));
  return { server, model, teacher, limiter, notices, logged, clock };
}

/** The behaviors in turn, then normal ones. */
export const inTurn =
  (...behaviors: Behavior[]): NonNullable<FakeOptions["script"]> =>
  ({ number }) =>
    behaviors[number - 1] ?? { kind: "normal" };
export const always = (behavior: Behavior) => () => behavior;
export const answer = { status: "answered", grounded: true, author: "teacher" };
export const liftQuestion = "What load can the Osmund Arm safely lift?";
export const failure = (work: Promise<unknown>) =>
  work.then(
    () => ({ code: "none", message: "" }),
    (error: { code: string; message: string }) => error,
  );
