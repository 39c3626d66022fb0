/**
 * What the pipeline produces and keeps: questions, answers, scores, checkpoints, settings of a run.
 * Every front end, the trainer and the files on disk speak in these types.
 */
import { z } from "zod";

/** Ids of runs, questions and families; also used in file names, hence the narrow alphabet. */
export const idSchema = z.string().regex(/^[a-z0-9-]{1,64}$/);

/** The stages as they are stored. On screen, the two tuned ones are one: see {@link screenStages}. */
export const stageIds = [
  "questions",
  "baselineAnswers",
  "references",
  "baselineEvaluation",
  "fineTuning",
  "tunedAnswers",
  "tunedEvaluation",
  "comparison",
] as const;
export type StageId = (typeof stageIds)[number];

/** The seven stages a person sees, in order, and the stored stages each one covers. */
export const screenStages: readonly { title: string; stages: readonly StageId[] }[] = [
  { title: "Question generation", stages: ["questions"] },
  { title: "Baseline answers", stages: ["baselineAnswers"] },
  { title: "Reference answers", stages: ["references"] },
  { title: "Baseline evaluation", stages: ["baselineEvaluation"] },
  { title: "Fine-tuning", stages: ["fineTuning"] },
  { title: "Fine-tuned evaluation", stages: ["tunedAnswers", "tunedEvaluation"] },
  { title: "Comparison", stages: ["comparison"] },
];

/* ---------------------------------------------------------------- knowledge */

/** The settings file `distillery.json` at the root of a knowledge base. All fields are optional. */
export const knowledgeSettingsSchema = z.strictObject({
  $schema: z.string().optional(),
  domain: z.string().min(1).max(80).optional(),
  version: z.string().max(40).optional(),
  include: z.array(z.string()).optional(),
  exclude: z.array(z.string()).optional(),
});
export type KnowledgeSettings = z.infer<typeof knowledgeSettingsSchema>;

/** The words of the domain that the prompts use. */
export const domainSchema = z.strictObject({ name: z.string().min(1), version: z.string() });
export type Domain = z.infer<typeof domainSchema>;

/** One piece of the knowledge base: the text under one heading. Lines count from 1, both ends included. */
export const sectionSchema = z.strictObject({
  id: idSchema,
  topic: z.string(),
  heading: z.string(),
  file: z.string(),
  firstLine: z.int().positive(),
  lastLine: z.int().positive(),
  text: z.string(),
  hash: z.string(),
});
export type Section = z.infer<typeof sectionSchema>;

/** A file that was left out, and why. */
export const skippedFileSchema = z.strictObject({ file: z.string(), reason: z.string() });

/** What was read from a knowledge folder. `hash` covers the domain words and every section's text. */
export const knowledgeSchema = z.strictObject({
  domain: domainSchema,
  topics: z.array(z.string()),
  sections: z.array(sectionSchema),
  skipped: z.array(skippedFileSchema),
  hash: z.string(),
});
export type Knowledge = z.infer<typeof knowledgeSchema>;

/* ---------------------------------------------------------------- questions */

export const tiers = ["train", "reworded", "unseen"] as const;
export const tierSchema = z.enum(tiers);
export type Tier = z.infer<typeof tierSchema>;

/** Where a question came from: a chat teacher, the local model, a sentence or heading of the section, or the user. */
export const originSchema = z.enum(["teacher", "model", "sentence", "heading", "user"]);
export type Origin = z.infer<typeof originSchema>;

export const questionSchema = z.strictObject({
  id: idSchema,
  /** Questions of one family ask for the same thing in other words and share one reference answer. */
  family: idSchema,
  cycle: z.int().positive(),
  topic: z.string(),
  section: idSchema,
  text: z.string().min(1),
  tier: tierSchema,
  /** `dev` decides between cycles, `test` is opened after the last one, `none` is only trained on. */
  part: z.enum(["dev", "test", "none"]),
  origin: originSchema,
  /** An answer the user supplied; it stands in for the teacher's. */
  answer: z.string().optional(),
  /** The wording before somebody edited it. */
  original: z.string().optional(),
});
export type Question = z.infer<typeof questionSchema>;

/** A question family as a teacher proposes it, before ids, tiers and parts are given. */
export interface FamilyDraft {
  /** Wordings to train on; the first one is what the reference answer is asked with. */
  wordings: string[];
  /** Wordings kept for testing only. */
  rewordings: string[];
  origin: Origin;
  answer?: string;
}

