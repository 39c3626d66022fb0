/** Valid checkpoints of every stage, for tests of storage. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { StageId } from "../../src/protocol/model.ts";
import type { CheckpointFrame } from "../../src/protocol/run.ts";
import type { FileRunStore } from "../../src/pipeline/adapters/runStore.ts";
import { hashOf, sha256 } from "../../src/pipeline/hash.ts";

const answer = (text: string) => ({ text, stop: "stop", tokens: 7, milliseconds: 12.5 });

export const adapterFiles = ["adapter.gguf", "adapter_config.json", "adapter_model.safetensors", "spec.json"];
export const adapterContent = (file: string, mark: string): string => `${file} of ${mark}`;

function outputOf(stage: StageId, cycle: number, mark: string): unknown {
  switch (stage) {
    case "references":
      return {
        teacher: mark,
        references: {
          f1: {
            status: "answered",
            text: `Über ${mark}`,
            quotes: [{ text: "q", line: 3 }],
            grounded: true,
            author: "teacher",
          },
        },
      };
    case "fineTuning":
      return {
        adapter: {
          folder: `cycle-${cycle}/adapter`,
          files: Object.fromEntries(adapterFiles.map((file) => [file, sha256(adapterContent(file, mark))])),
        },
        device: "cpu",
        dtype: "float32",
        threads: 1,
        quantization: mark,
        modules: ["q_proj"],
        trainableParameters: 8,
        rows: 3,
        steps: 2,
        plannedSteps: 2,
        stepsRule: "2 steps",
        finalLoss: 0.25,
        losses: [{ step: 1, loss: 2.5, learningRate: 0.0002, tokensPerSecond: 10 }],
        tokensPerSecond: 10,
        peakMemoryBytes: 5,
        rowsTooLong: 0,
        exactResume: true,
      };
    default:
      return {
        template: "chatml",
        device: "cpu",
        sampling: { maxNewTokens: 5, temperature: 0.8, topP: 0.95, topK: 50, repetitionPenalty: 1.1, maxTime: 300 },
        arms: {
          [stage === "tunedAnswers" ? "tuned" : "baseline"]: {
            model: mark,
            answers: Object.fromEntries(
              Array.from({ length: 4 }, (_, index) => [`q${index}`, [answer(`${mark} ${index} “quoted” \n line`)]]),
            ),
          },
        },
        probe: null,
      };
  }
}

/** Stages {@link fakeFrame} can make; the answers of both stages have one shape but for the name of the arm. */
export const fakeStages = [
  "baselineAnswers",
  "references",
  "fineTuning",
  "tunedAnswers",
] as const satisfies readonly StageId[];
export type FakeStage = (typeof fakeStages)[number];

/** A frame whose content depends on `mark`. */
export function fakeFrame(run: string, cycle: number, stage: FakeStage, mark: string): CheckpointFrame {
  const output = outputOf(stage, cycle, mark) as CheckpointFrame["output"];
  return {
    schema: "distillery-checkpoint",
    version: 1,
    run,
    cycle,
    stage,
    stageVersion: 1,
    fingerprint: hashOf(["fingerprint", mark]),
    outputHash: hashOf(output),
    started: "2026-01-01T10:00:00.000Z",
    seconds: 12.5,
    models: { teacher: "fake", student: "fake" },
    usage: null,
    params: { mark, seed: 42 },
    output,
  };
}

/** Gives the run "run-1" in `folder` one of everything: an item, checkpoints, one of them superseded, an adapter, a report. */
export async function fillRun(run: FileRunStore, folder: string): Promise<void> {
  mkdirSync(join(folder, "cycle-1/adapter"), { recursive: true });
  for (const file of adapterFiles) writeFileSync(join(folder, "cycle-1/adapter", file), adapterContent(file, "one"));
  await run.addItem("references", "k1", { text: "Über" });
  await run.writeCheckpoint(fakeFrame("run-1", 1, "references", "old"));
  await run.writeCheckpoint(fakeFrame("run-1", 1, "references", "one"));
  await run.writeCheckpoint(fakeFrame("run-1", 1, "fineTuning", "one"));
  run.appendEvent({ type: "notice", text: "a" });
  await run.writeFile("report.md", "# Report");
}
