/** What a run will take, before it starts: requests, tokens, money, minutes, and what is sent where. */
import * as vscode from "vscode";
import { judgeOf } from "../../pipeline/adapters/teacher/judge.ts";
import { dollarsOf, priceOf } from "../../pipeline/adapters/teacher/prices.ts";
import { planSentence, testPlan, type Spread } from "../../pipeline/detectable.ts";
import type { Knowledge } from "../../protocol/model.ts";
import type { Draft, Estimate } from "../../protocol/panel.ts";
import type { JudgeModel } from "../../protocol/run.ts";
import { configuration } from "../configuration.ts";
import { judgeModel, ownPrices, teacherBaseUrl, teacherSettings } from "../settings.ts";

/** Seconds on two CPU cores with the embedded student, as measured; a guide, no promise. */
const secondsPerAnswerToken = 1 / 60;
const secondsPerStep = 0.9;
const secondsPerScore = 0.12;
const secondsFixed = 45;
/** Four characters a token in English text. */
const charactersPerToken = 4;
/** A judged answer takes nine requests: three for relevancy, four for correctness, two for faithfulness. */
const callsPerJudged = 9;
const judgeTokens = { input: 800, output: 130 };

/** @param measured the spread of an earlier run, where there is one */
export function tokensOf(
  draft: Draft,
  knowledge: Knowledge,
  model: string,
  host: string,
  measured: { run: string; spread: Spread } | null,
): Estimate {
  const shows = planSentence(testPlan(draft, draft.topics.length || knowledge.topics.length), measured);
  const wordings = configuration().get("run.wordings", 3);
  const families = draft.questions * draft.cycles;
  // Every family has its wordings for training and one for testing; both students answer all of them.
  const questions = families * (wordings + 1);
  const answerTokens = Math.min(draft.maxNewTokens, 350) * questions;
  // Retrieval adds an arm to both students, the student in use is one more.
  const arms = 2 + (draft.arms.includes("retrieval") ? 2 : 0) + (draft.arms.includes("adopted") ? 1 : 0);
  const steps =
    (typeof draft.steps === "number" ? draft.steps : Math.max(60, draft.questions * wordings * 2.5)) * draft.cycles;
  const seconds =
    answerTokens * arms * 0.75 * secondsPerAnswerToken +
    steps * secondsPerStep +
    questions * arms * secondsPerScore +
    secondsFixed;
  const minutes = Math.max(1, Math.round(seconds / 60));
  const judge = judgeOf({
    teacher: teacherSettings(draft.teacher),
    judge: configuration().get("evaluation.judge", false),
    judgeModel: judgeModel(),
  });
  const judging = judge ? costOfJudge(judge, questions * arms) : { calls: 0, tokens: 0, dollars: 0, sent: "" };
  if (draft.teacher === "offline")
    return {
      ...judging,
      minutes,
      sent: judge
        ? vscode.l10n.t("The offline teacher forms questions and answers on this machine. {0}", judging.sent)
        : vscode.l10n.t(
            "Nothing leaves this machine: the offline teacher forms questions and answers from the knowledge base itself.",
          ),
      shows,
    };
  const meanSection =
    knowledge.sections.reduce((sum, { text }) => sum + text.length, 0) /
    Math.max(1, knowledge.sections.length) /
    charactersPerToken;
  // As an arm of its own, the teacher answers every tested question.
  const ceiling = draft.arms.includes("teacher") ? families * 2.25 : 0;
  const calls = Math.ceil(families * 1.25 + families + ceiling);
  const input = Math.round(calls * (meanSection + 450));
  const output = Math.round(families * (wordings + 1) * 25 + (families + ceiling) * 220);
  const price = draft.teacher === "vscode" ? null : priceOf(model, teacherBaseUrl(), ownPrices());
  const topics = draft.topics.length || knowledge.topics.length;
  const teaching = price ? dollarsOf(price, { input, cachedInput: 0, output }) : null;
  return {
    calls: calls + judging.calls,
    tokens: input + output + judging.tokens,
    dollars: teaching === null || judging.dollars === null ? null : teaching + judging.dollars,
    minutes,
    shows,
    sent: vscode.l10n.t(
      "Sections of {0} topics and the questions on them are sent to {1}, for {2}. {3}",
      topics,
      host,
      model,
      judge ? judging.sent : vscode.l10n.t("Answers of the student are sent only when a judge is switched on."),
    ),
  };
}

function costOfJudge({ model, baseUrl }: JudgeModel, answers: number) {
  const calls = answers * callsPerJudged;
  const count = { input: calls * judgeTokens.input, cachedInput: 0, output: calls * judgeTokens.output };
  const price = priceOf(model, baseUrl, ownPrices());
  return {
    calls,
    tokens: count.input + count.output,
    dollars: price ? dollarsOf(price, count) : null,
    sent: vscode.l10n.t(
      "Answers of the student and the sections they are about are sent to {0}, for {1}, which judges them.",
      new URL(baseUrl).host,
      model,
    ),
  };
}
