/** The flags of the command line and what they mean for a run's settings. */
import { parseArgs, type ParseArgsConfig } from "node:util";
import { UserError } from "../protocol/errors.ts";
import { unscoredPrimary } from "../pipeline/stages/evaluation.ts";
import { runSettingsSchema, type RunSettings } from "../protocol/run.ts";

const text = { type: "string" } as const;
const yes = { type: "boolean" } as const;

/** Flags that shape a run. Each is also accepted by `resume`, where it changes the saved setting. */
const settingFlags = {
  topics: text,
  questions: text,
  cycles: text,
  teacher: text,
  model: text,
  "base-url": text,
  effort: text,
  student: text,
  steps: text,
  seed: text,
  wordings: text,
  judge: yes,
  "judge-model": text,
  "judge-url": text,
  "own-questions": text,
  preset: text,
  "max-new-tokens": text,
  repeats: text,
  arms: text,
  "no-probe": yes,
  template: text,
  quantization: text,
  "word-dropout": text,
  roles: text,
  "memory-limit": text,
  "cpu-fallback": text,
  budget: text,
  prices: text,
  "primary-metric": text,
  gate: text,
  aimed: text,
} as const;

const otherFlags = {
  knowledge: text,
  out: text,
  json: yes,
  run: text,
  cycle: text,
  from: text,
  exclude: text,
  reason: text,
  approve: text,
  edit: text,
  text,
  "ask-again": text,
  undo: text,
  fix: yes,
  new: yes,
  ledger: yes,
  use: text,
  rollback: yes,
  as: text,
  to: text,
  help: { ...yes, short: "h" },
  version: yes,
} as const;

const flags = { ...settingFlags, ...otherFlags };
export type FlagName = keyof typeof flags;
export const settingFlagNames = Object.keys(settingFlags) as (keyof typeof settingFlags)[];

export interface CommandLine {
  flags: { [Name in FlagName]?: (typeof flags)[Name]["type"] extends "boolean" ? boolean : string };
  positionals: string[];
}

/** @throws UserError E_USAGE for an unknown flag, a flag the command does not take, or a missing value. */
export function parseCommandLine(args: readonly string[], accepted: readonly FlagName[]): CommandLine {
  const options = Object.fromEntries(accepted.map((name) => [name, flags[name]])) as NonNullable<
    ParseArgsConfig["options"]
  >;
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    return { flags: values as CommandLine["flags"], positionals };
  } catch (error) {
    const [sentence = ""] = (error instanceof Error ? error.message : String(error)).split(". ");
    throw new UserError("E_USAGE", `${sentence.replace(/\.$/, "")}.`);
  }
}

/** Bundles of settings for a kind of use; flags stand above them. */
const presets: Record<string, object> = {
  // To see every stage once, in a few minutes; the figures mean little.
  demo: { questions: 4, wordings: 2, sampling: { maxNewTokens: 96 }, training: { steps: 30 } },
  // The defaults by name.
  small: { questions: 20, cycles: 1 },
  // What the recipe calls a full run, over several cycles.
  full: { questions: 50, cycles: 5, training: { steps: "auto" } },
};

/**
 * The settings that the flags ask for, on top of `base`. Own questions are read elsewhere.
 * @throws UserError E_SETTINGS naming the flag whose value does not fit.
 */
export function settingsFrom({ flags: given }: CommandLine, base: unknown = {}): RunSettings {
  const preset = given.preset === undefined ? {} : presets[given.preset];
  if (!preset)
    throw new UserError("E_SETTINGS", `--preset is one of ${Object.keys(presets).join(", ")}, not "${given.preset}".`);
  const parsed = runSettingsSchema.safeParse(merged(merged(withSampling(base), preset), fromFlags(given, base)));
  if (parsed.success) return withPrimaryScored(parsed.data);
  const issue = parsed.error.issues[0];
  const path = issue?.path.join(".") ?? "";
  throw new UserError("E_SETTINGS", `${flagOf(path)}: ${issue?.message ?? "not valid"}.`);
}

/** A verdict cannot rest on a metric that nobody scores. */
function withPrimaryScored(settings: RunSettings): RunSettings {
  const reason = unscoredPrimary(settings);
  if (reason) throw new UserError("E_SETTINGS", `--primary-metric: ${reason} See --judge.`);
  return settings;
}

/** The sampling values have a default as a whole; a partial change needs them spelled out. */
function withSampling(base: unknown): unknown {
  return merged({ sampling: runSettingsSchema.parse({}).sampling }, base);
}

