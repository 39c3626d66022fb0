/** The run of this window: starts it, stops it, and keeps its state for everything that shows it. */
import { randomBytes } from "node:crypto";
import * as vscode from "vscode";
import { createCheckpointStore } from "../../pipeline/adapters/checkpointStore.ts";
import { createKnowledgeFolder } from "../../pipeline/adapters/knowledgeFolder.ts";
import type { RunStore } from "../../pipeline/ports.ts";
import { rerunFrom, runPipeline } from "../../pipeline/run.ts";
import { initialState, lossesOf, reduce } from "../../pipeline/state.ts";
import { UserError } from "../../protocol/errors.ts";
import type { RunEvent } from "../../protocol/events.ts";
import type { StageId } from "../../protocol/model.ts";
import type { RunFile, RunSettings } from "../../protocol/run.ts";
import type { RunState } from "../../protocol/state.ts";
import { composeRun, versionsOf } from "../compose.ts";
import type { Environments } from "../setup/environments.ts";
import type { Keys } from "../keys.ts";
import type { Log } from "../log.ts";
import type { Endings } from "../teacher/endings.ts";
import type { History } from "./history.ts";
import { folderOfName, knowledgeName, processLog, runsRoot } from "../place.ts";

export interface Runner {
  readonly state: RunState;
  readonly running: boolean;
  /** Fires at most ten times a second while a run goes on, and once after its end. */
  readonly onDidChange: vscode.Event<void>;
  /** Fires when the runs on disk changed: one came, a checkpoint was written, the run ended. */
  readonly onDidWrite: vscode.Event<string>;
  /** Resolves when the run has ended. @throws UserError. */
  start(settings: RunSettings, knowledge: string): Promise<void>;
  /** Continues a run; with `from`, that stage and what rests on it is computed afresh. */
  resume(id: string, from?: { cycle: number; stage: StageId }): Promise<void>;
  /** Resolves when everything has ended and the lock is free. `closing`: the window goes, nobody asked for a stop. */
  stop(closing?: boolean): Promise<void>;
}

export interface RunnerParts {
  context: vscode.ExtensionContext;
  log: Log;
  keys: Keys;
  environments: Environments;
  endings: Endings;
  history: Pick<History, "state">;
}

/** Milliseconds: at most eight a second, so that no second sees more than ten however they bunch up. */
const shownEvery = 125;

/** Under this name the workspace remembers the run in progress, so that a window that was closed is noticed. */
export const goingOn = "goingOn";

export function createRunner({
  context,
  log,
  keys,
  environments,
  endings,
  history,
}: RunnerParts): Runner & vscode.Disposable {
  const changed = new vscode.EventEmitter<void>();
  const written = new vscode.EventEmitter<string>();
  let state = initialState;
  let ending: Promise<void> | null = null;
  let abort: AbortController | null = null;
  let timer: NodeJS.Timeout | null = null;
  let closing = false;

  function onEvent(event: RunEvent): void {
    state = reduce(state, { ...event, at: new Date().toISOString() });
    if (event.type === "notice") log.channel.info(event.text);
    if (event.type === "stageFinished" || event.type === "runStarted" || event.type === "stageStarted") {
      log.channel.info(
        event.type === "runStarted" ? `run ${event.run}` : `${event.type} ${event.cycle}/${event.stage}`,
      );
      written.fire(state.run ?? "");
    }
    timer ??= setTimeout(() => ((timer = null), changed.fire()), shownEvery);
  }

  async function go(begin: RunState, open: () => Promise<RunStore>): Promise<void> {
    if (ending) throw new UserError("E_RUN_LOCKED", vscode.l10n.t("Another run is going on in this window."));
    if (!vscode.workspace.isTrusted)
      throw new UserError("E_USAGE", vscode.l10n.t("This folder is in Restricted Mode, where nothing is run."));
    state = begin;
    abort = new AbortController();
    const { signal } = abort;
    ending = work(open, signal)
      .catch((error: unknown) => {
        // What failed before the pipeline began has told nobody yet. Of a run of another window the disk tells.
        if (state.status === "running") state = isElsewhere(error) ? initialState : ended(state, error);
        throw error;
      })
      .finally(() => {
        ending = abort = null;
        if (!closing) void context.workspaceState.update(goingOn, undefined);
        void setRunning(false);
        changed.fire();
        written.fire(state.run ?? "");
      });
    void setRunning(true);
    changed.fire();
    return ending;
  }

  async function work(open: () => Promise<RunStore>, signal: AbortSignal): Promise<void> {
    const environment = await environments.ready(signal);
    const store = await open();
    try {
      state = { ...state, run: store.file.id };
      await context.workspaceState.update(goingOn, store.file.id);
      written.fire(store.file.id);
      const knowledge = await createKnowledgeFolder(folderOfName(store.file.knowledge)).read();
      const keyFor = (baseUrl: string) => keys.get(new URL(baseUrl).origin);
      const onNotice = (text: string) => onEvent({ type: "notice", text });
      const composed = await composeRun({
        store,
        knowledge,
        environment,
        keyFor,
        logFile: await processLog(context),
        onNotice,
        // Beside the run, which does not wait for it.
        onConnect: (model) => void endings.look(model).then((text) => text && onNotice(text), log.tell),
      });
      try {
        await runPipeline(composed.parts, onEvent, signal);
      } finally {
        await composed.close();
      }
    } finally {
      await store.close();
    }
  }

  return {
    get state() {
      return state;
    },
    get running() {
      return ending !== null;
    },
    onDidChange: changed.event,
    onDidWrite: written.event,
    async start(settings, knowledge) {
      const begin: RunState = {
        ...initialState,
        status: "running",
        cycles: settings.cycles,
        student: settings.student,
      };
      await go(begin, async () => {
        const file: RunFile = {
          schema: "distillery-run",
          version: 1,
          id: newRunId(new Date()),
          created: new Date().toISOString(),
          knowledge: knowledgeName(knowledge),
          settings,
          versions: versionsOf(context),
          attempts: {},
        };
        return createCheckpointStore(await runsRoot(context), { onNotice: log.channel.info }).create(file);
      });
    },
    async resume(id, from) {
      const trained = from ? {} : lossesOf(await history.state(id));
      await go({ ...initialState, ...trained, run: id, status: "running" }, async () => {
        const store = await createCheckpointStore(await runsRoot(context), { onNotice: log.channel.info }).open(id);
        if (from)
          await rerunFrom(store, from.cycle, from.stage).catch(async (error: unknown) => {
            await store.close();
            throw error;
          });
        return store;
      });
    },
    async stop(windowCloses) {
      closing = windowCloses ?? false;
      abort?.abort();
      await ending?.catch(() => {});
    },
    dispose() {
      abort?.abort();
      changed.dispose();
      written.dispose();
    },
  };
}

const isElsewhere = (error: unknown): boolean => error instanceof UserError && error.code === "E_RUN_LOCKED";

function ended(state: RunState, error: unknown): RunState {
  const code = error instanceof UserError ? error.code : "bug";
  const message = error instanceof Error ? error.message : String(error);
  return { ...state, status: code === "E_STOPPED" ? "stopped" : "failed", error: { code, message } };
}

const setRunning = (running: boolean) => vscode.commands.executeCommand("setContext", "distillery.running", running);

/** "20261123-143205-5f3a", as the CLI names them: sorts by time, and two windows hardly meet. */
function newRunId(time: Date): string {
  const [day = "", clock = ""] = time.toISOString().split("T");
  return `${day.replaceAll("-", "")}-${clock.slice(0, 8).replaceAll(":", "")}-${randomBytes(2).toString("hex")}`;
}
