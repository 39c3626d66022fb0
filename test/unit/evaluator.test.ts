import { readyEnvironment } from "../../src/pipeline/adapters/environment.ts";
import { createEvaluator, type Judge, type JudgeRequest } from "../../src/pipeline/adapters/evaluator.ts";
import { createEmbedder } from "../../src/pipeline/adapters/embedder.ts";
import type { ScoreRequest } from "../../src/pipeline/ports.ts";
import { UserError } from "../../src/protocol/errors.ts";
import type { Metric, Score } from "../../src/protocol/model.ts";
import { join } from "node:path";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, expect, test } from "vitest";
import { fakePlace } from "../fakes/fakePlace.ts";

const { python, trainerFolder, embedder: embedderFolder } = await readyEnvironment();
const logFile = join(mkdtempSync(join(tmpdir(), "distillery-evaluator-")), "job.log");
const place = { python, trainerFolder, logFile };
const local = { id: "all-MiniLM-L6-v2", folder: embedderFolder };
const embedder = createEmbedder({ ...place, id: local.id, folder: embedderFolder });
afterAll(() => embedder.close());

const never = new AbortController().signal;
const reference = "A Service gives a set of Pods one stable address.";
const itemOf = (item: string, answer: string): ScoreRequest => ({
  item,
  question: "What does a Service give?",
  answer,
  reference,
});

type Scored = Record<string, { scores: Partial<Record<Metric, Score>>; overWindow: boolean }>;

function collector(): { scored: Scored; onScored: Parameters<ReturnType<typeof createEvaluator>["score"]>[2] } {
  const scored: Scored = {};
  return {
    scored,
    async onScored(item, scores, overWindow) {
      scored[item] = { scores, overWindow };
    },
  };
}

/** Finds every claim right, whichever of RAGAS's questions it is asked. */
function agreeing({ messages }: JudgeRequest): string {
  const prompt = messages[0]?.content ?? "";
  if (prompt.includes('"noncommittal"'))
    return JSON.stringify({ question: "What does a Service give?", noncommittal: 0 });
  if (prompt.includes('"claims"')) return JSON.stringify({ claims: ["It gives one address."] });
  return JSON.stringify({ statements: [{ statement: "It gives one address.", reason: "it says so", verdict: 1 }] });
}

const valueOf = (score: Score | undefined): number => (score && "value" in score ? score.value : Number.NaN);

test("real RAGAS scores answers, with a judge that is asked through the host", { timeout: 300_000 }, async () => {
  const judge: Judge = {
    id: "agreeing",
    async chat(request) {
      if (request.messages.some(({ content }) => content.includes("unlucky")))
        throw new UserError("E_TEACHER_OUTPUT", "The reply was cut off.");
      return agreeing(request);
    },
  };
  const evaluator = createEvaluator({ ...place, embedder: local, judge });
  expect([evaluator.embedder, evaluator.judge]).toEqual(["all-MiniLM-L6-v2", "agreeing"]);
  evaluator.prepare();
  const answers: Record<string, string> = {
    "same#0": reference,
    "near#0": "It gives a stable address for a group of Pods \ud800.",
    "far#0": "Blue paste goes into the mist intake.",
    "empty#0": "",
    "unlucky#0": "An unlucky answer about a stable address.",
    "long#0": "Pods have one stable address. ".repeat(90),
  };
  const { scored, onScored } = collector();
  const metrics = ["semantic_similarity", "rouge_score", "answer_relevancy", "factual_correctness"] as const;
  const items = Object.entries(answers).map(([item, answer]) => itemOf(item, answer));
  const versions = await evaluator.score(items, metrics, onScored, never);
  expect(versions).toMatchObject({ ragas: "0.4.3" });
  expect(Object.keys(scored).sort()).toEqual(Object.keys(answers).sort());

  // The embedding job and the scoring job agree on the metric's definition: max(0, cosine).
  const texts = [reference, ...Object.values(answers).map((text) => text.toWellFormed())];
  const [first = [], ...others] = await embedder.embed(texts, never);
  Object.keys(answers).forEach((item, index) => {
    if (item === "empty#0") return;
    const cosine = (others[index] ?? []).reduce((sum, value, at) => sum + value * (first[at] ?? 0), 0);
    expect(valueOf(scored[item]?.scores.semantic_similarity)).toBeCloseTo(Math.min(1, Math.max(0, cosine)), 5);
  });
  expect(valueOf(scored["same#0"]?.scores.rouge_score)).toBe(1);
  expect(valueOf(scored["near#0"]?.scores.semantic_similarity)).toBeGreaterThan(0.6);
  expect(valueOf(scored["far#0"]?.scores.semantic_similarity)).toBeLessThan(0.3);
  expect(scored["empty#0"]?.scores).toEqual(Object.fromEntries(metrics.map((metric) => [metric, { value: 0 }])));
  expect(scored["same#0"]?.scores.factual_correctness).toEqual({ value: 1 });
  expect(valueOf(scored["same#0"]?.scores.answer_relevancy)).toBeCloseTo(1, 5);
  expect(scored["unlucky#0"]?.scores.answer_relevancy).toEqual({
    status: "failed",
    reason: "the endpoint gave no answer: The reply was cut off.",
  });
  expect(valueOf(scored["unlucky#0"]?.scores.semantic_similarity)).toBeGreaterThan(0.3);
  expect(
    Object.entries(scored)
      .filter(([, { overWindow }]) => overWindow)
      .map(([item]) => item),
  ).toEqual(["long#0"]);
  expect(readFileSync(logFile, "utf8")).toContain("--- evaluate, process");
  await evaluator.close();
});

