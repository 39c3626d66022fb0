/** Runs on the fake parts, in a folder of their own. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RunEvent } from "../../src/protocol/events.ts";
import type { Knowledge } from "../../src/protocol/model.ts";
import { runFileSchema, runSettingsSchema, type RunFile } from "../../src/protocol/run.ts";
import { createCheckpointStore } from "../../src/pipeline/adapters/checkpointStore.ts";
import type { RunStore, StudentInUse } from "../../src/pipeline/ports.ts";
import { runPipeline } from "../../src/pipeline/run.ts";
import { fakeKnowledge, fakeParts, type FakeParts } from "./parts.ts";

export const freshFolder = (): string => mkdtempSync(join(tmpdir(), "distillery-test-"));

/** A run file with the given settings over the defaults. */
export function fakeRunFile(settings: Record<string, unknown> = {}, id = "run-1"): RunFile {
  return runFileSchema.parse({
    schema: "distillery-run",
    version: 1,
    id,
    created: "2026-01-01T10:00:00.000Z",
    knowledge: "bundled",
    settings: runSettingsSchema.parse({ questions: 8, ...settings }),
    versions: { distillery: "0" },
    attempts: {},
  });
}

/** Creates the run, or opens it when it exists. */
export async function openRun(root: string, file: RunFile): Promise<RunStore> {
  const store = createCheckpointStore(root);
  const known = (await store.runs()).some(({ id }) => id === file.id);
  return known ? store.open(file.id) : store.create(file);
}

export interface Played {
  events: RunEvent[];
  parts: FakeParts;
}

/** Runs to the end (or the signal) and closes the store. Rejects as runPipeline does. */
export async function play(
  root: string,
  file: RunFile,
  options: {
    signal?: AbortSignal;
    parts?: FakeParts;
    knowledge?: Knowledge;
    studentInUse?: StudentInUse;
    onEvent?: (event: RunEvent) => void;
  } = {},
): Promise<Played> {
  const parts = options.parts ?? fakeParts();
  const events: RunEvent[] = [];
  const store = await openRun(root, file);
  try {
    await runPipeline(
      {
        store,
        knowledge: options.knowledge ?? fakeKnowledge(),
        ...parts,
        ...(options.studentInUse ? { studentInUse: options.studentInUse } : {}),
      },
      (event) => {
        events.push(event);
        options.onEvent?.(event);
      },
      options.signal ?? new AbortController().signal,
    );
  } finally {
    await store.close();
  }
  return { events, parts };
}

/** The stages that were computed (not reused), as "cycle/stage". */
export const computed = (events: readonly RunEvent[]): string[] =>
  events.flatMap((event) => (event.type === "stageFinished" && !event.reused ? [`${event.cycle}/${event.stage}`] : []));
