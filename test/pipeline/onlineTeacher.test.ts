/**
 * A whole run with a teacher behind an OpenAI-compatible endpoint that misbehaves as such endpoints do, and that
 * also judges. Everything but the endpoint is real.
 */
import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { ComparisonOutput } from "../../src/protocol/model.ts";
import { createCheckpointStore } from "../../src/pipeline/adapters/checkpointStore.ts";
import type { Behavior, Call } from "../fakes/openaiBehavior.ts";
import { startOpenaiServer } from "../fakes/openaiServer.ts";
import { makeHostile } from "../fakes/hostileWorkspace.ts";
import { freshFolder } from "../fakes/runs.ts";
import { resultOf, startDistillery } from "./distillery.ts";

const key = "sk-test-canary-0123456789abcdef";
const folder = freshFolder();
const bundled = join(import.meta.dirname, "../../knowledge");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const textOf = (body: Call["body"]): string => (body.messages ?? []).map(({ content }) => content).join("\n");
const asksForQuestions = (body: Call["body"]): boolean => /^Question families: /m.test(textOf(body));
const asksForAnswer = (body: Call["body"]): boolean => /^Question: /m.test(textOf(body));

/** Misbehaves once in each way while questions are asked for, and refuses one answer for good. */
function misbehaviour(): (call: { body: Call["body"]; path: string }) => Behavior {
  const forQuestions: Behavior[] = [
    { kind: "status", status: 429, headers: { "retry-after": "1" } },
    { kind: "status", status: 500 },
    { kind: "truncatedJson" },
  ];
  let refused: string | null = null;
  return ({ body }) => {
    if (asksForQuestions(body)) return forQuestions.shift() ?? { kind: "normal" };
    if (!asksForAnswer(body)) return { kind: "normal" };
    refused ??= textOf(body);
    return textOf(body) === refused ? { kind: "refusal" } : { kind: "normal" };
  };
}

function filesBelow(path: string): string[] {
  return readdirSync(path).flatMap((name) => {
    const file = join(path, name);
    return statSync(file).isDirectory() ? filesBelow(file) : [file];
  });
}

test(
  "a run in a hostile workspace completes over 429s, 500s, cut JSON and a refusal; the key stays out of every file",
  { timeout: 900_000 },
  async () => {
    const hostile = makeHostile(folder);
    const knowledge = join(folder, hostile.name);
    cpSync(bundled, knowledge, { recursive: true });
    const prices = join(folder, "prices.json");
    writeFileSync(prices, JSON.stringify({ "gpt-4o-mini": { input: 1, output: 2 } }));
    const server = await startOpenaiServer({ key, script: misbehaviour() });
    try {
      const ended = await startDistillery(
        [
          ...["run", "--teacher", "openai", "--base-url", server.baseUrl, "--model", "gpt-4o-mini", "--judge"],
          ...[
            "--topics",
            "Pods,DNS,Secrets",
            "--questions",
            "5",
            "--wordings",
            "2",
            "--steps",
            "3",
            "--max-new-tokens",
            "16",
          ],
          ...["--knowledge", knowledge, "--out", folder, "--json"],
          ...["--prices", prices, "--budget", "5"],
        ],
        { env: { OPENAI_API_KEY: key }, cwd: folder },
      );
      const { run, comparison } = resultOf<{ run: string; comparison: ComparisonOutput }>(ended);
      const store = await createCheckpointStore(join(folder, ".distillery")).open(run);
      const questions = (await store.readCheckpoint(1, "questions"))?.output;
      const references = (await store.readCheckpoint(1, "references"))?.output.references ?? {};
      const frame = (await store.readCheckpoint(1, "questions"))?.frame;
      await store.close();

      expect(questions?.questions.filter(({ tier }) => tier === "reworded")).toHaveLength(5);
      expect(questions?.questions.every(({ origin }) => origin === "teacher")).toBe(true);
      const statuses = Object.values(references).map(({ status }) => status);
      expect(statuses.filter((status) => status === "refused")).toHaveLength(1);
      expect(Object.values(references).filter(({ status, grounded }) => status === "answered" && !grounded)).toEqual(
        [],
      );
      const metrics = new Set(comparison.rows.filter(({ means }) => means !== null).map(({ metric }) => metric));
      expect([...metrics].toSorted()).toEqual([
        "answer_relevancy",
        "detail_recall",
        "factual_correctness",
        "faithfulness",
        "rouge_score",
        "semantic_similarity",
      ]);

      const kinds = server.calls.map(({ behavior }) => behavior);
      expect(kinds.filter((kind) => kind === "status")).toHaveLength(2);
      expect(kinds).toContain("truncatedJson");
      expect(kinds.filter((kind) => kind === "refusal").length).toBeLessThanOrEqual(2);
      const limited = server.calls.find(({ behavior }) => behavior === "status");
      const waited = server.calls.filter(
        (call) => limited && call.number > limited.number && call.at < limited.at + 1000,
      );
      expect(waited.filter(({ body }) => asksForQuestions(body)).length).toBeLessThan(8);
      expect(frame?.usage?.requests).toBeGreaterThan(0);
      expect(server.calls.every(({ headers }) => headers.authorization === `Bearer ${key}`)).toBe(true);

      const spent = server.paid().reduce((sum, call) => sum + call.inputTokens + 2 * call.outputTokens, 0) / 1e6;
      expect(ended.stderr).toMatch(/^About \d+ requests with [\d,]+ tokens will be sent, for about \$0\.\d\d; an/m);
      const told = [...ended.stderr.matchAll(/^At most \$(\d+\.\d{4}) of \$5 spent on this run so far\.$/gm)];
      expect(told.length).toBeGreaterThanOrEqual(2);
      expect(Number(told.at(-1)?.[1])).toBeGreaterThanOrEqual(Number(spent.toFixed(4)));

      expect(hostile.sprung()).toEqual([]);
      expect(ended.stdout + ended.stderr).not.toContain(key);
      for (const file of filesBelow(folder)) expect(readFileSync(file).includes(key), file).toBe(false);
    } finally {
      await server.close();
    }
  },
);

test(
  "a model the endpoint does not have ends the run by name, and nothing but the request was sent",
  { timeout: 300_000 },
  async () => {
    const server = await startOpenaiServer({ key });
    try {
      const args = [
        "run",
        "--teacher",
        "openai",
        "--base-url",
        server.baseUrl,
        "--model",
        "gpt-9",
        "--topics",
        "Pods",
        "--out",
        folder,
      ];
      const ended = await startDistillery(args, { env: { OPENAI_API_KEY: key } });
      expect(ended.code).toBe(1);
      expect(ended.stderr).toContain("E_MODEL_NAME: ");
      expect(ended.stderr).toContain("gpt-9");
      expect(server.paid()).toEqual([]);
    } finally {
      await server.close();
    }
  },
);