test("the embedder gives unit vectors, in order, for more texts than fit a line", { timeout: 300_000 }, async () => {
  const texts = Array.from({ length: 300 }, (_, index) => `Node number ${index}`);
  const vectors = await embedder.embed(texts, never);
  expect(vectors).toHaveLength(300);
  const [again = []] = await embedder.embed(["Node number 211"], never);
  const dot = (left: readonly number[], right: readonly number[]) =>
    left.reduce((sum, value, at) => sum + value * (right[at] ?? 0), 0);
  expect(dot(again, vectors[211] ?? [])).toBeCloseTo(1, 4);
  expect(Math.max(...vectors.map((vector) => Math.abs(dot(vector, vector) - 1)))).toBeLessThan(1e-4);
  expect(await embedder.embed([], never)).toEqual([]);
});

const judgeOf = (chat: Judge["chat"]): Judge => ({ id: "judge", chat });
const fakeEvaluator = (mode: string, judge: Judge) => createEvaluator({ ...fakePlace(mode), embedder: local, judge });
const three = ["a#0", "b#0", "c#0"].map((item) => itemOf(item, item));

test("a reply that is of no use fails one score; an empty account ends the scoring at once", async () => {
  const { scored, onScored } = collector();
  const chat: Judge["chat"] = async ({ messages }) => {
    if (messages[0]?.content === "b#0") throw new UserError("E_TEACHER_OUTPUT", "No use.");
    return "{}";
  };
  await fakeEvaluator("scores", judgeOf(chat)).score(three, ["answer_relevancy"], onScored, never);
  expect(scored["b#0"]?.scores).toEqual({ answer_relevancy: { status: "failed", reason: "No use." } });
  expect(scored["c#0"]?.scores).toEqual({ answer_relevancy: { value: 1 } });

  const quota = new UserError("E_QUOTA", "The account has no credit left.");
  let asked = 0;
  const empty = judgeOf((_, signal) => {
    asked += 1;
    if (asked === 1) return Promise.reject(quota);
    return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  });
  await expect(fakeEvaluator("scores", empty).score(three, ["answer_relevancy"], onScored, never)).rejects.toBe(quota);
});

test("a failure to keep a score ends the scoring", async () => {
  const full = new UserError("E_DISK_FULL", "The disk is full.");
  const evaluator = fakeEvaluator(
    "scores",
    judgeOf(async () => "{}"),
  );
  await expect(evaluator.score(three, ["answer_relevancy"], () => Promise.reject(full), never)).rejects.toBe(full);
});

test("stopping ends requests that hang", async () => {
  const controller = new AbortController();
  const stop = new UserError("E_STOPPED", "Stopped.");
  const hanging = judgeOf(
    (_, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
        controller.abort(stop);
      }),
  );
  const { onScored } = collector();
  await expect(
    fakeEvaluator("scores", hanging).score(three, ["answer_relevancy"], onScored, controller.signal),
  ).rejects.toBe(stop);
  await expect(
    fakeEvaluator("scores", hanging).score(three, ["answer_relevancy"], onScored, controller.signal),
  ).rejects.toBe(stop);
});

test.each([
  ["scores a stranger", "E_PROTOCOL", /"nobody"/],
  ["scores nothing", "E_PROTOCOL", /3 of 3 answers left out/],
  ["odd result", "E_PROTOCOL", /left out|not as agreed/],
  ["segfault", "E_TRAINER_DIED", /SIGSEGV/],
])("a scoring process that goes astray (%s) is named", async (mode, code, message) => {
  const { onScored } = collector();
  const error = await fakeEvaluator(
    mode,
    judgeOf(async () => "{}"),
  )
    .score(three, ["answer_relevancy"], onScored, never)
    .then(
      () => null,
      (reason: unknown) => reason as UserError,
    );
  expect([error?.code, error?.message]).toEqual([code, expect.stringMatching(message)]);
});

test("an embedder whose process died says so and starts afresh", async () => {
  const dying = createEmbedder({ ...fakePlace("embeds once"), id: "dying", folder: "/nowhere" });
  expect(await dying.embed(["one"], never)).toEqual([[1, 0]]);
  await expect(dying.embed(["two"], never)).rejects.toMatchObject({ code: "E_TRAINER_DIED" });
  expect(await dying.embed(["three"], never)).toEqual([[1, 0]]);
  const controller = new AbortController();
  controller.abort(new UserError("E_STOPPED", "Stopped."));
  await expect(dying.embed(["four"], controller.signal)).rejects.toMatchObject({ code: "E_STOPPED" });
  await dying.close();
});
