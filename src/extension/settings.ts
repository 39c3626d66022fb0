/** The user's settings as the settings of a run. */
import { UserError } from "../protocol/errors.ts";
import type { Draft } from "../protocol/panel.ts";
import { unscoredPrimary } from "../pipeline/stages/evaluation.ts";
import { configuration, ownValue, studentId } from "./configuration.ts";
import {
  pricesSchema,
  runSettingsSchema,
  type Effort,
  type JudgeModel,
  type Prices,
  type RunSettings,
  type TeacherSettings,
} from "../protocol/run.ts";

export const teacherBaseUrl = (): string => ownValue("teacher.baseUrl", "https://api.openai.com/v1");
/** VS Code's own model, as `vendor/family`; empty for the first there is. */
export const editorModel = (): string => configuration().get("teacher.editorModel", "");
export const teacherModel = (): string => configuration().get("teacher.model", "gpt-4o-mini");

/** The user's own prices; a workspace could make a budget worthless with them. */
export const ownPrices = (): Prices => pricesSchema.catch({}).parse(ownValue("teacher.prices", {}));

/** Where the key goes: scheme, host and port. */
export const teacherOrigin = (): string => originOf(teacherBaseUrl(), "distillery.teacher.baseUrl");

function originOf(address: string, setting: string): string {
  const origin = URL.parse(address)?.origin;
  if (!origin || origin === "null") throw new UserError("E_SETTINGS", `${setting} is no address: "${address}".`);
  return origin;
}

/**
 * The model that judges instead of the teacher; null when none is named. Its address is the teacher's by default.
 * @throws UserError E_SETTINGS for an address that is none.
 */
export function judgeModel(): JudgeModel | null {
  const model = configuration().get("evaluation.judgeModel", "").trim();
  const baseUrl = ownValue("evaluation.judgeBaseUrl", "").trim();
  if (model === "") return null;
  if (baseUrl !== "") originOf(baseUrl, "distillery.evaluation.judgeBaseUrl");
  return { model, baseUrl: baseUrl === "" ? teacherBaseUrl() : baseUrl };
}

/** The addresses that have keys of their own: the teacher's, and the judge's where it is another one. */
export function keyOrigins(): string[] {
  const judge = judgeModel();
  return [...new Set([teacherOrigin(), ...(judge ? [new URL(judge.baseUrl).origin] : [])])];
}

/** What the Configure tab begins with. */
export function initialDraft(): Draft {
  const read = configuration();
  return {
    preset: "demo",
    ...presetValues.demo,
    topics: [],
    arms: [],
    aimed: true,
    teacher: read.get<Draft["teacher"]>("teacher.kind", "offline"),
  };
}

/** What a preset sets. Demo shows every stage once in a few minutes; its figures mean little. */
export const presetValues = {
  demo: { questions: 4, cycles: 1, steps: 20, maxNewTokens: 120 },
  small: { questions: 20, cycles: 1, steps: "recipe", maxNewTokens: 500 },
  full: { questions: 50, cycles: 3, steps: "recipe", maxNewTokens: 500 },
} as const satisfies Record<string, Pick<Draft, "questions" | "cycles" | "steps" | "maxNewTokens">>;

export function teacherSettings(kind: Draft["teacher"]): TeacherSettings {
  if (kind === "vscode") return { kind, model: editorModel() };
  if (kind === "offline") return { kind };
  const effort = configuration().get<Effort | "">("teacher.effort") || undefined;
  return { kind, model: teacherModel(), baseUrl: teacherBaseUrl(), ...(effort ? { effort } : {}) };
}

/**
 * The settings of a run by the draft, with everything the draft does not hold from the user's settings.
 * @throws UserError E_SETTINGS naming the value that does not fit.
 */
export function runSettings(draft: Draft): RunSettings {
  const read = configuration();
  const defaults = runSettingsSchema.parse({});
  const parsed = runSettingsSchema.safeParse({
    topics: draft.topics,
    questions: draft.questions,
    cycles: draft.cycles,
    wordings: read.get("run.wordings"),
    unseenShare: read.get("run.unseenShare"),
    teacher: teacherSettings(draft.teacher),
    student: studentId(),
    template: read.get("student.template"),
    sampling: { ...defaults.sampling, maxNewTokens: draft.maxNewTokens, maxTime: read.get("student.maxSeconds") },
    repeats: read.get("run.repeats"),
    arms: draft.arms,
    probe: read.get("run.probe"),
    training: {
      steps: draft.steps,
      rank: read.get("training.rank"),
      learningRate: read.get("training.learningRate"),
      wordDropout: read.get("training.wordDropout"),
      device: read.get("training.device"),
      memoryLimit: read.get("training.memoryLimit"),
      cpuFallback: read.get("training.cpuFallback"),
    },
    judge: read.get("evaluation.judge", false) && (draft.teacher === "openai" || judgeModel() !== null),
    judgeModel: judgeModel(),
    budget: read.get<number>("teacher.budget") || null,
    prices: ownPrices(),
    primaryMetric: read.get("evaluation.primaryMetric"),
    gate: read.get("run.gate"),
    aimed: draft.aimed,
    seed: read.get("run.seed"),
  });
  const reason = parsed.success ? unscoredPrimary(parsed.data) : null;
  if (reason) throw new UserError("E_SETTINGS", `distillery.evaluation.primaryMetric: ${reason}`);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new UserError("E_SETTINGS", `${issue?.path.join(".") ?? "settings"}: ${issue?.message ?? "not valid"}.`);
}