/* ---------------------------------------------------------------- answers and scores */

export const samplingSchema = z.strictObject({
  maxNewTokens: z.int().min(1).max(4096),
  temperature: z.number().min(0).max(2),
  topP: z.number().min(0).max(1),
  topK: z.int().min(0),
  repetitionPenalty: z.number().min(0.5).max(2),
  /** Seconds one answer may take. */
  maxTime: z.number().positive(),
});
export type Sampling = z.infer<typeof samplingSchema>;

export const answerSchema = z.strictObject({
  text: z.string(),
  /** `stop`: the model ended by itself; `length`, `time`: cut by a limit. */
  stop: z.enum(["stop", "length", "time"]),
  tokens: z.int().nonnegative(),
  milliseconds: z.number().nonnegative(),
});
export type Answer = z.infer<typeof answerSchema>;

/** A quote from the knowledge base that a reference rests on; `line` is null when the file does not hold it. */
export const quoteSchema = z.strictObject({ text: z.string(), line: z.int().positive().nullable() });

/** A sentence of a reference with the numbers, identifiers, names or words in it that the section does not have. */
export const unsupportedSentenceSchema = z.strictObject({ text: z.string(), missing: z.array(z.string()) });
export type UnsupportedSentence = z.infer<typeof unsupportedSentenceSchema>;

export const referenceSchema = z.strictObject({
  /** `excluded`: somebody left the family out of training and comparison; `reason` says why. */
  status: z.enum(["answered", "truncated", "refused", "bad_output", "excluded"]),
  text: z.string(),
  quotes: z.array(quoteSchema),
  /** True when there is at least one quote and every quote stands in the section. */
  grounded: z.boolean(),
  author: z.enum(["teacher", "user"]),
  /** Absent when no sentence of a teacher's answer stands out. */
  unsupported: z.array(unsupportedSentenceSchema).optional(),
  reason: z.string().optional(),
  /** The teacher's text before somebody edited it. */
  original: z.string().optional(),
  /** How often the teacher was asked for another answer than its first. */
  askedAgain: z.int().positive().optional(),
});
export type Reference = z.infer<typeof referenceSchema>;

/** RAGAS's names, as RAGAS writes them; `detail_recall` is our own (src/pipeline/details.ts). */
export const metricNames = [
  "semantic_similarity",
  "rouge_score",
  "detail_recall",
  "answer_relevancy",
  "factual_correctness",
  "faithfulness",
] as const;
export const metricSchema = z.enum(metricNames);
export type Metric = z.infer<typeof metricSchema>;

/** A score is a number in 0..1, or the named reason why there is none. Never NaN. */
export const scoreSchema = z.union([
  z.strictObject({
    value: z.number().min(0).max(1),
    /** Of `detail_recall`: the details that the answer lacks; absent when it has all. */
    missing: z.array(z.string()).optional(),
  }),
  z.strictObject({ status: z.enum(["failed", "not_applicable"]), reason: z.string() }),
]);
export type Score = z.infer<typeof scoreSchema>;

/* ---------------------------------------------------------------- arms */

/**
 * Who answers the tested questions. `baseline` and `tuned` always do. All arms get the same questions,
 * seeds, limits and template, and are scored alike.
 */
export const armNames = ["baseline", "baselineRetrieval", "tuned", "tunedRetrieval", "adopted", "teacher"] as const;
export const armSchema = z.enum(armNames);
export type Arm = z.infer<typeof armSchema>;

/** The arms' names for people. */
export const armTitles: Readonly<Record<Arm, string>> = {
  baseline: "untuned",
  baselineRetrieval: "untuned + retrieval",
  tuned: "fine-tuned",
  tunedRetrieval: "fine-tuned + retrieval",
  adopted: "student in use",
  teacher: "teacher",
};

/** Something of every arm; one that did not answer has nothing. */
export type OfArms<T> = { readonly [Name in Arm]?: T | undefined };

/** What a run may add to untuned and fine-tuned; `retrieval` adds it to both. */
export const extraArms = ["retrieval", "adopted", "teacher"] as const;
export const extraArmSchema = z.enum(extraArms);
export type ExtraArm = z.infer<typeof extraArmSchema>;

/** The answers of one arm: one entry per question id; each holds one element per repeat. */
export const armAnswersSchema = z.strictObject({
  model: z.string(),
  answers: z.record(idSchema, z.array(answerSchema)),
});
export type ArmAnswers = z.infer<typeof armAnswersSchema>;

