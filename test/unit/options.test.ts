import { expect, test } from "vitest";
import { parseCommandLine, settingFlagNames, settingsFrom } from "../../src/cli/options.ts";
import { recipeRoles, runSettingsSchema } from "../../src/protocol/run.ts";

const settings = (...args: string[]) => settingsFrom(parseCommandLine(args, settingFlagNames));
const thrown = (work: () => unknown): unknown => {
  try {
    work();
  } catch (error) {
    return error;
  }
  return null;
};

test("without flags the settings are the defaults", () => {
  expect(settings()).toEqual(runSettingsSchema.parse({}));
});

test("every setting flag reaches the settings", () => {
  const made = settings(
    ...[
      "--topics",
      "Pods, Services",
      "--questions",
      "7",
      "--cycles",
      "2",
      "--wordings",
      "1",
      "--seed",
      "9",
      "--repeats",
      "3",
    ],
    ...[
      "--steps",
      "auto",
      "--quantization",
      "nf4",
      "--template",
      "native",
      "--max-new-tokens",
      "64",
      "--student",
      "my.gguf",
      "--judge",
      "--gate",
      "strict",
      "--aimed",
      "no",
    ],
    ...["--teacher", "openai", "--model", "m", "--base-url", "http://localhost:1/v1"],
    ...["--arms", "retrieval, teacher", "--no-probe"],
    ...["--primary-metric", "factual_correctness", "--roles", "q_proj, v_proj"],
    ...["--memory-limit", "3.5", "--cpu-fallback", "ask"],
  );
  expect(made.training).toMatchObject({ memoryLimit: 3.5, cpuFallback: "ask" });
  expect(made.training).toMatchObject({ steps: "auto", quantization: "nf4", roles: ["q_proj", "v_proj"] });
  expect(made).toMatchObject({
    topics: ["Pods", "Services"],
    questions: 7,
    cycles: 2,
    wordings: 1,
    seed: 9,
    repeats: 3,
    template: "native",
    primaryMetric: "factual_correctness",
    student: "my.gguf",
    judge: true,
    arms: ["retrieval", "teacher"],
    probe: false,
    gate: "strict",
    aimed: false,
    training: { steps: "auto", quantization: "nf4", rank: 16 },
    sampling: { maxNewTokens: 64, temperature: 0.8 },
    teacher: { kind: "openai", model: "m", baseUrl: "http://localhost:1/v1" },
  });
});

test("a preset is a base that flags stand above", () => {
  expect(settings("--preset", "demo")).toMatchObject({ questions: 4, sampling: { maxNewTokens: 96, topK: 50 } });
  expect(settings("--preset", "full", "--questions", "3")).toMatchObject({
    questions: 3,
    cycles: 5,
    training: { steps: "auto" },
  });
});

test("on resume only what is given changes", () => {
  const before = settings("--teacher", "openai", "--model", "m", "--questions", "5", "--max-new-tokens", "50");
  const after = settingsFrom(parseCommandLine(["--steps", "12"], settingFlagNames), before);
  expect(after).toEqual({ ...before, training: { ...before.training, steps: 12 } });
  const effort = (value: string, base: object) =>
    settingsFrom(parseCommandLine(["--effort", value], settingFlagNames), base);
  const low = effort("low", before);
  expect(low.teacher).toEqual({ ...before.teacher, effort: "low" });
  expect(effort("default", low).teacher).not.toHaveProperty("effort", "low");
  const other = settingsFrom(parseCommandLine(["--model", "n"], settingFlagNames), before);
  expect(other.teacher).toMatchObject({ kind: "openai", model: "n" });
  expect(settingsFrom(parseCommandLine(["--teacher", "offline"], settingFlagNames), before).teacher).toEqual({
    kind: "offline",
  });
});

test("a judge that is named judges, at its own address, the one before, or the teacher's", () => {
  const teacher = ["--teacher", "openai", "--base-url", "http://localhost:1/v1"];
  expect(settings()).toMatchObject({ judge: false, judgeModel: null });
  const beside = settings(...teacher, "--judge-model", "j");
  expect(beside).toMatchObject({ judge: true, judgeModel: { model: "j", baseUrl: "http://localhost:1/v1" } });
  const alone = settings("--judge-model", "j", "--judge-url", "https://judge.example/v1");
  expect(alone).toMatchObject({
    judge: true,
    judgeModel: { model: "j", baseUrl: "https://judge.example/v1" },
    teacher: { kind: "offline" },
  });
  expect(settings("--judge-model", "j").judgeModel?.baseUrl).toBe("https://api.openai.com/v1");
  const changed = settingsFrom(parseCommandLine(["--judge-model", "k"], settingFlagNames), alone);
  expect(changed.judgeModel).toEqual({ model: "k", baseUrl: "https://judge.example/v1" });
  expect(thrown(() => settings("--judge-url", "https://judge.example/v1"))).toMatchObject({ code: "E_USAGE" });
});

test.each([
  [["--questions", "0"], "--questions"],
  [["--questions", "51"], "--questions"],
  [["--questions", "3.5"], "--questions"],
  [["--questions", "many"], "--questions"],
  [["--questions", ""], "--questions"],
  [["--cycles", "11"], "--cycles"],
  [["--cycles", "-1"], "--cycles"],
  [["--steps", "soon"], "--steps"],
  [["--teacher", "oracle"], "--teacher"],
  [["--base-url", "ftp://x"], "--base-url"],
  [["--effort", "heroic"], "--effort"],
  [["--judge-model", "j", "--judge-url", "ftp://x"], "--judge-url"],
  [["--max-new-tokens", "0"], "--max-new-tokens"],
  [["--template", "html"], "--template"],
  [["--quantization", "int3"], "--quantization"],
  [["--preset", "huge"], "--preset"],
  [["--arms", "retrieval,oracle"], "--arms"],
  [["--primary-metric", "charm"], "--primary-metric"],
  // Nobody scores it without a judge.
  [["--primary-metric", "factual_correctness"], "--primary-metric"],
])("%j is refused by name", (args, flag) => {
  // `--cycles -1` needs the equals sign, or the parser takes -1 for a flag.
  const joined = args[1]?.startsWith("-") ? [`${args[0]}=${args[1]}`] : args;
  const error = thrown(() => settings(...joined));
  expect(error).toMatchObject({ code: "E_SETTINGS" });
  expect((error as Error).message).toContain(flag);
});

test.each([[["--colour", "red"]], [["--questions"]], [["--teacher", "offline", "--model", "m"]]])(
  "%j is wrong use",
  (args) => {
    expect(thrown(() => settings(...args))).toMatchObject({ code: "E_USAGE" });
  },
);

test("layers that do not exist are refused with those that do, and so is none", () => {
  const unknown = thrown(() => settings("--roles", "q_proj,attention"));
  expect(unknown).toMatchObject({ code: "E_SETTINGS", message: expect.stringMatching(/^--roles: /) });
  for (const role of recipeRoles) expect(String(unknown)).toContain(role);
  expect(thrown(() => settings("--roles", ","))).toMatchObject({
    code: "E_SETTINGS",
    message: expect.stringMatching(/^--roles: /),
  });
});
