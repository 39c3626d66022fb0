/** Runs as they lie on the disk: read without lock or change. */
import { open, stat } from "node:fs/promises";
import { join } from "node:path";
import type * as vscode from "vscode";
import { createCheckpointStore, type FileCheckpointStore } from "../../pipeline/adapters/checkpointStore.ts";
import type { CheckpointEntry } from "../../pipeline/ports.ts";
import { initialState, reduce } from "../../pipeline/state.ts";
import type { TimedEvent } from "../../protocol/events.ts";
import type { StageId, StageOutputs } from "../../protocol/model.ts";
import type { Review } from "../../protocol/review.ts";
import type { RunFile } from "../../protocol/run.ts";
import type { RunState } from "../../protocol/state.ts";
import { runsRoot } from "../place.ts";

export type RunEntry = { id: string; file: RunFile } | { id: string; reason: string };

export interface History {
  store(): Promise<FileCheckpointStore>;
  runs(): Promise<RunEntry[]>;
  /** The run's state as its events tell it; a run that neither ended nor is held by a process was interrupted. */
  state(id: string): Promise<RunState>;
  /** Of the whole run, or of one cycle, which opens a tenth of the files of a long run. */
  checkpoints(id: string, cycle?: number): Promise<CheckpointEntry[]>;
  output<Id extends StageId>(entries: readonly CheckpointEntry[], cycle: number, stage: Id): StageOutputs[Id] | null;
  folder(id: string): Promise<string>;
  /** What was decided about a run's questions and answers. @throws UserError E_REVIEW_FILE. */
  review(id: string): Promise<Review>;
  /** Forgets what was read of a run, or of all. */
  forget(id?: string): void;
}

const mostEventBytes = 8_000_000;

export function createHistory(context: vscode.ExtensionContext): History {
  const states = new Map<string, { size: number; state: RunState }>();
  let runs: Promise<RunEntry[]> | null = null;
  const entries = new Map<string, Promise<CheckpointEntry[]>>();
  const store = async () => createCheckpointStore(await runsRoot(context));
  const folder = async (id: string) => join(await runsRoot(context), "runs", id);

  return {
    store,
    folder,
    runs() {
      runs ??= store().then((each) => each.runs());
      runs.catch(() => (runs = null));
      return runs;
    },
    async state(id) {
      const file = join(await folder(id), "events.jsonl");
      const size = await stat(file).then(
        (facts) => facts.size,
        () => 0,
      );
      const known = states.get(id);
      const state = known?.size === size ? known.state : { ...(await replay(file)), run: id };
      states.set(id, { size, state });
      // One that told nothing yet was closed before it began, and can begin.
      const unended = state.status === "running" || state.status === "idle";
      if (!unended || (await (await store()).isLocked(id))) return state;
      return reduce(state, {
        type: "runStopped",
        code: "E_STOPPED",
        message: "The window was closed while the run went on.",
        at: new Date().toISOString(),
      });
    },
    checkpoints(id, cycle) {
      const whole = entries.get(id);
      if (whole && cycle !== undefined) return whole.then((found) => found.filter((entry) => entry.cycle === cycle));
      const key = cycle === undefined ? id : `${id}/${cycle}`;
      const known = entries.get(key) ?? store().then((each) => each.checkpoints(id, cycle));
      entries.set(key, known);
      known.catch(() => entries.delete(key));
      return known;
    },
    output: (found, cycle, stage) => {
      const entry = found.find((each) => each.cycle === cycle && each.stage === stage);
      return entry?.state === "ok" ? (entry.frame.output as never) : null;
    },
    review: async (id) => (await store()).review(id),
    forget(id) {
      runs = null;
      for (const key of entries.keys()) if (!id || key === id || key.startsWith(`${id}/`)) entries.delete(key);
    },
  };
}

async function replay(file: string): Promise<RunState> {
  let state = initialState;
  for (const line of (await lastPart(file)).split("\n")) {
    try {
      const event = JSON.parse(line) as TimedEvent;
      if (typeof event?.type === "string") state = reduce(state, event) ?? state;
    } catch {
      // A line a crash cut off says nothing.
    }
  }
  return state;
}

async function lastPart(path: string): Promise<string> {
  const file = await open(path, "r").catch(() => null);
  if (!file) return "";
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - mostEventBytes);
    const buffer = Buffer.alloc(size - start);
    await file.read(buffer, 0, buffer.length, start);
    return buffer.toString("utf8");
  } finally {
    await file.close();
  }
}
