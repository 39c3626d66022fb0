/** The settings of a run, its file on disk, and the frame every checkpoint is stored in. */
import { z } from "zod";
import { extraArmSchema, gateRules, idSchema, metricSchema, samplingSchema, stageIds, usageSchema } from "./model.ts";

/** The generation values of the recipe. */
export const recipeSampling = {
  maxNewTokens: 500,
  temperature: 0.8,
  topP: 0.95,
  topK: 50,
  repetitionPenalty: 1.1,
  maxTime: 300,
} as const;

/** The roles the recipe tunes; `trainer/modules.py` maps them to the names of an architecture. */
export const recipeRoles = ["q_proj", "v_proj", "k_proj", "o_proj", "gate_proj", "up_proj", "down_proj"] as const;

/** How much a reasoning model may think before it answers. */
export const efforts = ["none", "minimal", "low", "medium", "high"] as const;
export type Effort = (typeof efforts)[number];

export const teacherSettingsSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("offline") }),
  z.strictObject({
    kind: z.literal("openai"),
    model: z.string().min(1).default("gpt-4o-mini"),
    baseUrl: z.url({ protocol: /^https?$/ }).default("https://api.openai.com/v1"),
    effort: z.enum(efforts).optional(),
  }),
  /** A language model of VS Code, as `vendor/family`; empty for the first that is there. Only the editor has them. */
  z.strictObject({ kind: z.literal("vscode"), model: z.string().default("") }),
]);
export type TeacherSettings = z.infer<typeof teacherSettingsSchema>;

/** A model that judges instead of the teacher. Its address gets a key of its own unless it is the teacher's. */
export const judgeModelSchema = z.strictObject({
  model: z.string().min(1),
  baseUrl: z.url({ protocol: /^https?$/ }).default("https://api.openai.com/v1"),
});
export type JudgeModel = z.infer<typeof judgeModelSchema>;

/** US dollars per million tokens. */
export const priceSchema = z.strictObject({
  input: z.number().nonnegative(),
  /** Input the provider had cached; the price of all input when not given. */
  cachedInput: z.number().nonnegative().optional(),
  output: z.number().nonnegative(),
});
/** By the name of the model. */
export const pricesSchema = z.record(z.string().min(1), priceSchema);
export type Prices = z.infer<typeof pricesSchema>;

export const trainingSettingsSchema = z.strictObject({
  /** `recipe`: 100 steps where that gives six passes over the rows, else as `auto`. */
  steps: z.union([z.int().min(1).max(10_000), z.literal("auto"), z.literal("recipe")]).default("recipe"),
  rank: z.int().min(1).max(256).default(16),
  /**
   * Not part of the recipe. Measured on the bundled knowledge base, 60 rows, 100 steps: at 32 the loss
   * was 1.2 after half of them and 0.46 at the end, at 128 it was 0.08 after half of them.
   */
  alpha: z.int().min(1).max(1024).default(128),
  learningRate: z.number().positive().max(0.1).default(2e-4),
  batchSize: z.int().min(1).max(64).default(1),
  accumulation: z.int().min(1).max(256).default(4),
  maxLength: z.int().min(64).max(4096).default(512),
  /**
   * Share of a question's words left out in every second pass; 0 for none. Not part of the recipe. Measured on the
   * made-up manual of the tests (142 rows, ten passes): 8 to 9 of its 20 precise facts right without, 11 to 13 with 0.35.
   */
  wordDropout: z.number().min(0).max(0.9).default(0.35),
  roles: z
    .array(z.enum(recipeRoles))
    .min(1)
    .default([...recipeRoles]),
  /** `auto`: NF4 on a GPU, the GGUF's own 4-bit values on a CPU. */
  quantization: z.enum(["auto", "nf4", "gguf"]).default("auto"),
  device: z.enum(["auto", "cpu", "cuda"]).default("auto"),
  /** Gigabytes (of 10^9 bytes) a training may take of a GPU. */
  memoryLimit: z.number().min(0.5).max(1000).default(3),
  /** Whether a training may go to the CPU by itself when a GPU is missing or too small; `ask` stops instead. */
  cpuFallback: z.enum(["auto", "ask"]).default("auto"),
});
export type TrainingSettings = z.infer<typeof trainingSettingsSchema>;

