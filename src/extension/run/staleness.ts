/** Which checkpoints no longer fit the knowledge base: a section they rest on changed or went. */
import { staleSections } from "../../pipeline/stale.ts";
import type { StageId } from "../../protocol/model.ts";
import type { KnowledgeStore } from "../knowledge.ts";
import { knowledgeName } from "../place.ts";
import type { History } from "./history.ts";

export interface Staleness {
  isStale(run: string, stage: StageId, cycle: number): Promise<boolean>;
  forget(): void;
}

export function createStaleness(history: History, knowledge: KnowledgeStore): Staleness {
  const known = new Map<string, Promise<boolean>>();

  async function look(run: string, cycle: number): Promise<boolean> {
    const folder = knowledge.folder();
    const entry = (await history.runs()).find(({ id }) => id === run);
    // A run on another knowledge base says nothing about this one.
    if (!folder || !entry || !("file" in entry) || entry.file.knowledge !== knowledgeName(folder)) return false;
    const now = await knowledge.read();
    const questions = history.output(await history.checkpoints(run, cycle).catch(() => []), cycle, "questions");
    if (!now || !questions) return false;
    return staleSections(questions, now).length > 0;
  }

  return {
    // Every stage rests on the questions, so all of a cycle are stale or none.
    isStale(run, _stage, cycle) {
      const key = `${run}/${cycle}`;
      const found = known.get(key) ?? look(run, cycle);
      known.set(key, found);
      return found;
    },
    forget: () => known.clear(),
  };
}
