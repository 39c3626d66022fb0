/** The report of a run: verdict first, then the figures, examples, and how they came about. */
import type { Aim, ComparisonRow, Knowledge, StageId, StageOutputs } from "../protocol/model.ts";
import { screenStages } from "../protocol/model.ts";
import type { CheckpointFrame } from "../protocol/run.ts";
import { armsReport } from "./armsReport.ts";
import { stableJson } from "./hash.ts";
import { coverageSentence } from "./coverageFigures.ts";
import { ledgerOf, looksSentence } from "./ledger.ts";
import type { RunStore } from "./ports.ts";
import { reviewLines } from "./reviewLines.ts";

type Outputs = { [Id in StageId]: { frame: CheckpointFrame; output: StageOutputs[Id] } };

/** Writes report.md and report.json of the last complete cycle; resolves to the path of report.md. */
export async function writeReport(store: RunStore, knowledge: Knowledge): Promise<string> {
  const cycle = store.file.settings.cycles;
  const outputs = {} as Record<StageId, unknown>;
  for (const { stages } of screenStages)
    for (const stage of stages) {
      const found = await store.readCheckpoint(cycle, stage);
      if (!found) throw new Error(`the report needs the ${stage} checkpoint of cycle ${cycle}`);
      outputs[stage] = found;
    }
  const all = outputs as Outputs;
  await store.writeFile("report.json", `${stableJson(reportData(store, all), 2)}\n`);
  await store.writeFile("report.md", reportText(store, knowledge, all));
  return `${store.folder}/report.md`;
}

const reportData = (store: RunStore, outputs: Outputs) => ({
  run: store.file,
  comparison: outputs.comparison.output,
  ledger: ledgerOf(outputs.questions.output, outputs.comparison.frame.cycle, store.file.settings.cycles),
  training: outputs.fineTuning.output,
  evaluation: {
    embedder: outputs.tunedEvaluation.output.embedder,
    judge: outputs.tunedEvaluation.output.judge,
    versions: outputs.tunedEvaluation.output.versions,
  },
  seconds: Object.fromEntries(Object.entries(outputs).map(([id, { frame }]) => [id, frame.seconds])),
});

/** One question with its answers, for people. */
export interface Example {
  question: string;
  tier: string;
  topic: string;
  baseline: string;
  tuned: string;
  reference: string;
  before: number | null;
  after: number | null;
}

/** All compared questions with their first answers, most improved first. */
export function examplesOf(outputs: Outputs): Example[] {
  const { comparison, baselineAnswers, tunedAnswers, references } = outputs;
  return outputs.questions.output.questions
    .flatMap((question): Example[] => {
      const scores = comparison.output.perQuestion[question.id];
      const baseline = baselineAnswers.output.arms.baseline.answers[question.id]?.[0];
      const tuned = tunedAnswers.output.arms.tuned.answers[question.id]?.[0];
      if (!scores || !baseline || !tuned) return [];
      return [
        {
          question: question.text,
          tier: question.tier,
          topic: question.topic,
          baseline: baseline.text,
          tuned: tuned.text,
          reference: references.output.references[question.family]?.text ?? "",
          before: scores.baseline,
          after: scores.tuned,
        },
      ];
    })
    .sort((a, b) => gain(b) - gain(a));
}

const gain = ({ before, after }: Example): number => (before === null || after === null ? 0 : after - before);

const number = (value: number | null | undefined): string =>
  value === null || value === undefined ? "–" : value.toFixed(2);
const signed = (value: number | null | undefined, digits = 2): string =>
  value === null || value === undefined ? "–" : `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(digits)}`;

const tierWords = {
  train: "trained (recall of questions it was trained on)",
  reworded: "reworded (new wordings of trained facts)",
  unseen: "unseen (sections never trained on)",
};

/** The comparison as a Markdown table. */
export function comparisonTable(rows: readonly ComparisonRow[]): string {
  const head =
    "| tier | metric | baseline | fine-tuned | change | change in % | 95 % interval | n | failed | better / same / worse |\n" +
    "|---|---|---|---|---|---|---|---|---|---|\n";
  const line = (row: ComparisonRow) => {
    const { means } = row;
    const interval = means?.interval ? `${signed(means.interval.low)} to ${signed(means.interval.high)}` : "–";
    return (
      `| ${row.tier}${row.part === "dev" ? " (dev)" : ""} | ${row.metric} | ${number(means?.baseline)} | ${number(means?.tuned)} | ` +
      `${signed(means?.absolute)} | ${signed(means?.percent, 0)} | ${interval} | ${row.scored} | ${row.failed} | ` +
      `${row.better} / ${row.same} / ${row.worse} |`
    );
  };
  const order = { reworded: 0, train: 1, unseen: 2 };
  return (
    head +
    [...rows]
      .sort((a, b) => order[a.tier] - order[b.tier])
      .map(line)
      .join("\n")
  );
}

