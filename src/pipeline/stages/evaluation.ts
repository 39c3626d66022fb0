/** Stages 4 and 6, second half: RAGAS scores and exact details of every arm's answers against the references. */
import {
  armNames,
  armTitles,
  type Arm,
  type ArmAnswers,
  type ArmScores,
  type Metric,
  type OfArms,
  type Score,
  type Scoring,
  type StageOutputs,
} from "../../protocol/model.ts";
import { UserError } from "../../protocol/errors.ts";
import type { RunSettings } from "../../protocol/run.ts";
import { detailRecall } from "../details.ts";
import { hashOf } from "../hash.ts";
import type { ScoreRequest } from "../ports.ts";
import { defineStage, type StageContext } from "../stage.ts";
import { fewestScored, mean } from "../statistics.ts";

/** What RAGAS scores without a judge. */
const localMetrics: readonly Metric[] = ["semantic_similarity", "rouge_score"];
/** What is looked up here, without RAGAS. */
const exactMetric = "detail_recall";
const judgeMetrics: readonly Metric[] = ["answer_relevancy", "factual_correctness", "faithfulness"];

type Scores = Partial<Record<Metric, Score>>;
type Scored = { scores: Scores; overWindow: boolean };

/** What RAGAS scores. */
const metricsOf = ({ settings }: Pick<StageContext, "settings">): Metric[] =>
  settings.judge ? [...localMetrics, ...judgeMetrics] : [...localMetrics];

/** Why the verdict cannot rest on the chosen metric: nobody scores it. Null when it can. */
export const unscoredPrimary = ({ judge, primaryMetric }: RunSettings): string | null =>
  judge || !judgeMetrics.includes(primaryMetric)
    ? null
    : `${primaryMetric} needs a judge; without one there are ${localMetrics.join(", ")} and ${exactMetric}.`;

const notApplicable = (metrics: readonly Metric[], reason: string): Scores =>
  Object.fromEntries(metrics.map((metric) => [metric, { status: "not_applicable", reason }]));

type Evaluated<Given> = Omit<StageOutputs["tunedEvaluation"], "arms"> & {
  arms: { [Name in keyof Given]: ArmScores };
};

/** Names one answer: "tuned c1-f03-r1#0". */
const itemName = (arm: string, question: string, repeat: number): string => `${arm} ${question}#${repeat}`;

async function evaluate<Given extends OfArms<ArmAnswers>>(
  stage: "baselineEvaluation" | "tunedEvaluation",
  { questions, sections }: StageOutputs["questions"],
  { references }: StageOutputs["references"],
  given: Given,
  context: StageContext,
): Promise<Evaluated<Given>> {
  const { evaluator, cycle, knowledge, signal } = context;
  const metrics = metricsOf(context);
  const { name, version } = knowledge.domain;
  const byId = new Map(questions.map((question) => [question.id, question]));
  const texts = new Map(sections.map(({ id, text }) => [id, text]));
  const arms = Object.entries(given) as [Arm, ArmAnswers][];
  const requests: ScoreRequest[] = [];
  const skipped = new Map<string, Scores>();
  const exact = new Map<string, Score>();
  for (const [arm, { answers }] of arms)
    for (const [id, repeats] of Object.entries(answers))
      repeats.forEach(({ text: answer }, repeat) => {
        const question = byId.get(id);
        const reference = question && references[question.family];
        const item = itemName(arm, id, repeat);
        if (!question || reference?.status !== "answered") {
          const reason = `no usable reference: ${reference?.status ?? "missing"}`;
          skipped.set(item, notApplicable([...metrics, exactMetric], reason));
          return;
        }
        exact.set(item, detailRecall(reference.text, answer, [question.text, name, version]));
        // Only the judge looks at the section.
        const section = context.settings.judge ? (texts.get(question.section) ?? "") : "";
        requests.push({ item, question: question.text, answer, reference: reference.text, context: section });
      });

  const { scored, scoring } = await scoreNew(stage, requests, metrics, context);
  const all = [...scored.values()];
  if (requests.length > 0 && !all.some(({ scores }) => Object.values(scores).some((score) => "value" in score))) {
    const reason = all.flatMap(({ scores }) => Object.values(scores)).find((score) => "reason" in score);
    throw new UserError(
      "E_EVAL_NOTHING_SCORED",
      `None of the ${requests.length} answers could be scored${reason && "reason" in reason ? `: ${reason.reason}` : ""}.`,
    );
  }
  signal.throwIfAborted();
  context.emit({ type: "stageProgress", cycle, stage, done: requests.length, total: requests.length });
  return {
    embedder: evaluator.embedder,
    judge: context.settings.judge ? evaluator.judge : null,
    ...scoring,
    arms: Object.fromEntries(
      arms.map(([arm, { answers }]) => [arm, scoresOf(arm, answers, { skipped, scored, exact, metrics })]),
    ) as Evaluated<Given>["arms"],
  };
}