/** A question the user brings along, one JSON object a line of the questions file. */
export const ownQuestionSchema = z.strictObject({
  question: z.string().min(3),
  /** The answer to learn; without one the teacher is asked. */
  answer: z.string().min(1).optional(),
  /** Further training wordings. */
  wordings: z.array(z.string().min(3)).default([]),
  /** Wordings for testing only. Without any, the last of several wordings is kept for that. */
  rewordings: z.array(z.string().min(3)).default([]),
  /** Id of the section it belongs to; without one the best fitting section is taken. */
  section: idSchema.optional(),
});

export const runSettingsSchema = z.strictObject({
  /** Topics to draw from, by title; empty means all. */
  topics: z.array(z.string()).default([]),
  questions: z.int().min(1).max(50).default(20),
  cycles: z.int().min(1).max(10).default(1),
  wordings: z.int().min(1).max(8).default(3),
  /** Share of the chosen sections that is never trained on. */
  unseenShare: z.number().min(0).max(0.8).default(0.2),
  teacher: teacherSettingsSchema.default({ kind: "offline" }),
  student: z.string().min(1).default("smollm2-135m"),
  template: z.enum(["chatml", "native", "phi"]).default("chatml"),
  sampling: samplingSchema.default({ ...recipeSampling }),
  repeats: z.int().min(1).max(10).default(1),
  /** Who answers besides the untuned and the tuned student. */
  arms: z.array(extraArmSchema).max(3).default([]),
  /** Whether both students are asked some general questions at the end, to see what tuning made the student forget. */
  probe: z.boolean().default(true),
  training: trainingSettingsSchema.prefault({}),
  /** Metrics beyond the two local ones need a judge: `judgeModel`, or the online teacher where that is null. */
  judge: z.boolean().default(false),
  judgeModel: judgeModelSchema.nullable().default(null),
  /** US dollars that teacher and judge may cost at most, over all starts of the run; null for no limit. */
  budget: z.number().positive().max(100_000).nullable().default(null),
  /** Prices that stand above the built-in table, at whatever endpoint. */
  prices: pricesSchema.default({}),
  primaryMetric: metricSchema.default("semantic_similarity"),
  /** When a cycle's adapter becomes the student in use. */
  gate: z.enum(gateRules).default("default"),
  /** Later cycles ask more about the topics where the cycle before them failed. */
  aimed: z.boolean().default(true),
  /** The user's own questions; they count towards `questions`. */
  own: z.array(ownQuestionSchema).max(500).default([]),
  seed: z
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .default(42),
});
export type RunSettings = z.infer<typeof runSettingsSchema>;

/** `run.json`: everything to say where a run's results came from. No absolute path, no secret. */
export const runFileSchema = z.strictObject({
  schema: z.literal("distillery-run"),
  version: z.literal(1),
  id: idSchema,
  created: z.iso.datetime(),
  /** Relative to the workspace; "bundled" for the knowledge base that comes along. */
  knowledge: z.string(),
  settings: runSettingsSchema,
  versions: z.record(z.string(), z.string()),
  /** How often a stage was asked to run afresh: "2/baselineAnswers" → 1. Part of its items' keys. */
  attempts: z.record(z.string(), z.int().nonnegative()),
  /** One entry for each time results of the test part were computed anew; absent before the first. */
  looks: z.array(z.string()).optional(),
  /** US dollars that were at most spent, where prices are known; absent before the first. */
  spentDollars: z.number().nonnegative().optional(),
  /** What the endpoints turned out not to accept and requests leave out since, one sentence each. */
  endpointNotes: z.array(z.string()).optional(),
});
export type RunFile = z.infer<typeof runFileSchema>;

export const checkpointSchemaVersion = 1;

/** The frame around a stage's output on disk. */
export const checkpointFrameSchema = z.strictObject({
  schema: z.literal("distillery-checkpoint"),
  version: z.literal(checkpointSchemaVersion),
  run: idSchema,
  cycle: z.int().min(1).max(10),
  stage: z.enum(stageIds),
  stageVersion: z.int().positive(),
  /** Hash of stage, stage version, params and the output hashes of everything the stage needed. */
  fingerprint: z.string(),
  outputHash: z.string(),
  started: z.iso.datetime(),
  seconds: z.number().nonnegative(),
  models: z.record(z.string(), z.string()),
  usage: usageSchema.nullable(),
  params: z.json(),
  output: z.json(),
});
export type CheckpointFrame = z.infer<typeof checkpointFrameSchema>;
