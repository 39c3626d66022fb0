/**
 * Does a student learn facts it cannot have known? A manual of an invented machine, 24 sections, and
 * 20 questions for its precise facts, which no part of the product reads.
 */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import type { ComparisonOutput, Domain } from "../../src/protocol/model.ts";
import { readyEnvironment } from "../../src/pipeline/adapters/environment.ts";
import { createStudent } from "../../src/pipeline/adapters/student.ts";
import type { LanguageModel } from "../../src/pipeline/ports.ts";
import { studentMessages, templates } from "../../src/pipeline/template.ts";
import { freshFolder } from "../fakes/runs.ts";
import { resultOf, startDistillery } from "./distillery.ts";

interface Fact {
  id: string;
  question: string;
  accept: string[];
}

const fixtures = join(import.meta.dirname, "../fixtures");
const knowledge = join(fixtures, "madeUpKnowledge");
const facts = JSON.parse(readFileSync(join(fixtures, "madeUpFacts.json"), "utf8")) as Fact[];
const folder = freshFolder();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const holds = (text: string, { accept }: Fact): boolean =>
  accept.some((spelling) => text.toLowerCase().includes(spelling));

/** Right: at most 60 words, with the fact's value and no other fact's. */
const isRight = (text: string, fact: Fact): boolean =>
  text.split(/\s+/).length <= 60 &&
  holds(text, fact) &&
  !facts.some((other) => other.id !== fact.id && holds(text, other));

async function rightOf(model: LanguageModel, domain: Domain): Promise<string[]> {
  const right: string[] = [];
  for (const fact of facts) {
    const { text } = await model.generate(studentMessages(domain, fact.question), {
      maxNewTokens: 150,
      temperature: 0,
      topP: 1,
      topK: 1,
      // Greedy is the most probable token each time; a penalty would not let "22" end as it begins.
      repetitionPenalty: 1,
      maxTime: 60,
      seed: 1,
    });
    const ok = isRight(text, fact);
    if (ok) right.push(fact.id);
    console.info(`${ok ? "right" : "wrong"}  ${fact.question}  →  ${text.trim().slice(0, 200)}`);
  }
  return right;
}

/** 40 % of the facts; five lie in sections kept unseen, so 15 can be learned. Trials of the training alone came to 11 and 12. */
const fewestRight = 8;

it("raises the reworded tier by 0.35 and answers precise facts it could not know", { timeout: 1_500_000 }, async () => {
  const run = resultOf<{ folder: string; comparison: ComparisonOutput }>(
    await startDistillery([
      "run",
      "--knowledge",
      knowledge,
      "--questions",
      "50",
      "--steps",
      "auto",
      "--out",
      folder,
      "--json",
    ]),
  );
  const reworded = run.comparison.rows.filter(({ tier }) => tier === "reworded");
  const row = reworded.find(({ metric }) => metric === "semantic_similarity");
  const details = reworded.find(({ metric }) => metric === "detail_recall");
  console.info(run.comparison.headline.sentence);
  console.info(`exact details: ${JSON.stringify(details)}`);

  const settings = JSON.parse(readFileSync(join(knowledge, "distillery.json"), "utf8")) as {
    domain: string;
    version: string;
  };
  const domain: Domain = { name: settings.domain, version: settings.version };
  const environment = await readyEnvironment();
  const student = createStudent({ gguf: environment.embeddedStudent, template: templates.chatml });
  try {
    const before = await rightOf(student, domain);
    const after = await rightOf(student.tuned(join(run.folder, "cycle-1/adapter/adapter.gguf")), domain);
    console.info(`${before.length} of 20 facts right before, ${after.length} after`);
    expect(row?.means?.absolute).toBeGreaterThanOrEqual(0.35);
    expect(row?.means?.interval?.low).toBeGreaterThan(0);
    expect(details?.means?.interval?.low).toBeGreaterThan(0);
    expect(before.length).toBeLessThanOrEqual(1);
    expect(after.length).toBeGreaterThanOrEqual(fewestRight);
  } finally {
    await student.close();
  }
});
