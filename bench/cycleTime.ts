/** A cycle as the program runs it ÷ the same stages one after another; bar 10. Teacher and judge behind an endpoint. */
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { composeParts } from "../src/cli/compose.ts";
import { newRunFile } from "../src/cli/commands/run.ts";
import { bundled, knowledgeBase, openWorkspace } from "../src/cli/workspace.ts";
import { readyEnvironment, type Environment } from "../src/pipeline/adapters/environment.ts";
import { embeddedStudent, findStudent } from "../src/pipeline/adapters/studentRegistry.ts";
import { runPipeline } from "../src/pipeline/run.ts";
import { stageIds, type StageId } from "../src/protocol/model.ts";
import { runSettingsSchema } from "../src/protocol/run.ts";
import { startOpenaiServer } from "../test/fakes/openaiServer.ts";
import { describeMachine, describeVersions } from "./machine.ts";
import { keepResult } from "./resultFile.ts";
import { median, rounded } from "./summary.ts";
import { latencyOf, profiles } from "./teacherProfiles.ts";

const bar = { must: 0.85, stretch: 0.65 };
const profile = profiles.find(({ bound }) => bound === "requests") ?? profiles[0]!;
const chosen = { questions: 20, steps: 40, maxNewTokens: 120 };

/** @returns the exit code: 0; a missed bar is a finding, no failure */
export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { repeats: { type: "string", default: "3" } } });
  const date = new Date();
  const machine = describeMachine();
  const environment = await readyEnvironment();
  const runs: { overlapping: Measured; oneAfterAnother: Measured; ratio: number }[] = [];
  while (runs.length < Number(values.repeats)) {
    // The order changes from pair to pair.
    const first = runs.length % 2 === 0;
    const one = await measure(environment, first);
    const two = await measure(environment, !first);
    const [oneAfterAnother, overlapping] = first ? [one, two] : [two, one];
    const ratio = rounded(overlapping.wallSeconds / oneAfterAnother.wallSeconds);
    runs.push({ overlapping, oneAfterAnother, ratio });
    console.log(`${overlapping.wallSeconds} s ÷ ${oneAfterAnother.wallSeconds} s = ${ratio}`);
  }
  const ratio = rounded(median(runs.map((each) => each.ratio)));
  const result = {
    measures: "seconds of a cycle ÷ those of the same stages one after another",
    date: date.toISOString(),
    bar,
    ratio,
    settings: { ...chosen, student: embeddedStudent, teacher: "an endpoint that also judges", limits: profile.limits },
    runs,
    machine,
    versions: await describeVersions({}),
  };
  const file = await keepResult("cycle-time", date, result);
  console.log(`Ratio ${ratio}; the bar is ${bar.must}. Kept in bench/results/${file}.`);
  return 0;
}

interface Measured {
  wallSeconds: number;
  stageSeconds: Partial<Record<StageId, number>>;
}

async function measure(environment: Environment, oneAfterAnother: boolean): Promise<Measured> {
  const folder = await mkdtemp(join(os.tmpdir(), "distillery-cycle-"));
  // The latencies are drawn anew for each server, the same ones for both.
  const server = await startOpenaiServer({ limits: profile.limits, delayMs: latencyOf(profile) });
  try {
    const workspace = openWorkspace(folder, () => {});
    const settings = runSettingsSchema.parse({
      teacher: { kind: "openai", model: "gpt-4o-mini", baseUrl: server.baseUrl },
      judge: true,
      questions: chosen.questions,
      sampling: { ...runSettingsSchema.parse({}).sampling, maxNewTokens: chosen.maxNewTokens },
      training: { ...runSettingsSchema.parse({}).training, steps: chosen.steps },
    });
    const knowledge = await knowledgeBase(workspace, bundled).read();
    const store = await workspace.store.create(newRunFile(bundled, settings));
    const studentFiles = await findStudent(embeddedStudent, environment, folder);
    const parts = await composeParts({ store, knowledge, environment, studentFiles, workspace, onNotice: () => {} });
    const began = performance.now();
    try {
      await runPipeline({ ...parts, oneAfterAnother }, () => {}, new AbortController().signal);
      const wallSeconds = rounded((performance.now() - began) / 1000);
      const stageSeconds: Measured["stageSeconds"] = {};
      for (const stage of stageIds) {
        const kept = await store.readCheckpoint(1, stage);
        if (kept) stageSeconds[stage] = rounded(kept.frame.seconds);
      }
      return { wallSeconds, stageSeconds };
    } finally {
      await parts.close();
      await store.close();
    }
  } finally {
    await server.close();
    await rm(folder, { recursive: true, force: true });
  }
}
