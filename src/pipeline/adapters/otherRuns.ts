/** What other runs of the workspace got from their teachers, to be used again instead of paid for again. */
import { join } from "node:path";
import { idSchema } from "../../protocol/model.ts";
import type { OtherRuns } from "../ports.ts";
import { nodeFiles, type FileLayer } from "./fileLayer.ts";
import { loadJournal } from "./journal.ts";
import { runsName } from "./checkpointStore.ts";
import { isItem } from "./runStore.ts";

/**
 * Reads the journals of all other runs at the first question, and nothing of them later.
 * @param root of the workspace's store
 * @param run whose own items are not meant
 */
export function createOtherRuns(root: string, run: string, files: FileLayer = nodeFiles): OtherRuns {
  let reading: Promise<Map<string, unknown>> | null = null;

  async function read(): Promise<Map<string, unknown>> {
    const found = new Map<string, unknown>();
    const names = await files.readdir(join(root, runsName)).catch(() => []);
    for (const id of names.filter((name) => name !== run && idSchema.safeParse(name).success)) {
      // What does not verify is left out; setting it aside is for whoever opens that run.
      const journal = await loadJournal(join(root, runsName, id), id, files).catch(() => null);
      for (const record of journal?.records ?? [])
        if (isItem(record) && (record.stage === "questions" || record.stage === "references"))
          found.set(record.key, record.value);
    }
    return found;
  }

  return { item: async (key) => (await (reading ??= read())).get(key) };
}
