import { createCheckpointStore } from "../../src/pipeline/adapters/checkpointStore.ts";
import { readyEnvironment } from "../../src/pipeline/adapters/environment.ts";
import { createEvaluator, type EvaluatorProcess, type Judge } from "../../src/pipeline/adapters/evaluator.ts";
import { createEmbedder } from "../../src/pipeline/adapters/embedder.ts";
import { createJudge } from "../../src/pipeline/adapters/teacher/judge.ts";
import { createOpenaiModel } from "../../src/pipeline/adapters/teacher/openaiModel.ts";
import type { Evaluator, ScoreRequest } from "../../src/pipeline/ports.ts";
import { UserError } from "../../src/protocol/errors.ts";
import type { Metric, Score, Scoring } from "../../src/protocol/model.ts";
import type { RunFile } from "../../src/protocol/run.ts";
import { join } from "node:path";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ChatBody } from "../fakes/openaiBehavior.ts";
import { fakePlace } from "../fakes/fakePlace.ts";
import { startOpenaiServer } from "../fakes/openaiServer.ts";
import { fakeParts, type FakeParts } from "../fakes/parts.ts";
import { fakeRunFile, freshFolder, play } from "../fakes/runs.ts";

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
  context: `${reference} It is reached by name.`,
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

const valueOf = (score: Score | undefined): number => (score && "value" in score ? score.value : Number.NaN);

const answers: Record<string, string> = {
  "same#0": reference,
  "near#0": "It gives a stable address for a group of Pods \ud800.",
  "far#0": "Blue paste goes into the mist intake.",
  "empty#0": "",
  "short#0": "Yes!",
  "unlucky#0": "An unlucky answer about a stable address.",
  "long#0": "Pods have one stable address. ".repeat(90),
};
const metrics = [
  "semantic_similarity",
  "rouge_score",
  "answer_relevancy",
  "factual_correctness",
  "faithfulness",
] as const;
const judged = ["answer_relevancy", "factual_correctness", "faithfulness"] as const;

/** Answers with a mark at every fifth new wording, beginning with the given one. */
function marking(from: number, mark: string): FakeParts["student"]["generate"] {
  let asked = 0;
  return async (messages) => {
    const marked = messages.at(-1)?.content.includes("Tell ") && asked++ % 5 === from;
    const text = `The valve part turns a few times a minute${marked ? ` and is ${mark}` : ""}.`;
    return { text, stop: "stop", tokens: 9, milliseconds: 1 };
  };
}

/** A run of five questions whose students give such answers, scored by `score`. */
async function playMarked(file: RunFile, score: Pick<Evaluator, "score" | "usage" | "judge">): Promise<string> {
  const parts = fakeParts();
  const tuned = { ...parts.student.tuned(""), generate: marking(2, "garbled") };
  parts.student = { ...parts.student, generate: marking(0, "unlucky"), tuned: () => tuned };
  parts.evaluator = { ...parts.evaluator, ...score };
  const root = freshFolder();
  await play(root, file, { parts });
  return root;
}

