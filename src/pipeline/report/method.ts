/** The back of the report: costs, how the figures came about, and what they do not say. */
import type { StageOutputs, Usage } from "../../protocol/model.ts";
import type { RunSettings } from "../../protocol/run.ts";
import { coverageSentence } from "../coverageFigures.ts";
import { fewestTopics } from "../statistics.ts";
import type { Block, Section } from "./blocks.ts";
import { totalUsage } from "../usage.ts";
import type { Facts } from "./facts.ts";
import { reviewSentences } from "./review.ts";
import { count, dollars, gigabytes, percent, several } from "./text.ts";

export function costsSection({ stages, file }: Facts): Section {
  const all = totalUsage(stages.map(({ usage }) => usage));
  if (!all)
    return { title: "Costs", blocks: [{ kind: "text", text: "No request was sent to anybody; it cost nothing." }] };
  const cells = (usage: Usage) => [
    count(usage.requests),
    count(usage.inputTokens),
    count(usage.outputTokens),
    dollars(usage.dollars),
  ];
  return {
    title: "Costs",
    blocks: [
      {
        kind: "table",
        caption: "Requests to teacher and judge over all cycles",
        head: [
          { title: "stage" },
          ...["requests", "tokens in", "tokens out", "US dollars"].map((title) => ({ title, figures: true })),
        ],
        rows: [
          ...stages.flatMap(({ title, usage }) => (usage ? [[title, ...cells(usage)]] : [])),
          ["all together", ...cells(all)],
        ],
      },
      {
        kind: "text",
        text: `Work that a re-run replaced is not counted. Dollars are by ${priced(file.settings.prices)}.`,
      },
    ],
  };
}

/** Where prices come from; those given with the run are named, so that a reader can check them. */
function priced(own: RunSettings["prices"]): string {
  const given = Object.entries(own).map(([model, { input, output }]) => `${model} $${input} in, $${output} out`);
  return given.length === 0
    ? "the built-in price table"
    : `the prices given with the run (${given.join("; ")}; per million tokens), else by the built-in table`;
}

export function methodSection(facts: Facts): Section {
  const { file, knowledge, outputs } = facts;
  const { settings } = file;
  const questions = outputs.questions.output;
  const references = Object.values(outputs.references.output.references);
  const { seal } = outputs.comparison.output;
  const looks = file.looks?.length ?? 0;
  const { device, arms } = outputs.baselineAnswers.output;
  const items = [
    `Knowledge base: ${`${knowledge.domain.name} ${knowledge.domain.version}`.trimEnd()}, ${knowledge.topics.length} topics, ${knowledge.sections.length} sections; ${questions.unseen.length} sections were kept unseen.`,
    `Questions: ${originShares(questions)}; dropped: ${questions.dropped.exact} exact and ${questions.dropped.near} near duplicates, ${questions.dropped.unusable} unusable drafts.`,
    ...questions.notes,
    `Teacher: ${outputs.references.output.teacher}; ${references.filter(({ grounded }) => grounded).length} of ${references.length} references grounded in the knowledge base by quotes found in it.`,
    ...(file.endpointNotes ?? []),
    ...reviewSentences(questions, outputs.references.output),
    `Student: ${arms.baseline.model} on ${device}; template ${settings.template}; all arms got the same questions, seeds and limits.`,
    `Sampling: ${samplingText(settings.sampling)}; ${several(settings.repeats, "answer")} a question.`,
    ...trainingItems(facts),
    scoringItem(facts),
    "Intervals: paired differences, with an error that allows for questions of one topic being alike (CR2) and Student's t with Bell and McCaffrey's degrees of freedom; a mean is shown only when 95 % were scored in both arms.",
    coverageSentence(),
    `Ledger: ${seal.questions} questions, sealed as ${seal.hash.slice(0, 16)}; the test part was looked at ${looks === 1 ? "once" : `${looks} times`}. distillery show ${file.id} --ledger lists every question with the cycles it was trained and tested in.`,
    `Seed ${settings.seed}; versions: ${Object.entries(file.versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", ")}.`,
  ];
  return {
    title: "How it was done",
    blocks: [{ kind: "list", items: items.map((text) => ({ text })) }, ...promptsTable(facts)],
  };
}

function trainingItems({ file, outputs }: Facts): string[] {
  const { training: wanted } = file.settings;
  const training = outputs.fineTuning.output;
  return [
    `Training: ${training.stepsRule}; ${training.steps} steps over ${training.rows} rows (${wanted.batchSize} × ${wanted.accumulation} rows a step), rank ${wanted.rank}, ${wanted.wordDropout === 0 ? "no word dropout" : `${Math.round(wanted.wordDropout * 100)} % of the words left out of questions in every second pass`}, learning rate ${wanted.learningRate}, ${training.quantization}, ${training.dtype} on ${training.device} with ${training.threads} threads; ${count(training.trainableParameters)} trainable parameters in ${training.modules.join(", ")}; ${training.tokensPerSecond.toFixed(0)} tokens/s; peak memory ${gigabytes(training.peakMemoryBytes)}${training.estimatedMemoryBytes === undefined ? "" : ` (estimated ${gigabytes(training.estimatedMemoryBytes)})`}; final loss ${training.finalLoss.toFixed(3)}.`,
    ...(training.memoryRungs ?? []).map(({ name, reason }) => `Training went on ${name}: ${reason}`),
    ...(training.rowsTooLong
      ? [
          `${several(training.rowsTooLong, "row")} too long for the training and left out: ${(training.leftOut ?? []).join("; ")}`,
        ]
      : []),
  ];
}

