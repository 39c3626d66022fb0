/** What a run will take, before it starts: requests, tokens, money, minutes, and what is sent where. */
import * as vscode from "vscode";
import { judgeOf } from "../../pipeline/adapters/teacher/judge.ts";
import { judgingCost, studentArms, teachingCost, testedQuestions } from "../../pipeline/adapters/teacher/costs.ts";
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
  const plan = { ...draft, wordings, prices: ownPrices() };
  const questions = testedQuestions(plan);
  const answerTokens = Math.min(draft.maxNewTokens, 350) * questions;
  const arms = studentArms(plan);
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
  const judging = judge ? judgingCost(plan, judge) : { calls: 0, tokens: 0, dollars: 0 };
  if (draft.teacher === "offline")
    return {
      ...judging,
      minutes,
      sent: judge
        ? vscode.l10n.t("The offline teacher forms questions and answers on this machine. {0}", judged(judge))
        : vscode.l10n.t(
            "Nothing leaves this machine: the offline teacher forms questions and answers from the knowledge base itself.",
          ),
      shows,
    };
  const topics = draft.topics.length || knowledge.topics.length;
  const cost = teachingCost(plan, { model, baseUrl: teacherBaseUrl() }, knowledge);
  // The provider of a model of VS Code counts in its own money.
  const teaching = draft.teacher === "vscode" ? { ...cost, dollars: null } : cost;
  return {
    calls: teaching.calls + judging.calls,
    tokens: teaching.tokens + judging.tokens,
    dollars: teaching.dollars === null || judging.dollars === null ? null : teaching.dollars + judging.dollars,
    minutes,
    shows,
    sent: vscode.l10n.t(
      "Sections of {0} topics and the questions on them are sent to {1}, for {2}. {3}",
      topics,
      host,
      model,
      judge ? judged(judge) : vscode.l10n.t("Answers of the student are sent only when a judge is switched on."),
    ),
  };
}

const judged = ({ model, baseUrl }: JudgeModel): string =>
  vscode.l10n.t(
    "Answers of the student and the sections they are about are sent to {0}, for {1}, which judges them.",
    new URL(baseUrl).host,
    model,
  );