describe("real RAGAS over the judge's endpoint", () => {
  const { scored, onScored } = collector();
  const asked: ScoreRequest[] = [];
  let scoring: Scoring;
  let evaluator: EvaluatorProcess;
  let file: RunFile;

  // One process scores what both tests look at: its imports take longer than its work.
  beforeAll(async () => {
    const said = (body: ChatBody) => body.messages?.[0]?.content.split("input:").at(-1) ?? "";
    const server = await startOpenaiServer({
      script: ({ body }) => {
        if (said(body).includes("unlucky")) return { kind: "refusal" };
        return { kind: said(body).includes("garbled") ? "wrongShape" : "normal" };
      },
    });
    const model = createOpenaiModel({ model: "gpt-4o-mini", baseUrl: server.baseUrl, apiKey: null });
    evaluator = createEvaluator({ ...place, embedder: local, judge: createJudge(model, true) });
    evaluator.prepare();
    file = fakeRunFile({ questions: 5, judge: true, judgeModel: { model: "gpt-4o-mini", baseUrl: server.baseUrl } });
    const { score } = fakeParts().evaluator;
    await playMarked(file, {
      ...evaluator,
      score: (items, ...rest) => (asked.push(...items), score(items, ...rest)),
    });
    const items = [
      ...Object.entries(answers).map(([item, answer]) => itemOf(item, answer)),
      ...asked.map((request, index) => ({ ...request, item: `asked-${index}#0` })),
    ];
    try {
      scoring = await evaluator.score(items, metrics, onScored, never);
    } finally {
      await evaluator.close();
      await server.close();
    }
  }, 300_000);

  test("scores answers, and says with which versions and prompts", async () => {
    expect([evaluator.embedder, evaluator.judge]).toEqual(["all-MiniLM-L6-v2", "gpt-4o-mini at 127.0.0.1"]);
    expect(scoring.versions).toMatchObject({ ragas: "0.4.3" });
    expect(scoring.prompts["faithfulness.nli_statement_prompt"]).toMatchObject({
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      instruction: expect.stringContaining("judge the faithfulness"),
    });
    expect(evaluator.usage()?.requests).toBeGreaterThan(100);

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
    expect(scored["same#0"]?.scores).toMatchObject({ factual_correctness: { value: 1 }, faithfulness: { value: 1 } });
    expect(scored["far#0"]?.scores).toMatchObject({ factual_correctness: { value: 0 }, faithfulness: { value: 0 } });
    expect(valueOf(scored["same#0"]?.scores.answer_relevancy)).toBeGreaterThan(
      valueOf(scored["far#0"]?.scores.answer_relevancy),
    );
    expect(scored["short#0"]?.scores.faithfulness).toEqual({
      status: "not_applicable",
      reason: "the answer states nothing",
    });
    for (const metric of judged)
      expect(scored["unlucky#0"]?.scores[metric], metric).toEqual({
        status: "failed",
        reason: expect.stringMatching(/^the endpoint gave no answer: The judge's answer cannot be used/),
      });
    expect(valueOf(scored["unlucky#0"]?.scores.semantic_similarity)).toBeGreaterThan(0.3);
    expect(
      Object.entries(scored)
        .filter(([, { overWindow }]) => overWindow)
        .map(([item]) => item),
    ).toEqual(["long#0"]);
    expect(readFileSync(logFile, "utf8")).toContain("--- evaluate, process");
  });

  test("failing for a fifth of the answers, it leaves no mean and no 0; the arms are compared over what both have", async () => {
    const known = new Map(asked.map((request, index) => [keyOf(request), scored[`asked-${index}#0`]]));
    const root = await playMarked(file, {
      ...evaluator,
      async score(items, _metrics, take) {
        for (const request of items) {
          const { scores, overWindow } = known.get(keyOf(request))!;
          await take(request.item, scores, overWindow);
        }
        return scoring;
      },
    });
    const store = await createCheckpointStore(root).open("run-1");
    const compared = await store.readCheckpoint(1, "comparison");
    const evaluated = await store.readCheckpoint(1, "baselineEvaluation");
    await store.close();
    const rowOf = (metric: Metric, tier: string) =>
      compared?.output.rows.find((row) => row.metric === metric && row.tier === tier);
    for (const metric of judged) {
      // The judge refuses one of the five baseline answers, and answers past the point on another tuned one.
      const row = rowOf(metric, "reworded");
      expect(row, metric).toMatchObject({ scored: 3, failed: 2, notApplicable: 0, means: null });
      expect((row?.better ?? 0) + (row?.same ?? 0) + (row?.worse ?? 0)).toBe(3);
      expect(rowOf(metric, "train"), metric).toMatchObject({ scored: 5, failed: 0, means: expect.anything() });
    }
    // What needs no judge is untouched by its failures.
    expect(rowOf("semantic_similarity", "reworded")).toMatchObject({ scored: 5, means: expect.anything() });
    expect(JSON.stringify(evaluated?.output).match(/"status":"failed"/g)).toHaveLength(judged.length);

    expect(evaluated?.output.judge).toBe("gpt-4o-mini at 127.0.0.1");
    expect(Object.keys(evaluated?.output.prompts ?? {})).toHaveLength(5);
    expect(evaluated?.frame.models["judge"]).toBe("gpt-4o-mini at 127.0.0.1");
    const report = readFileSync(join(root, "runs/run-1/report.md"), "utf8");
    expect(report).toMatch(/\| reworded \| faithfulness \| – \| – \| – \| – \| – \| 3 \| 2 \| 0 \|/);
    expect(report).toContain("judged by gpt-4o-mini at 127.0.0.1");
  });
});

const keyOf = ({ question, answer }: ScoreRequest): string => JSON.stringify([question, answer]);

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

const judgeOf = (chat: Judge["chat"]): Judge => ({ id: "judge", usage: () => null, chat });
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
