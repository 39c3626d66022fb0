/** Exact details: found where an answer has them, in whatever form, and missed where it only looks alike. */
import { describe, expect, it } from "vitest";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createCheckpointStore } from "../../src/pipeline/adapters/checkpointStore.ts";
import { detailRecall, lacks } from "../../src/pipeline/details.ts";
import { unscoredPrimary } from "../../src/pipeline/stages/evaluation.ts";
import { runSettingsSchema } from "../../src/protocol/run.ts";
import type { Score } from "../../src/protocol/model.ts";
import { fakeParts, type FakeParts } from "../fakes/parts.ts";
import { fakeRunFile, freshFolder, play } from "../fakes/runs.ts";

const reference = "The `subPathExpr` field, stable since v1.17, expands `$(VAR_NAME)` references from the environment.";
const given = ["Which references does the subPathExpr field expand?", "Kubernetes", "v1.28"];
const missingIn = (answer: string, from = reference, also = given): string[] => {
  const score = detailRecall(from, answer, also);
  return "value" in score ? (score.missing ?? []) : ["not applicable"];
};
const recall = (answer: string, from = reference, also = given): number | null => {
  const score = detailRecall(from, answer, also);
  return "value" in score ? score.value : null;
};

describe("detailRecall", () => {
  it("sees a wrong version in an answer that is the reference otherwise", () => {
    expect(missingIn(reference.replace("v1.17", "v1.23"))).toEqual(["1.17"]);
    expect(recall(reference.replace("v1.17", "v1.23"))).toBe(0.5);
    expect(recall(reference)).toBe(1);
  });

  it("asks for nothing that the question or the domain gives", () => {
    const from = "In v1.28 the `subPathExpr` field expands nothing.";
    expect(detailRecall(from, "No idea.", given)).toMatchObject({ status: "not_applicable" });
  });

  it("says nothing about a reference without details", () => {
    expect(detailRecall("A Pod groups containers.", "", given)).toMatchObject({ status: "not_applicable" });
    // "One" and "once" count nothing here.
    expect(detailRecall("Once one of them runs, it stays.", "", given)).toMatchObject({ status: "not_applicable" });
  });

  it.each([
    ["in other letters and without marks", "Use var_name, since 1.17"],
    ["in another order", "Since v1.17: `$(VAR_NAME)`."],
  ])("finds them %s", (_, answer) => {
    expect(missingIn(answer)).toEqual([]);
  });

  it.each<[string, string, string, string[]]>([
    ["a longer version", "Use `apps/v1`.", "Use apps/v1beta1.", ["apps/v1"]],
    ["a later patch", "Since v1.2.", "Since v1.2.3.", ["1.2"]],
    ["a part of a word", "Set `true`.", "That is untrue.", ["true"]],
    ["a part of a number", "It waits 30 seconds.", "It waits 300 seconds.", ["30"]],
    ["the digits of a name", "It keeps 4 Jobs, by IPv6.", "It speaks IPv4.", ["4"]],
    ["a mark of a list", "It keeps 3 Jobs.", "1. a\n2. b\n3. c", ["3"]],
  ])("does not take %s for it", (_, from, answer, missing) => {
    expect(missingIn(answer, from, [])).toEqual(missing);
  });

  it.each([
    ["three schedulers", "3 schedulers"],
    ["3 schedulers", "three schedulers"],
    ["1,000 Pods", "1000 Pods"],
    ["80 percent", "80.0 percent"],
    ["the `--grace-period` flag", "the grace-period flag"],
  ])("%s and %s are one detail", (from, answer) => {
    expect(recall(`It needs ${answer}.`, `It needs ${from}.`, [])).toBe(1);
  });

  it.each(["a", "-", "`", "1", "a1", " "])("is quick on a hundred thousand times %j", (sign) => {
    const long = sign.repeat(100_000);
    const before = performance.now();
    detailRecall(`\`${long}x\` \`${sign.repeat(50)}x\` ${long}`, long, [long]);
    // Some milliseconds when the time grows with the length, minutes when with its square.
    expect(performance.now() - before).toBeLessThan(5_000);
  });

  it("does not count the marks of a list in the reference", () => {
    expect(missingIn("Use `kubectl`.", "1. Use `kubectl`.\n2. Wait.", [])).toEqual([]);
  });

  it("takes signs of a pattern as they are written", () => {
    expect(missingIn("it is a+b(c)", "Set `a+b(c` or `x[1]`.", [])).toEqual(["x[1"]);
  });
});

