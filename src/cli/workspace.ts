/** Where a command finds and keeps its runs. */
import { access, constants, mkdir } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import { UserError } from "../protocol/errors.ts";
import type { RunFile } from "../protocol/run.ts";
import { createCheckpointStore, type FileCheckpointStore } from "../pipeline/adapters/checkpointStore.ts";
import { createKnowledgeFolder } from "../pipeline/adapters/knowledgeFolder.ts";
import { packageFolder } from "../pipeline/adapters/packageFolder.ts";
import type { KnowledgeBase } from "../pipeline/ports.ts";

export interface Workspace {
  /** Absolute. `.distillery` lies in it, and relative knowledge folders start from it. */
  folder: string;
  logFile: string;
  store: FileCheckpointStore;
}

/** The name under which a run remembers the knowledge base that comes along. */
export const bundled = "bundled";

/** `out` is the folder given by `--out`, else the current one. Nothing is written yet. */
export function openWorkspace(out: string | undefined, onNotice: (text: string) => void): Workspace {
  const folder = resolve(out ?? ".");
  const root = join(folder, ".distillery");
  return { folder, logFile: join(root, "distillery.log"), store: createCheckpointStore(root, { onNotice }) };
}

/** @throws UserError E_READ_ONLY when nothing can be written there. */
export async function checkWritable({ folder, store }: Workspace): Promise<void> {
  try {
    await mkdir(store.root, { recursive: true });
    await access(store.root, constants.W_OK);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOSPC") throw new UserError("E_DISK_FULL", `There is no space left for runs in ${folder}.`);
    throw new UserError("E_READ_ONLY", `${folder} cannot be written to (${code ?? "unknown reason"}).`);
  }
}

/** What a run file says about its knowledge base: relative to the workspace, or {@link bundled}. */
export function knowledgeName(workspace: Workspace, given: string | undefined): string {
  if (given === undefined || given === bundled) return bundled;
  return relative(workspace.folder, resolve(given)).split(sep).join("/") || ".";
}

/** The knowledge base under such a name. */
export function knowledgeBase(workspace: Workspace, name: RunFile["knowledge"]): KnowledgeBase {
  return createKnowledgeFolder(name === bundled ? join(packageFolder(), "knowledge") : resolve(workspace.folder, name));
}

/**
 * The run a person means: by its id or the unique start of one; the newest when nothing is given.
 * @throws UserError E_RUN_UNKNOWN
 */
export async function runNamed({ store, folder }: Workspace, given: string | undefined): Promise<string> {
  const ids = (await store.runs()).map(({ id }) => id);
  if (given === undefined) {
    const [newest] = ids;
    if (newest === undefined) throw new UserError("E_RUN_UNKNOWN", `There is no run in ${folder} yet.`);
    return newest;
  }
  if (ids.includes(given)) return given;
  const starting = ids.filter((id) => id.startsWith(given));
  if (starting.length === 1 && starting[0]) return starting[0];
  const why =
    starting.length > 1 ? `stands for ${starting.length} runs: ${starting.join(", ")}` : "is not the name of a run";
  throw new UserError("E_RUN_UNKNOWN", `"${given.slice(0, 80)}" ${why} in ${folder}.`);
}