/** Which row the verdict rests on, and what its questions could have shown. */
export function primarySentence({ metric, tier, part, detectable }: StageOutputs["comparison"]["headline"]): string {
  const could =
    detectable === null
      ? "They come from too few topics to show any change."
      : `They could show changes from ±${detectable.toFixed(2)} on (80 % power at 5 %).`;
  return `Named before the run as what the verdict rests on: ${metric} of the ${tier} questions of the ${part} part. ${could} Everything else is secondary.`;
}

/** Text from a model or file as a Markdown quote: shown, never interpreted as a heading or a list. */
const quoted = (text: string): string =>
  text.trim() === ""
    ? "> (empty)"
    : text
        .trim()
        .split("\n")
        .map((line) => `> ${line.replace(/([<>[\]`#*_|\\])/g, "\\$1")}`)
        .join("\n");

function exampleText(example: Example): string {
  return [
    `**${example.question}** (${example.topic}, ${example.tier})`,
    "",
    `Baseline, ${number(example.before)}:`,
    "",
    quoted(example.baseline),
    "",
    `Fine-tuned, ${number(example.after)}:`,
    "",
    quoted(example.tuned),
    "",
    "Reference:",
    "",
    quoted(example.reference),
    "",
  ].join("\n");
}

function reportText(store: RunStore, knowledge: Knowledge, outputs: Outputs): string {
  const { file } = store;
  const { settings } = file;
  const comparison = outputs.comparison.output;
  const training = outputs.fineTuning.output;
  const questions = outputs.questions.output;
  const references = Object.values(outputs.references.output.references);
  const examples = examplesOf(outputs);
  const regressions = examples.filter((example) => gain(example) < -0.02).reverse();
  const offline = settings.teacher.kind === "offline";
  const seconds = (stages: readonly StageId[]) => stages.reduce((sum, id) => sum + outputs[id].frame.seconds, 0);
  const looks = looksSentence(file.looks?.length ?? 0);
  const lines = [
    `# Did fine-tuning help? Run ${file.id}`,
    "",
    `**${comparison.headline.sentence}**`,
    "",
    comparison.gate.sentence,
    "",
    ...(offline
      ? [
          "Questions and references come from the **offline teacher**: they are formed from the sentences of the knowledge base itself, no larger model was asked.",
          "",
        ]
      : []),
    ...(looks ? [`**${looks}**`, ""] : []),
    primarySentence(comparison.headline),
    "",
    comparisonTable(comparison.rows),
    "",
    ...Object.entries(tierWords).map(([tier, words]) => `- *${tier}*: ${words}`),
    "",
    "The reworded tier is the headline. The trained tier shows memory, the unseen tier what happens to questions the student was never taught.",
    "",
    ...armsReport(comparison, { offline, retrieval: retrievalText(outputs) }),
    "## What the recipe expects",
    "",
    "| figure | expected | measured | inside |",
    "|---|---|---|---|",
    ...comparison.bands.map(
      (band) =>
        `| ${band.name} | ${band.expected} | ${band.measured} | ${band.inside === null ? "–" : band.inside ? "yes" : "no"} |`,
    ),
    "",
    "## Cycles",
    "",
    "| cycle | succeeded | gate passed | baseline | fine-tuned | new questions | minutes | peak memory |",
    "|---|---|---|---|---|---|---|---|",
    ...comparison.cycles.map(
      (each) =>
        `| ${each.cycle} | ${each.succeeded ? "yes" : "no"} | ${each.passedGate ? "yes" : "no"} | ${number(each.baseline)} | ${number(each.tuned)} | ${each.questions} | ${(each.seconds / 60).toFixed(1)} | ${gigabytes(each.peakMemoryBytes)} |`,
    ),
    "",
    `Success rate ${percent(comparison.successRate)}${comparison.spread === null ? "" : `, spread of the improvement over cycles ${comparison.spread.toFixed(3)} (standard deviation)`}.`,
    "",
    ...aimText(questions.aims),
    "## Examples: the three largest gains",
    "",
    ...examples.slice(0, 3).map(exampleText),
    "## Regressions",
    "",
    ...(regressions.length === 0
      ? ["No question became worse by more than 0.02.", ""]
      : regressions.slice(0, 5).map(exampleText)),
    "## Time per stage",
    "",
    "| stage | seconds |",
    "|---|---|",
    ...screenStages.map(({ title, stages }) => `| ${title} | ${seconds(stages).toFixed(1)} |`),
    "",
    "## How it was done",
    "",
    `- Knowledge base: ${knowledge.domain.name} ${knowledge.domain.version}`.trimEnd() +
      `, ${knowledge.topics.length} topics, ${knowledge.sections.length} sections; ${questions.unseen.length} sections were kept unseen.`,
    `- Questions: ${originShares(questions)}; dropped: ${questions.dropped.exact} exact and ${questions.dropped.near} near duplicates, ${questions.dropped.unusable} unusable drafts.`,
    ...questions.notes.map((note) => `- ${note}`),
    `- Teacher: ${outputs.references.output.teacher}; ${references.filter(({ grounded }) => grounded).length} of ${references.length} references grounded in the knowledge base by quotes found in it.`,
    ...reviewLines(questions, outputs.references.output),
    `- Student: ${outputs.baselineAnswers.output.arms.baseline.model} on ${outputs.baselineAnswers.output.device}; template ${settings.template}; all arms got the same questions, seeds and limits.`,
    `- Sampling: ${samplingText(settings.sampling)}; ${settings.repeats} answer${settings.repeats === 1 ? "" : "s"} a question.`,
    `- Training: ${training.stepsRule}; ${training.steps} steps over ${training.rows} rows (${settings.training.batchSize} × ${settings.training.accumulation} rows a step), rank ${settings.training.rank}, learning rate ${settings.training.learningRate}, ${training.quantization}, ${training.dtype} on ${training.device} with ${training.threads} threads; ${training.trainableParameters.toLocaleString("en")} trainable parameters in ${training.modules.join(", ")}; ${training.tokensPerSecond.toFixed(0)} tokens/s; peak memory ${gigabytes(training.peakMemoryBytes)}; final loss ${training.finalLoss.toFixed(3)}.`,
    ...(training.rowsTooLong
      ? [`- ${training.rowsTooLong} rows were longer than ${settings.training.maxLength} tokens and left out.`]
      : []),
    `- Scores: RAGAS ${outputs.tunedEvaluation.output.versions["ragas"] ?? outputs.baselineEvaluation.output.versions["ragas"] ?? ""}, embeddings by ${outputs.tunedEvaluation.output.embedder}, judged by ${outputs.tunedEvaluation.output.judge ?? "no judge"}; ${outputs.baselineEvaluation.output.arms.baseline.overWindow} baseline and ${outputs.tunedEvaluation.output.arms.tuned.overWindow} fine-tuned texts were longer than the embedder's window and cut by it.`,
    "- Intervals: paired differences, with an error that allows for questions of one topic being alike (CR2) and Student's t with Bell and McCaffrey's degrees of freedom; a mean is shown only when 95 % were scored in both arms.",
    `- ${coverageSentence()}`,
    `- Ledger: ${comparison.seal.questions} questions, sealed as ${comparison.seal.hash.slice(0, 16)}; the test part was looked at ${file.looks?.length === 1 ? "once" : `${file.looks?.length ?? 0} times`}. \`distillery show ${file.id} --ledger\` lists every question with the cycles it was trained and tested in.`,
    `- Seed ${settings.seed}; versions: ${Object.entries(file.versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", ")}.`,
    "- Embedding similarity hardly notices a negation or a wrong number: read the examples too.",
    "",
  ];
  return lines.join("\n");
}

/** How the retrieval arms were served; null without them. */
function retrievalText({ baselineAnswers }: Outputs): string | null {
  const { retrieval } = baselineAnswers.frame.params as { retrieval?: { k: number; embedder: string } | null };
  return retrieval
    ? `up to ${retrieval.k} sections by ${retrieval.embedder}, out of all sections, the unseen ones included`
    : null;
}

/** Where each aimed cycle put its questions, topic by topic. */
function aimText(aims: readonly Aim[]): string[] {
  if (aims.length === 0) return [];
  const topics = aims.at(-1)?.topics.map(({ topic }) => topic) ?? [];
  const cell = ({ topics: of }: Aim, topic: string) => {
    const found = of.find((each) => each.topic === topic);
    return found ? `${found.families} (${found.failed} of ${found.asked} failed)` : "–";
  };
  return [
    "## Where the cycles were aimed",
    "",
    "Half of a cycle's question families go round the topics, the other half to the topics where the cycle before had failed on the dev part: worse, not scored, or below the metric's threshold.",
    "",
    `| topic | ${aims.map(({ cycle }) => `families in cycle ${cycle}`).join(" | ")} |`,
    `|---|${aims.map(() => "---").join("|")}|`,
    ...topics.map(
      (topic) => `| ${topic.replaceAll("|", "\\|")} | ${aims.map((aim) => cell(aim, topic)).join(" | ")} |`,
    ),
    "",
  ];
}

const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
const gigabytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

const samplingText = (sampling: {
  temperature: number;
  topP: number;
  topK: number;
  repetitionPenalty: number;
  maxNewTokens: number;
  maxTime: number;
}): string =>
  `temperature ${sampling.temperature}, top_p ${sampling.topP}, top_k ${sampling.topK}, repetition_penalty ${sampling.repetitionPenalty}, max_new_tokens ${sampling.maxNewTokens}, max_time ${sampling.maxTime} s`;

/** "20 families: 60 % from sentences, 40 % from headings". */
function originShares({ questions }: StageOutputs["questions"]): string {
  const families = new Map(questions.map(({ family, origin }) => [family, origin]));
  const counts = new Map<string, number>();
  for (const origin of families.values()) counts.set(origin, (counts.get(origin) ?? 0) + 1);
  const words: Record<string, string> = {
    teacher: "by the teacher",
    model: "by the local model",
    sentence: "from sentences",
    heading: "from headings",
    user: "by the user",
  };
  const shares = [...counts].map(([origin, count]) => `${percent(count / families.size)} ${words[origin] ?? origin}`);
  return `${families.size} families (${shares.join(", ")}), ${questions.length} questions in all`;
}
