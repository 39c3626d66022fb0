/** What teacher and judge of a run will about cost, before anything is asked. */
import type { Knowledge } from "../../../protocol/model.ts";
import type { JudgeModel, RunSettings } from "../../../protocol/run.ts";
import { judgeOf } from "./judge.ts";
import { dollarsOf, priceOf } from "./prices.ts";

export interface Cost {
  calls: number;
  tokens: number;
  /** US dollars; null when the price is not known. */
  dollars: number | null;
}

type Plan = Pick<RunSettings, "questions" | "cycles" | "wordings" | "arms" | "prices">;

/** Four characters a token in English text. */
const charactersPerToken = 4;
/** A judged answer takes nine requests: three for relevancy, four for correctness, two for faithfulness. */
const callsPerJudged = 9;
const judgeTokens = { input: 800, output: 130 };

/** Families have their wordings for training and one for testing; all arms answer all of them. */
export const testedQuestions = ({ questions, cycles, wordings }: Plan): number => questions * cycles * (wordings + 1);

/** Both students; retrieval adds an arm to each, the student in use is one more. The teacher's own arm costs no student time. */
export const studentArms = ({ arms }: Pick<Plan, "arms">): number =>
  2 + (arms.includes("retrieval") ? 2 : 0) + (arms.includes("adopted") ? 1 : 0);

/** Questions, references and, where the teacher is an arm of its own, its answers. */
export function teachingCost(plan: Plan, { model, baseUrl }: JudgeModel, { sections }: Knowledge): Cost {
  const families = plan.questions * plan.cycles;
  const meanSection =
    sections.reduce((sum, { text }) => sum + text.length, 0) / Math.max(1, sections.length) / charactersPerToken;
  const ceiling = plan.arms.includes("teacher") ? families * 2.25 : 0;
  const calls = Math.ceil(families * 1.25 + families + ceiling);
  const input = Math.round(calls * (meanSection + 450));
  const output = Math.round(testedQuestions(plan) * 25 + (families + ceiling) * 220);
  const price = priceOf(model, baseUrl, plan.prices);
  return { calls, tokens: input + output, dollars: price ? dollarsOf(price, { input, cachedInput: 0, output }) : null };
}

export function judgingCost(plan: Plan, { model, baseUrl }: JudgeModel): Cost {
  const calls = testedQuestions(plan) * studentArms(plan) * callsPerJudged;
  const count = { input: calls * judgeTokens.input, cachedInput: 0, output: calls * judgeTokens.output };
  const price = priceOf(model, baseUrl, plan.prices);
  return { calls, tokens: count.input + count.output, dollars: price ? dollarsOf(price, count) : null };
}

/** "About 50 requests with 80,000 tokens will be sent, for about $0.02."; null where nothing is asked of anybody. */
export function costSentence(settings: RunSettings, knowledge: Knowledge): string | null {
  const judge = judgeOf(settings);
  const costs = [
    ...(settings.teacher.kind === "openai" ? [teachingCost(settings, settings.teacher, knowledge)] : []),
    ...(judge ? [judgingCost(settings, judge)] : []),
  ];
  if (costs.length === 0) return null;
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
  const calls = sum(costs.map((each) => each.calls));
  const tokens = sum(costs.map((each) => each.tokens));
  const known = costs.flatMap(({ dollars }) => (dollars === null ? [] : [dollars]));
  const price = known.length === costs.length ? `for about $${sum(known).toFixed(2)}` : "at prices that are not known";
  const thinks = settings.teacher.kind === "openai" && (settings.teacher.effort ?? "none") !== "none";
  const count = (value: number) => Number(value.toPrecision(2)).toLocaleString("en-GB");
  return `About ${count(calls)} requests with ${count(tokens)} tokens will be sent, ${price}; an estimate${thinks ? ", without what the model thinks" : ""}.`;
}