function fromFlags(given: CommandLine["flags"], base: unknown): object {
  const settings: Record<string, unknown> = {};
  const put = (name: string, value: unknown) => {
    if (value !== undefined) settings[name] = value;
  };
  put("topics", listOf(given.topics));
  put("arms", listOf(given.arms));
  if (given["no-probe"]) put("probe", false);
  for (const name of ["questions", "cycles", "wordings", "seed", "repeats"] as const) put(name, numberOf(given[name]));
  put("student", given.student);
  put("template", given.template);
  put("primaryMetric", given["primary-metric"]);
  put("gate", given.gate);
  put("budget", given.budget === "none" ? null : numberOf(given.budget));
  // Anything but yes or no is left to the schema to refuse.
  put("aimed", given.aimed === "yes" ? true : given.aimed === "no" ? false : given.aimed);
  const teacher = teacherFrom(given, base);
  put("teacher", teacher);
  const judgeModel = judgeFrom(given, base, teacher);
  put("judgeModel", judgeModel);
  put("judge", given.judge ?? (judgeModel && true));
  const roles = listOf(given.roles);
  const training = {
    ...(given.steps === undefined ? {} : { steps: numberOf(given.steps) }),
    ...(given.quantization === undefined ? {} : { quantization: given.quantization }),
    ...(given["word-dropout"] === undefined ? {} : { wordDropout: numberOf(given["word-dropout"]) }),
    ...(roles === undefined ? {} : { roles }),
    ...(given["memory-limit"] === undefined ? {} : { memoryLimit: numberOf(given["memory-limit"]) }),
    ...(given["cpu-fallback"] === undefined ? {} : { cpuFallback: given["cpu-fallback"] }),
  };
  if (Object.keys(training).length > 0) put("training", training);
  if (given["max-new-tokens"] !== undefined) put("sampling", { maxNewTokens: numberOf(given["max-new-tokens"]) });
  return settings;
}

function teacherFrom(given: CommandLine["flags"], base: unknown): object | undefined {
  const { teacher, model, "base-url": baseUrl, effort } = given;
  if ([teacher, model, baseUrl, effort].every((each) => each === undefined)) return undefined;
  const before = (base as Partial<RunSettings>).teacher;
  const kind = teacher ?? before?.kind ?? (model || baseUrl || effort ? "openai" : "offline");
  if (kind === "offline" && [model, baseUrl, effort].some((each) => each !== undefined))
    throw new UserError(
      "E_USAGE",
      "--model, --base-url and --effort belong to `--teacher openai`; the offline teacher has none of them.",
    );
  if (kind === "offline") return { kind };
  const kept = before?.kind === "openai" ? before : {};
  const changes = Object.entries({ model, baseUrl, effort }).filter(([, value]) => value !== undefined);
  const changed = { ...kept, kind, ...Object.fromEntries(changes) };
  return effort === "default" ? { ...changed, effort: undefined } : changed;
}

/** The judge named on the command line; its address is the online teacher's where none is given. */
function judgeFrom(given: CommandLine["flags"], base: unknown, teacher: object | undefined): object | undefined {
  const { "judge-model": model, "judge-url": baseUrl } = given;
  if (model === undefined && baseUrl === undefined) return undefined;
  const { judgeModel: before, teacher: usual } = base as Partial<RunSettings>;
  if (model === undefined && !before)
    throw new UserError("E_USAGE", "--judge-url needs --judge-model: which model shall judge there?");
  const beside = { ...usual, ...teacher } as { baseUrl?: string };
  const address = baseUrl ?? before?.baseUrl ?? beside.baseUrl;
  return { model: model ?? before?.model, ...(address === undefined ? {} : { baseUrl: address }) };
}

const listOf = (value: string | undefined): string[] | undefined =>
  value
    ?.split(",")
    .map((each) => each.trim())
    .filter(Boolean);

/** A number where the text is one; anything else is left to the schema to refuse. */
function numberOf(value: string | undefined): unknown {
  if (value === undefined || value.trim() === "") return value;
  const number = Number(value);
  return Number.isNaN(number) ? value : number;
}

/** Replaced as a whole: kinds of teachers differ in fields, and a judge's address belongs to its model. */
const whole = ["teacher", "judgeModel"];

/** Objects are merged, everything else is replaced. */
function merged(base: unknown, over: unknown): unknown {
  if (!isObject(base) || !isObject(over)) return over;
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) result[key] = whole.includes(key) ? value : merged(base[key], value);
  return result;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const flagPaths: Record<string, string> = {
  "teacher.kind": "--teacher",
  "teacher.model": "--model",
  "teacher.effort": "--effort",
  "teacher.baseUrl": "--base-url",
  "judgeModel.model": "--judge-model",
  "judgeModel.baseUrl": "--judge-url",
  "training.steps": "--steps",
  "training.quantization": "--quantization",
  "training.wordDropout": "--word-dropout",
  "training.roles": "--roles",
  "training.memoryLimit": "--memory-limit",
  "training.cpuFallback": "--cpu-fallback",
  "sampling.maxNewTokens": "--max-new-tokens",
  own: "--own-questions",
  prices: "--prices",
  primaryMetric: "--primary-metric",
};

function flagOf(path: string): string {
  const parts = path.split(".");
  const known = flagPaths[path] ?? flagPaths[parts.slice(0, 2).join(".")] ?? flagPaths[parts[0] ?? ""];
  if (known) return known;
  const [first = ""] = path.split(".");
  return (settingFlagNames as string[]).includes(first) ? `--${first}` : path || "settings";
}