/** The scores of one arm, in the shape of its answers. */
function scoresOf(
  arm: Arm,
  answers: ArmAnswers["answers"],
  found: {
    skipped: Map<string, Scores>;
    scored: Map<string, Scored>;
    exact: Map<string, Score>;
    metrics: readonly Metric[];
  },
): ArmScores {
  const { skipped, scored, exact, metrics } = found;
  let overWindow = 0;
  const scores: ArmScores["scores"] = {};
  for (const [id, repeats] of Object.entries(answers))
    scores[id] = repeats.map((_, repeat) => {
      const item = itemName(arm, id, repeat);
      if (scored.get(item)?.overWindow) overWindow += 1;
      const byRagas = skipped.get(item) ?? scored.get(item)?.scores ?? notApplicable(metrics, "not scored");
      const details = exact.get(item);
      return details ? { ...byRagas, [exactMetric]: details } : byRagas;
    });
  return { overWindow, scores };
}

/** Scores what was not scored before; each score is durable as soon as it is there. */
async function scoreNew(
  stage: "baselineEvaluation" | "tunedEvaluation",
  requests: readonly ScoreRequest[],
  metrics: readonly Metric[],
  context: StageContext,
): Promise<{ scored: Map<string, Scored>; scoring: Scoring }> {
  const { evaluator, cycle, store, signal } = context;
  // Equal answers to equal questions share a score, whichever arm or cycle they come from.
  const by = { version: 2, metrics, embedder: evaluator.embedder, judge: evaluator.judge };
  const keyOf = ({ question, answer, reference, context: section }: ScoreRequest) =>
    hashOf({ ...by, question, answer, reference, section });
  const keys = new Map(requests.map((request) => [request.item, keyOf(request)]));
  const scored = new Map<string, Scored>();
  const missing = new Map<string, ScoreRequest>();
  for (const request of requests) {
    const key = keys.get(request.item) as string;
    const known = store.item(key) as Scored | undefined;
    if (known) scored.set(request.item, known);
    else missing.set(key, request);
  }
  let done = scored.size;
  context.emit({ type: "stageProgress", cycle, stage, done, total: requests.length });
  // Scores from the journal came about as the journal says; the evaluator is not started to repeat it.
  const origin = hashOf({ ...by, what: "scoring" });
  const before = missing.size === 0 ? (store.item(origin) as Scoring | undefined) : undefined;
  const scoring =
    before ??
    (await evaluator.score(
      [...missing.values()],
      metrics,
      async (item, scores, overWindow) => {
        // A failed score may succeed next time, so only whole results are kept as resume points.
        const failed = Object.values(scores).some((score) => "status" in score && score.status === "failed");
        if (!failed) await store.addItem(stage, keys.get(item) as string, { scores, overWindow });
        scored.set(item, { scores, overWindow });
        done += 1;
        context.emit({ type: "stageProgress", cycle, stage, done, total: requests.length });
      },
      signal,
    ));
  // Written again only when it changed, as after an update of the Python environment.
  if (hashOf(store.item(origin) ?? null) !== hashOf(scoring)) await store.addItem(stage, origin, scoring);
  for (const request of requests) {
    const twin = missing.get(keys.get(request.item) as string);
    const result = twin && scored.get(twin.item);
    if (!scored.has(request.item) && result) scored.set(request.item, result);
  }
  return { scored, scoring };
}

const params = (context: Pick<StageContext, "settings" | "evaluator">) => ({
  metrics: [...metricsOf(context), exactMetric],
  embedder: context.evaluator.embedder,
  judge: context.settings.judge ? context.evaluator.judge : null,
});

/** A judge's answers are waited for: the baseline is judged while the student trains. */
const uses = ({ judge }: StageContext["settings"]) => (judge ? ("network" as const) : ("compute" as const));

/** "semantic_similarity 0.62 over 45 answers" for the progress line, every arm after the first by its name. */
function summary({ arms }: { arms: OfArms<ArmScores> }): string {
  const lines = armNames.flatMap((arm) => (arms[arm] ? [{ arm, text: summaryOf(arms[arm].scores) }] : []));
  return lines.map(({ arm, text }, index) => (index === 0 ? text : `${armTitles[arm]}: ${text}`)).join("; ");
}

function summaryOf(scores: ArmScores["scores"]): string {
  const all = Object.values(scores).flat();
  const values = all.flatMap(({ semantic_similarity: score }) => (score && "value" in score ? [score.value] : []));
  if (values.length === 0 || values.length < fewestScored * all.length)
    return `${values.length} of ${all.length} answers scored`;
  return `semantic_similarity ${mean(values).toFixed(2)} over ${all.length} answers`;
}

export const baselineEvaluation = defineStage({
  id: "baselineEvaluation",
  version: 4,
  needs: ["questions", "references", "baselineAnswers"],
  needsPrevious: [],
  uses,
  params,
  run({ questions, references, baselineAnswers }, context) {
    // The imports of the trainer and of RAGAS each take seconds of one core, so they go side by side.
    context.trainer.prepare();
    return evaluate("baselineEvaluation", questions, references, baselineAnswers.arms, context);
  },
  summary,
});

export const tunedEvaluation = defineStage({
  id: "tunedEvaluation",
  version: 4,
  needs: ["questions", "references", "tunedAnswers"],
  needsPrevious: [],
  uses,
  params,
  run: ({ questions, references, tunedAnswers }, context) =>
    evaluate("tunedEvaluation", questions, references, tunedAnswers.arms, context),
  summary,
});
