/** Names people gave to runs; the run's id and folder stay as they are. */
import type * as vscode from "vscode";

export interface Labels {
  of(run: string): string | undefined;
  set(run: string, label: string): Promise<void>;
}

export function createLabels(memory: vscode.Memento): Labels {
  const all = () => memory.get<Record<string, string>>("labels", {});
  return {
    of: (run) => (Object.hasOwn(all(), run) ? all()[run] : undefined),
    async set(run, label) {
      const { [run]: _, ...rest } = all();
      await memory.update("labels", label === "" ? rest : { ...rest, [run]: label });
    },
  };
}