function scoringItem({ file, outputs }: Facts): string {
  const { embedder, judge, versions, arms } = outputs.tunedEvaluation.output;
  const { judgeModel, teacher } = file.settings;
  const self = judge !== null && (judgeModel === null || judge === outputs.references.output.teacher);
  const who =
    judge === null ? "no judge" : `${judge}${self && teacher.kind === "openai" ? ", the teacher itself" : ""}`;
  const programs = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `Scores: ${programs.map((name) => name.replace(/^ragas /, "RAGAS ")).join(", ")}; embeddings by ${embedder}, judged by ${who}; ${outputs.baselineEvaluation.output.arms.baseline.overWindow} baseline and ${arms.tuned.overWindow} fine-tuned texts were longer than the embedder's window and cut by it.`;
}

/** What the judge was asked with; nothing without a judge. */
function promptsTable({ outputs }: Facts): Block[] {
  const prompts = Object.entries(outputs.tunedEvaluation.output.prompts);
  if (prompts.length === 0) return [];
  return [
    {
      kind: "table",
      caption: "RAGAS's prompts to the judge; the hash covers the whole prompt with schema and examples",
      head: [{ title: "step" }, { title: "SHA-256" }, { title: "instruction" }],
      rows: prompts.map(([name, { hash, instruction }]) => [name, hash.slice(0, 16), instruction]),
    },
  ];
}

export function limitsSection({ file, outputs }: Facts): Section {
  const { teacher, repeats, judge } = file.settings;
  const { questions } = outputs.questions.output;
  const references = Object.values(outputs.references.output.references);
  const loose = references.filter(({ status, grounded }) => status === "answered" && !grounded).length;
  const topics = new Set(questions.filter(({ part }) => part === "test").map(({ topic }) => topic)).size;
  const judging = outputs.tunedEvaluation.output.judge;
  const texts = [
    "Embedding similarity hardly notices a negation or a wrong number. detail_recall looks for the numbers and the words in code of a reference that the question does not give, and for nothing else: read the examples too.",
    ...(teacher.kind === "offline"
      ? [
          "The offline teacher's references are sentences of the section itself: a score says how well the student learned those sentences, no more.",
        ]
      : ["A reference is what the teacher said, not the truth; the students are measured by their closeness to it."]),
    ...(loose > 0 ? [`${several(loose, "reference")} could not be found in the knowledge base.`] : []),
    ...(judge && judging === outputs.references.output.teacher
      ? [
          "The teacher judged answers that learned from it, and models favour their own family. A second judge can be named.",
        ]
      : []),
    ...(judge ? [] : ["Nobody judged the answers as a whole: the metrics compare wording, meaning and exact details."]),
    ...(topics < fewestTopics
      ? [`${several(topics, "topic")} are too few for a verdict; ${fewestTopics} are needed.`]
      : []),
    ...(repeats === 1
      ? ["Each question was answered once. Sampling alone moves single scores; several answers a question steady them."]
      : []),
    "The result holds for this knowledge base, this student and these questions.",
  ];
  return { title: "What this does not say", blocks: [{ kind: "list", items: texts.map((text) => ({ text })) }] };
}

const samplingText = (sampling: RunSettings["sampling"]): string =>
  `temperature ${sampling.temperature}, top_p ${sampling.topP}, top_k ${sampling.topK}, repetition_penalty ${sampling.repetitionPenalty}, max_new_tokens ${sampling.maxNewTokens}, max_time ${sampling.maxTime} s`;

const originWords: Record<string, string> = {
  teacher: "by the teacher",
  model: "by the local model",
  sentence: "from sentences",
  heading: "from headings",
  user: "by the user",
};

/** "20 families (60 % from sentences, 40 % from headings), 80 questions in all". */
function originShares({ questions }: StageOutputs["questions"]): string {
  const families = new Map(questions.map(({ family, origin }) => [family, origin]));
  const counts = new Map<string, number>();
  for (const origin of families.values()) counts.set(origin, (counts.get(origin) ?? 0) + 1);
  const shares = [...counts].map(
    ([origin, each]) => `${percent(each / families.size)} ${originWords[origin] ?? origin}`,
  );
  return `${families.size} families (${shares.join(", ")}), ${questions.length} questions in all`;
}