/** Answers with sections of the knowledge base in the prompt: which ones, by question id, best first. */
export const retrievalAnswersSchema = z.strictObject({
  ...armAnswersSchema.shape,
  sections: z.record(idSchema, z.array(idSchema)),
});
export type RetrievalAnswers = z.infer<typeof retrievalAnswersSchema>;

/** How scores came about: the versions of the programs, and what the judge was asked with. */
export const scoringSchema = z.strictObject({
  versions: z.record(z.string(), z.string()),
  /** By metric and step; `hash` covers the whole prompt, with the schema of the answer and RAGAS's examples. */
  prompts: z.record(z.string(), z.strictObject({ hash: z.string(), instruction: z.string() })),
});
export type Scoring = z.infer<typeof scoringSchema>;

/** The scores of one arm's answers, in the same shape. */
export const armScoresSchema = z.strictObject({
  /** Texts that were longer than the embedder's window and were cut by it. */
  overWindow: z.int().nonnegative(),
  scores: z.record(idSchema, z.array(z.partialRecord(metricSchema, scoreSchema))),
});
export type ArmScores = z.infer<typeof armScoresSchema>;

/* ---------------------------------------------------------------- outputs of the stages */

const answersFrame = {
  template: z.string(),
  sampling: samplingSchema,
  device: z.string(),
  /** Answers to the general questions of src/pipeline/probe.json, by their ids; null where they are not asked. */
  probe: z.record(idSchema, answerSchema).nullable(),
};

const evaluationFrame = {
  embedder: z.string(),
  judge: z.string().nullable(),
  ...scoringSchema.shape,
};

export const intervalSchema = z.strictObject({ low: z.number(), high: z.number() });

/** Baseline against fine-tuned for one metric over one group of questions; means in 0..1. */
export const comparisonRowSchema = z.strictObject({
  metric: metricSchema,
  tier: tierSchema,
  part: z.enum(["dev", "test"]),
  /** Questions scored in both arms, which is what the means and the interval are over. */
  scored: z.int().nonnegative(),
  /** Questions without a score in at least one arm though the metric applies. */
  failed: z.int().nonnegative(),
  /** Questions the metric says nothing about in at least one arm, such as those without a usable reference. */
  notApplicable: z.int().nonnegative(),
  /** Null when fewer than 95 % of the questions the metric applies to were scored in both arms. */
  means: z
    .strictObject({
      baseline: z.number(),
      tuned: z.number(),
      absolute: z.number(),
      /** Percent of the baseline; null when the baseline is 0. */
      percent: z.number().nullable(),
      interval: intervalSchema.nullable(),
    })
    .nullable(),
  better: z.int().nonnegative(),
  same: z.int().nonnegative(),
  worse: z.int().nonnegative(),
});
export type ComparisonRow = z.infer<typeof comparisonRowSchema>;

/** One arm for one metric over one group of questions, beside the untuned student; figures in 0..1. */
export const armRowSchema = z.strictObject({
  arm: armSchema,
  metric: metricSchema,
  tier: tierSchema,
  part: z.enum(["dev", "test"]),
  /** Questions scored in this arm and in the baseline, which is what the figures are over. */
  scored: z.int().nonnegative(),
  failed: z.int().nonnegative(),
  notApplicable: z.int().nonnegative(),
  /** Null when fewer than 95 % of the questions were scored in both. */
  means: z
    .strictObject({
      mean: z.number(),
      /** To the baseline, paired by question; null for the baseline itself. */
      difference: z.number().nullable(),
      interval: intervalSchema.nullable(),
    })
    .nullable(),
});
export type ArmRow = z.infer<typeof armRowSchema>;

/** What is wrong with an answer by its form alone; see src/pipeline/degenerate.ts for the rules. */
export const answerMarks = ["empty", "looping", "cut"] as const;
export type AnswerMark = (typeof answerMarks)[number];

/** How one arm answers: how many of its answers have each mark, how many it ended by itself, how long they are. */
export const answeringSchema = z.strictObject({
  arm: armSchema,
  answers: z.int().nonnegative(),
  empty: z.int().nonnegative(),
  looping: z.int().nonnegative(),
  cut: z.int().nonnegative(),
  stopRate: z.number().min(0).max(1),
  /** Null for the teacher, whose tokens are not the student's. */
  meanTokens: z.number().nonnegative().nullable(),
});
export type Answering = z.infer<typeof answeringSchema>;

