/** Stage 5: a LoRA adapter, trained from the base on everything collected so far. */
import { join } from "node:path";
import type { Question, StageOutputs } from "../../protocol/model.ts";
import { UserError } from "../../protocol/errors.ts";
import type { TrainingSettings } from "../../protocol/run.ts";
import { seedOf, shuffled } from "../hash.ts";
import type { RunStore, TrainingJob, TrainingRow } from "../ports.ts";
import { defineStage, type StageContext } from "../stage.ts";
import { studentMessages } from "../template.ts";
import { thinned } from "../wordDropout.ts";

const recipeSteps = 100;
/** Fewer passes than this leave most facts unlearned; see the trial figures in README. */
const fewestPasses = 6;
const autoPasses = 10;

type Steps = { steps: TrainingJob["steps"]; rule: string };

/** The recipe's 100 steps where they suffice, else as many as about ten passes take; says which and why. */
export function planSteps(setting: TrainingSettings["steps"], rows: number, perStep: number): Steps {
  if (typeof setting === "number")
    return { steps: { rule: "fixed", count: setting }, rule: `${setting} steps, as set` };
  const auto: Steps = {
    steps: { rule: "auto", passes: autoPasses, patience: 3 },
    rule: `about ${autoPasses} passes over ${rows} rows, stopping early when held-back wordings no longer improve`,
  };
  if (setting === "auto") return auto;
  const passes = (recipeSteps * perStep) / rows;
  if (passes >= fewestPasses)
    return {
      steps: { rule: "fixed", count: recipeSteps },
      rule: `the recipe's ${recipeSteps} steps (${passes.toFixed(1)} passes)`,
    };
  return { ...auto, rule: `${auto.rule}; the recipe's ${recipeSteps} steps would be only ${passes.toFixed(1)} passes` };
}

/**
 * Training rows and the few held back to tell when to stop. Held back is one wording of a family
 * that has others, and never the one scored as recall.
 */
export function splitRows(
  questions: readonly Question[],
  holdBack: boolean,
  seed: number,
): { train: Question[]; heldBack: Question[] } {
  const trainable = questions.filter(({ tier }) => tier === "train");
  if (!holdBack) return { train: trainable, heldBack: [] };
  const spare = trainable.filter(
    ({ part, family }) => part === "none" && trainable.filter((other) => other.family === family).length > 2,
  );
  const perFamily = new Map(shuffled(spare, seed, ({ id }) => id).map((question) => [question.family, question]));
  const count = Math.min(8, Math.floor(perFamily.size / 4));
  const heldBack = shuffled([...perFamily.values()], seed, ({ family }) => family).slice(0, count);
  const ids = new Set(heldBack.map(({ id }) => id));
  return { train: trainable.filter(({ id }) => !ids.has(id)), heldBack };
}

/** Different ones for the five passes of ten that take them. */
const thinnedForms = 5;

/** @param wordDropout above 0, the rows have forms of their prompts in which words are missing */
function rowsOf(
  questions: readonly Question[],
  references: StageOutputs["references"],
  { template, knowledge, settings }: StageContext,
  wordDropout = 0,
): TrainingRow[] {
  const prompt = (text: string) => template.render(studentMessages(knowledge.domain, text));
  const forms = (text: string) =>
    Array.from({ length: thinnedForms }, (_, form) => prompt(thinned(text, wordDropout, seedOf(settings.seed, form))));
  return questions.flatMap(({ family, text }) => {
    const reference = references.references[family];
    if (reference?.status !== "answered" || !reference.text.trim()) return [];
    return {
      name: text,
      prompt: prompt(text),
      completion: template.completion(reference.text.trim()),
      ...(wordDropout > 0 ? { thinned: forms(text) } : {}),
    };
  });
}

const adapterFiles = ["adapter_model.safetensors", "adapter_config.json", "adapter.gguf", "spec.json"];

export const fineTuning = defineStage({
  id: "fineTuning",
  version: 2,
  needs: ["questions", "references"],
  needsPrevious: [],
  uses: "compute",
  params: ({ settings, student, knowledge }) => {
    // Where and within what a training runs does not make it another one.
    const { memoryLimit: _, cpuFallback: __, ...training } = settings.training;
    return {
      student: student.id,
      domain: knowledge.domain,
      template: settings.template,
      training,
      seed: settings.seed,
    };
  },
  async run({ questions, references }, context) {
    const { cycle, settings, store, trainer, signal } = context;
    const perStep = settings.training.batchSize * settings.training.accumulation;
    const usable = rowsOf(
      questions.questions.filter(({ tier }) => tier === "train"),
      references,
      context,
    ).length;
    if (usable === 0)
      throw new UserError("E_NO_QUESTIONS", "There is no question with a usable reference to train on.");
    const { steps, rule } = planSteps(settings.training.steps, usable, perStep);
    if (settings.training.steps === "recipe" && steps.rule === "auto")
      context.emit({ type: "notice", text: `Training runs ${rule}.` });
    const split = splitRows(questions.questions, steps.rule === "auto", settings.seed);
    const folder = `cycle-${cycle}/adapter`;
    const job: TrainingJob = {
      rows: rowsOf(split.train, references, context, settings.training.wordDropout),
      heldBack: rowsOf(split.heldBack, references, context),
      steps,
      settings: settings.training,
      endText: context.template.stops[0] ?? "",
      seed: seedOf(settings.seed, "training"),
      output: join(store.folder, folder),
    };
    // No item is kept of it: the trainer goes on from its own training checkpoints, which hold the weights too.
    const result = await trainer.train(
      job,
      (point, totalSteps) => context.emit({ type: "loss", cycle, point, totalSteps }),
      (text) => context.emit({ type: "notice", text }),
      signal,
    );
    return { ...result, adapter: { folder, files: await adapterOf(folder, store) }, stepsRule: rule };
  },
  summary: ({ steps, finalLoss, device, quantization }) =>
    `${steps} steps on ${device}, ${quantization}, loss ${finalLoss.toFixed(3)}`,
});

/** The hash of every file of the adapter, by its name. */
async function adapterOf(folder: string, store: RunStore): Promise<Record<string, string>> {
  const hashes = await store.hashFiles(folder);
  const missing = adapterFiles.filter((file) => !hashes[file]);
  if (missing.length > 0)
    throw new UserError("E_ARTEFACT_MISSING", `The training ended, but ${missing.join(", ")} is missing in ${folder}.`);
  return Object.fromEntries(adapterFiles.map((file) => [file, hashes[file] ?? ""]));
}
