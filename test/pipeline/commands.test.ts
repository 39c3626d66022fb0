/** One small real run through every command: stopped, resumed with other settings, shown, asked, damaged, kept. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Answer, ComparisonOutput } from "../../src/protocol/model.ts";
import { descendantsOf, gone } from "../fakes/processes.ts";
import { freshFolder } from "../fakes/runs.ts";
import { resultOf, startDistillery, type Ended } from "./distillery.ts";

const folder = freshFolder();
const elsewhere = freshFolder();
const runs = join(folder, ".distillery/runs");
let run = "";
let stopped: Ended;
let leftBehind: number[] = [];

const distillery = (...args: string[]) => startDistillery([...args, "--out", folder]);
const checkpoint = (stage: string) => readFileSync(join(runs, run, `cycle-1/${stage}.json`), "utf8");

beforeAll(async () => {
  const settings = [
    "--questions",
    "2",
    "--topics",
    "Pods,DNS",
    "--wordings",
    "2",
    "--steps",
    "500",
    "--max-new-tokens",
    "16",
  ];
  stopped = await startDistillery(["run", ...settings, "--out", folder], {
    onOutput: (text, child) => {
      if (leftBehind.length > 0 || !text.includes("5. Fine-tuning: started") || child.pid === undefined) return;
      leftBehind = descendantsOf(child.pid);
      child.kill("SIGINT");
    },
  });
  [run = ""] = readdirSync(runs);
}, 300_000);

afterAll(() => {
  for (const each of [folder, elsewhere]) rmSync(each, { recursive: true, force: true });
});

test("Ctrl-C during training ends with 130, says what is kept, and leaves no process behind", async () => {
  expect(stopped.code).toBe(130);
  expect(stopped.stdout).toContain("Stopping; everything finished is kept.");
  expect(stopped.stderr).toContain("E_STOPPED: ");
  expect(stopped.stderr).toContain("Everything finished so far is saved.");
  expect(leftBehind.length).toBeGreaterThan(0);
  for (const pid of leftBehind) expect(await gone(pid), String(pid)).toBe(true);
});

test("resume with another setting runs only what depends on it", async () => {
  const before = ["questions", "baselineAnswers", "references", "baselineEvaluation"].map(checkpoint);
  const ended = await distillery("resume", "--steps", "2");
  expect(ended.code, ended.stderr).toBe(0);
  expect(ended.stdout).toContain("Question generation: reused");
  expect(ended.stdout).toMatch(/Fine-tuning: done in .* 2 steps/);
  expect(["questions", "baselineAnswers", "references", "baselineEvaluation"].map(checkpoint)).toEqual(before);
  expect(ended.stdout).toContain(join(runs, run, "report.md"));
}, 300_000);

test("show and list read the result without changing anything", async () => {
  const shown = await distillery("show", run);
  expect(shown.stdout).toContain("semantic_similarity");
  expect(shown.stdout).toMatch(/1 +comparison +ok/);
  const { comparison, checkpoints } = resultOf<{ comparison: ComparisonOutput; checkpoints: unknown[] }>(
    await distillery("show", run, "--json"),
  );
  expect(comparison.rows.length).toBeGreaterThan(0);
  expect(checkpoints).toHaveLength(8);
  const ledger = await distillery("show", run, "--ledger");
  expect(ledger.stdout).toMatch(/c1-f01-r1 +reworded +test +1 +– +1 /);
  expect(ledger.stdout).toMatch(/The test part was looked at (once|\d+ times)\./);
  const [listed] = resultOf<{ run: string; state: string }[]>(await distillery("list", "--json"));
  expect(listed).toMatchObject({ run, state: "finished" });
});

test("a student is used by hand, which is recorded, and without a former one there is nothing to go back to", async () => {
  type Student = { current: { run: string } | null; history: { why: string }[] };
  const student = async (...args: string[]) => resultOf<Student>(await distillery("student", ...args, "--json"));
  const before = await student();
  const { current, history } = await student("--use", run);
  expect(current?.run).toBe(run);
  expect(history.at(-1)?.why).toMatch(before.current ? /^gate passed$/ : /^chosen by hand, although the gate said/);
  expect((await distillery("student")).stdout).toContain(`In use: run ${run}, cycle 1`);
  const back = await distillery("student", "--rollback");
  expect(back.code).not.toBe(0);
  expect(back.stderr).toContain("no former student");
});

test("ask answers with base and tuned student, and the same question gives the same answers", async () => {
  const ask = async () =>
    resultOf<{ base: Answer; tuned: Answer }>(await distillery("ask", "What", "is a Pod?", "--json"));
  const first = await ask();
  expect(first.base.tokens).toBeGreaterThan(0);
  expect(first.tuned.text).not.toBe(first.base.text);
  const second = await ask();
  expect([second.base.text, second.tuned.text]).toEqual([first.base.text, first.tuned.text]);
  const printed = await distillery("ask", "What is a Pod?");
  expect(printed.stdout).toContain("smollm2-135m, untuned");
  expect(printed.stdout).toContain(`tuned in run ${run}, cycle 1`);
}, 180_000);

test("a re-run keeps what it replaces, and a replaced checkpoint can be brought back", async () => {
  const before = checkpoint("comparison");
  const again = await distillery("rerun", run, "--from", "7", "--cycle", "1");
  expect(again.code, again.stderr).toBe(0);
  const shown = resultOf<{ superseded: { file: string; stage: string }[] }>(await distillery("show", run, "--json"));
  const replaced = shown.superseded.find(({ stage }) => stage === "comparison");
  const restored = await distillery("restore", run, replaced?.file ?? "none");
  expect(restored.code, restored.stderr).toBe(0);
  expect(checkpoint("comparison")).toBe(before);
  expect((await distillery("rerun", run, "--from", "7", "--cycle", "2")).code).toBe(2);
}, 180_000);

test("damaged checkpoints are named, go to quarantine, and resume repairs the run", async () => {
  // Of the last cycle's questions it is known early whether there are any; that, too, must not go unsaid.
  const questions = checkpoint("questions");
  writeFileSync(join(runs, run, "cycle-1/questions.json"), questions.replace(/\?"/, '!"'));
  const file = join(runs, run, "cycle-1/baselineAnswers.json");
  writeFileSync(file, checkpoint("baselineAnswers").replace(/"tokens": ?\d+/, '"tokens": 9999'));
  expect((await distillery("show", run)).stdout).toMatch(/baselineAnswers +damaged/);
  const ended = await distillery("resume", run);
  expect(ended.code, ended.stderr).toBe(0);
  for (const stage of ["questions", "baselineAnswers"]) {
    expect(ended.stdout).toMatch(new RegExp(`E_CKPT_CORRUPT.*cycle-1/${stage}\\.json`));
    expect(readdirSync(join(runs, run, "quarantine")).join(" ")).toContain(stage);
  }
  const hashIn = (text: string) => /"outputHash": ?"([0-9a-f]{64})"/.exec(text)?.[1];
  expect(hashIn(checkpoint("questions"))).toBe(hashIn(questions));
  expect(checkpoint("baselineAnswers")).not.toContain("9999");
}, 180_000);

test("a backup holds the run with its adapter and comes back elsewhere", async () => {
  const file = join(folder, "kept.distillery-backup");
  expect((await distillery("backup", run, file)).code).toBe(0);
  const restored = await startDistillery(["restore", file, "--out", elsewhere, "--json"]);
  expect(resultOf<{ run: string }>(restored).run).toBe(run);
  const asked = await startDistillery(["ask", "What is a Pod?", "--out", elsewhere, "--json"]);
  expect(resultOf<{ tuned: Answer }>(asked).tuned.text).not.toBe("");
}, 180_000);