/** The questions of src/pipeline/probe.json: `accept` is a pattern that a right answer holds, in any case. */
export const probeQuestionsSchema = z
  .array(z.strictObject({ id: idSchema, question: z.string().min(5), accept: z.string().min(2) }))
  .min(1);

/** General questions, answered right before and after fine-tuning; see src/pipeline/probe.ts. */
export const probeResultSchema = z.strictObject({
  questions: z.int().positive(),
  before: z.int().nonnegative(),
  after: z.int().nonnegative(),
  /** Answered right before and wrong after. */
  lost: z.array(z.strictObject({ question: z.string(), before: z.string(), after: z.string() })),
  /** Answered wrong before and right after. */
  gained: z.array(z.strictObject({ question: z.string(), before: z.string(), after: z.string() })),
});
export type ProbeResult = z.infer<typeof probeResultSchema>;

export const lossPointSchema = z.strictObject({
  step: z.int().nonnegative(),
  loss: z.number(),
  learningRate: z.number(),
  tokensPerSecond: z.number(),
});
export type LossPoint = z.infer<typeof lossPointSchema>;

export const fineTuningOutputSchema = z.strictObject({
  /** Path of the adapter's folder inside the run, with the hash of every file in it. */
  adapter: z.strictObject({ folder: z.string(), files: z.record(z.string(), z.string()) }),
  device: z.string(),
  dtype: z.string(),
  threads: z.int().positive(),
  /** For people: "NF4 (bitsandbytes)" or "the GGUF's own 4-bit values, dequantised once". */
  quantization: z.string(),
  modules: z.array(z.string()),
  trainableParameters: z.int().positive(),
  rows: z.int().positive(),
  steps: z.int().positive(),
  plannedSteps: z.int().positive(),
  stepsRule: z.string(),
  finalLoss: z.number(),
  losses: z.array(lossPointSchema),
  tokensPerSecond: z.number(),
  peakMemoryBytes: z.number(),
  /** Of the peak, reckoned before the start; absent in checkpoints of earlier versions. */
  estimatedMemoryBytes: z.number().optional(),
  /** Rows longer than the sequence limit that were left out. */
  rowsTooLong: z.int().nonnegative(),
  /** Their questions; absent in checkpoints of earlier versions. */
  leftOut: z.array(z.string()).optional(),
  exactResume: z.boolean(),
  /** What was changed for want of memory, in order, with the error that made it; absent when it sufficed. */
  memoryRungs: z.array(z.strictObject({ name: z.string(), reason: z.string() })).optional(),
});
export type FineTuningOutput = z.infer<typeof fineTuningOutputSchema>;

/** `never` adopts nothing by itself; see src/pipeline/gate.ts for the other two. */
export const gateRules = ["default", "strict", "never"] as const;
export type GateRule = (typeof gateRules)[number];

/** Whether a cycle's adapter may become the student in use, and on what grounds. */
export const gateSchema = z.strictObject({
  rule: z.enum(gateRules),
  passed: z.boolean(),
  /** Where it was judged: on `dev`, or on `test` in a run of one cycle, which has no dev part. */
  part: z.enum(["dev", "test"]),
  sentence: z.string(),
  reasons: z.array(z.string()),
  /** The student the next cycle is measured against. `cycle` is null for one of an earlier run. */
  standing: z.strictObject({ cycle: z.int().positive().nullable(), scores: z.record(idSchema, z.number()) }).nullable(),
});
export type Gate = z.infer<typeof gateSchema>;

/** What one finished cycle adds to the trend over cycles. */
export const cycleSummarySchema = z.strictObject({
  cycle: z.int().positive(),
  succeeded: z.boolean(),
  passedGate: z.boolean(),
  baseline: z.number().nullable(),
  tuned: z.number().nullable(),
  questions: z.int(),
  seconds: z.number(),
  peakMemoryBytes: z.number(),
});
export type CycleSummary = z.infer<typeof cycleSummarySchema>;