describe("lacks", () => {
  it.each<[Score | undefined, string]>([
    [undefined, ""],
    [{ status: "failed", reason: "none" }, ""],
    [{ value: 1 }, ""],
    [{ value: 0.5, missing: ["1.17"] }, "lacks 1.17"],
    [{ value: 0, missing: ["1.17", "VAR_NAME"] }, "lacks 1.17 and VAR_NAME"],
    [{ value: 0, missing: ["a", "b", "c", "d", "e", "f"] }, "lacks a, b, c, d and 2 more"],
  ])("%j is %j", (score, words) => {
    expect(lacks(score)).toBe(words);
  });
});

/** Stand-ins whose teacher and students say one thing each. */
function partsSaying(taught: string, untuned: string, tuned: string): FakeParts {
  const parts = fakeParts();
  const answer = parts.teacher.reference.bind(parts.teacher);
  parts.teacher.reference = async (...args) => ({ ...(await answer(...args)), text: taught });
  const says = (text: string) => async () => ({ text, stop: "stop" as const, tokens: 5, milliseconds: 1 });
  parts.student.generate = says(untuned);
  const model = parts.student.tuned.bind(parts.student);
  parts.student.tuned = (gguf) => ({ ...model(gguf), generate: says(tuned) });
  return parts;
}

describe("a run", () => {
  it("compares the exact details of both students, and says which one lacks what", async () => {
    const root = freshFolder();
    await play(root, fakeRunFile({ questions: 20 }), {
      parts: partsSaying("It `halts` at 4711 turns.", "poor", "good: at 4711 turns"),
    });
    const store = await createCheckpointStore(root).open("run-1");
    const rows = (await store.readCheckpoint(1, "comparison"))?.output.rows;
    const evaluation = (await store.readCheckpoint(1, "tunedEvaluation"))?.output;
    await store.close();
    expect(rows?.find(({ metric, tier }) => metric === "detail_recall" && tier === "reworded")).toMatchObject({
      scored: 20,
      failed: 0,
      means: { baseline: 0, tuned: 0.5, percent: null },
      better: 20,
    });
    const scores = Object.values(evaluation?.arms.tuned.scores ?? {}).flat();
    expect(scores[0]?.detail_recall).toEqual({ value: 0.5, missing: ["halts"] });
    const report = readFileSync(join(root, "runs/run-1/report.md"), "utf8");
    expect(report).toContain("answers had 0 % before and 50 % after in reworded questions (n = 20)");
    expect(report).toMatch(/^Baseline, 0\.\d\d, lacks halts and 4711:$/m);
    expect(report).toMatch(/^Fine-tuned, 0\.\d\d, lacks halts:$/m);
    expect(readFileSync(join(root, "runs/run-1/report.html"), "utf8")).toContain('<p class="lacks">lacks halts</p>');
  });

  it("says nothing of details where no reference has any", async () => {
    const root = freshFolder();
    const settings = { questions: 20, primaryMetric: "detail_recall" };
    await play(root, fakeRunFile(settings), { parts: partsSaying("It halts.", "poor", "good") });
    const store = await createCheckpointStore(root).open("run-1");
    const compared = (await store.readCheckpoint(1, "comparison"))?.output;
    await store.close();
    expect(new Set(Object.values(compared?.perQuestion ?? {}).map(({ change }) => change))).toEqual(
      new Set(["not applicable"]),
    );
    const report = readFileSync(join(root, "runs/run-1/report.md"), "utf8");
    expect(report).not.toContain("Exact details");
    expect(report).toContain("only 0 of 20 reworded questions were scored");
    expect(report).toMatch(/^\| reworded \| detail_recall \| – .*\| 0 \| 0 \| 20 \|/m);
  });

  it("can rest its verdict on them without a judge", () => {
    const on = (primaryMetric: string) => unscoredPrimary(runSettingsSchema.parse({ primaryMetric }));
    expect(on("detail_recall")).toBeNull();
    expect(on("faithfulness")).toMatch(/needs a judge; .*semantic_similarity, rouge_score and detail_recall/);
  });
});
