/** Runs, their cycles, their stages, and the adapter each cycle left. */
import * as vscode from "vscode";
import { stageIds, type StageId } from "../../protocol/model.ts";
import type { RunFile } from "../../protocol/run.ts";
import type { RunState } from "../../protocol/state.ts";
import type { Shell } from "../extension.ts";
import type { History } from "../run/history.ts";
import type { Runner } from "../run/runner.ts";
import { cycleItem, damagedItem, moreItem, runItem, stageItem, type StageFacts } from "./runItems.ts";
import type { TreeContents, TreeNode } from "./lazyTree.ts";

export interface RunNode extends TreeNode {
  kind: "run";
  run: string;
  file: RunFile;
  state: RunState;
}
export interface CycleNode extends TreeNode {
  kind: "cycle";
  run: string;
  cycle: number;
  parent: RunNode;
}
export interface StageNode extends TreeNode {
  kind: "stage" | "adapter";
  run: string;
  cycle: number;
  stage: StageId;
  facts: StageFacts;
  parent: CycleNode;
}
interface DamagedNode extends TreeNode {
  kind: "damaged";
  run: string;
  reason: string;
}
interface MoreNode extends TreeNode {
  kind: "more";
  rest: number;
}
export type Node = RunNode | CycleNode | StageNode | DamagedNode | MoreNode;

export interface RunsTree extends TreeContents, vscode.Disposable {
  refresh(run?: string): void;
}

export interface RunsTreeParts {
  shell: Shell;
  history: History;
  runner: Runner;
  label(run: string): string | undefined;
  /** The run whose adapter answers now. */
  adopted(): string | null;
  isStale(run: string, stage: StageId, cycle: number): Promise<boolean>;
}

/** More than this at once is a list nobody reads and a message nobody waits for. */
const pageSize = 200;

export function createRunsTree({ shell, history, runner, label, adopted, isStale }: RunsTreeParts): RunsTree {
  const { view, changed } = shell.runs;
  const shown = new Map<string, RunNode>();
  let pages = 1;
  let timer: NodeJS.Timeout | undefined;

  const refresh = (run?: string) => {
    history.forget(run);
    clearTimeout(timer);
    timer = setTimeout(() => changed.fire(run === undefined ? undefined : shown.get(run)), 50);
  };
  const listeners = [
    runner.onDidWrite((run) => refresh(shown.has(run) ? run : undefined)),
    runner.onDidChange(() => {
      const node = runner.state.run === null ? undefined : shown.get(runner.state.run);
      if (node) {
        node.state = runner.state;
        changed.fire(node);
      }
      badge();
    }),
  ];

  function badge(): void {
    const failed = [...shown.values()].filter(({ state }) => state.status === "failed").length;
    const count = failed + (runner.running ? 1 : 0);
    const tooltip = runner.running ? vscode.l10n.t("A run is going on") : vscode.l10n.t("{0} failed", failed);
    view.badge = count > 0 ? { value: count, tooltip } : undefined;
  }

  const stateOf = (run: string): Promise<RunState> =>
    runner.running && runner.state.run === run ? Promise.resolve(runner.state) : history.state(run);

  async function runs(): Promise<Node[]> {
    const all = await history.runs();
    void vscode.commands.executeCommand("setContext", "distillery.hasRuns", all.length > 0);
    const page = all.slice(0, pages * pageSize);
    const nodes = await Promise.all(
      page.map(async (entry): Promise<Node> => {
        if ("reason" in entry) return { kind: "damaged", id: `run:${entry.id}`, run: entry.id, reason: entry.reason };
        return { kind: "run", id: `run:${entry.id}`, run: entry.id, file: entry.file, state: await stateOf(entry.id) };
      }),
    );
    shown.clear();
    for (const node of nodes) if (node.kind === "run") shown.set(node.run, node);
    badge();
    return all.length > page.length ? [...nodes, { kind: "more", id: "more", rest: all.length - page.length }] : nodes;
  }

  function cycles(parent: RunNode): CycleNode[] {
    const last = Math.max(1, parent.state.cycle, parent.state.status === "finished" ? parent.file.settings.cycles : 1);
    return Array.from({ length: Math.min(last, parent.file.settings.cycles) }, (_, index) => ({
      kind: "cycle",
      id: `run:${parent.run}/${index + 1}`,
      run: parent.run,
      cycle: index + 1,
      parent,
    }));
  }

  async function stages(parent: CycleNode): Promise<StageNode[]> {
    const entries = await history.checkpoints(parent.run, parent.cycle);
    const { state } = parent.parent;
    const nodes = await Promise.all(
      stageIds.map(async (stage): Promise<StageNode[]> => {
        const live = state.cycle === parent.cycle ? state.stages[stage] : null;
        const entry = entries.find((each) => each.stage === stage) ?? null;
        const stale = entry !== null && (await isStale(parent.run, stage, parent.cycle));
        const facts: StageFacts = { live, entry, stale };
        const base = { run: parent.run, cycle: parent.cycle, stage, facts, parent };
        const id = `run:${parent.run}/${parent.cycle}/${stage}`;
        const node: StageNode = { kind: "stage", id, ...base };
        return stage === "fineTuning" && entry?.state === "ok"
          ? [node, { kind: "adapter", id: `${id}/adapter`, ...base }]
          : [node];
      }),
    );
    return nodes.flat();
  }

  return {
    refresh,
    async children(given) {
      const node = given as Node | undefined;
      if (!node) return runs();
      if (node.kind === "run") return cycles(node);
      return node.kind === "cycle" ? stages(node) : [];
    },
    parent: (node) => ("parent" in node ? (node as StageNode | CycleNode).parent : undefined),
    item(given) {
      const node = given as Node;
      if (node.kind === "run") return runItem(node, label(node.run), adopted() === node.run);
      if (node.kind === "cycle") return cycleItem(node);
      if (node.kind === "damaged") return damagedItem(node.id, node.run, node.reason);
      if (node.kind === "more") return moreItem(node.id, node.rest);
      return stageItem(node);
    },
    resolve: async (item) => item,
    dispose() {
      clearTimeout(timer);
      for (const each of listeners) each.dispose();
    },
  };
}