export const comparisonOutputSchema = z.strictObject({
  headline: z.strictObject({
    metric: metricSchema,
    tier: tierSchema,
    part: z.enum(["dev", "test"]),
    verdict: z.enum(["better", "worse", "cannot tell"]),
    sentence: z.string(),
    /** The smallest true change these questions would have shown in 80 % of all runs; null with too few topics. */
    detectable: z.number().nullable(),
  }),
  /** How many questions this cycle rests on, and the hash of what later cycles must not change of them. */
  seal: z.strictObject({ questions: z.int().nonnegative(), hash: z.string() }),
  gate: gateSchema,
  rows: z.array(comparisonRowSchema),
  perQuestion: z.record(
    idSchema,
    z.strictObject({
      baseline: z.number().nullable(),
      tuned: z.number().nullable(),
      /** Not applicable: the metric says nothing about this question, as when its reference has no exact detail. */
      change: z.enum(["better", "same", "worse", "unscored", "not applicable"]),
    }),
  ),
  /** Every arm against the untuned one: the test part, or dev in a cycle before the last. */
  arms: z.array(armRowSchema),
  /** In the order of the arms. */
  answering: z.array(answeringSchema),
  /** Null before the last cycle, and where it is switched off. */
  probe: probeResultSchema.nullable(),
  bands: z.array(
    z.strictObject({ name: z.string(), expected: z.string(), measured: z.string(), inside: z.boolean().nullable() }),
  ),
  cycles: z.array(cycleSummarySchema),
  successRate: z.number(),
  /** Standard deviation over cycles of the improvement on dev; null with one cycle. */
  spread: z.number().nullable(),
});
export type ComparisonOutput = z.infer<typeof comparisonOutputSchema>;

export const usageSchema = z.strictObject({
  requests: z.int().nonnegative(),
  inputTokens: z.int().nonnegative(),
  outputTokens: z.int().nonnegative(),
  /** US dollars by the price table; null when the model's price is not known. */
  dollars: z.number().nullable(),
});
export type Usage = z.infer<typeof usageSchema>;

/** Where a cycle's question families went, by what the cycle before it had measured on the dev part. */
export const aimSchema = z.strictObject({
  cycle: z.int().positive(),
  topics: z.array(
    z.strictObject({
      topic: z.string(),
      asked: z.int().nonnegative(),
      failed: z.int().nonnegative(),
      families: z.int().nonnegative(),
    }),
  ),
});
export type Aim = z.infer<typeof aimSchema>;

export const stageOutputSchemas = {
  questions: z.strictObject({
    domain: domainSchema,
    teacher: z.string(),
    /** The sections these questions rest on, and whether they may be trained on. */
    sections: z.array(z.strictObject({ ...sectionSchema.shape, unseen: z.boolean() })),
    /** Ids of all sections that are never trained on, whether asked about or not. */
    unseen: z.array(idSchema),
    /** All questions so far, earlier cycles' first. */
    questions: z.array(questionSchema),
    /** Questions somebody left out, with the reason; they are not asked again. */
    excluded: z.array(z.strictObject({ ...questionSchema.shape, reason: z.string() })),
    requested: z.int().nonnegative(),
    dropped: z.strictObject({ exact: z.int(), near: z.int(), unusable: z.int() }),
    /** The aimed cycles so far; the first cycle has nothing to aim by. */
    aims: z.array(aimSchema),
    notes: z.array(z.string()),
  }),
  baselineAnswers: z.strictObject({
    ...answersFrame,
    arms: z.strictObject({
      baseline: armAnswersSchema,
      baselineRetrieval: retrievalAnswersSchema.optional(),
      adopted: armAnswersSchema.optional(),
    }),
  }),
  /** One reference per question family. */
  references: z.strictObject({ teacher: z.string(), references: z.record(idSchema, referenceSchema) }),
  baselineEvaluation: z.strictObject({
    ...evaluationFrame,
    arms: z.strictObject({
      baseline: armScoresSchema,
      baselineRetrieval: armScoresSchema.optional(),
      adopted: armScoresSchema.optional(),
    }),
  }),
  fineTuning: fineTuningOutputSchema,
  tunedAnswers: z.strictObject({
    ...answersFrame,
    arms: z.strictObject({
      tuned: armAnswersSchema,
      tunedRetrieval: retrievalAnswersSchema.optional(),
      /** Here and not beside the baseline, where its requests would mix with those of the references. */
      teacher: armAnswersSchema.optional(),
    }),
  }),
  tunedEvaluation: z.strictObject({
    ...evaluationFrame,
    arms: z.strictObject({
      tuned: armScoresSchema,
      tunedRetrieval: armScoresSchema.optional(),
      teacher: armScoresSchema.optional(),
    }),
  }),
  comparison: comparisonOutputSchema,
} satisfies Record<StageId, z.ZodType>;

/** What each stage produces; the keys are the stage ids. */
export type StageOutputs = { [Id in StageId]: z.infer<(typeof stageOutputSchemas)[Id]> };
