/** Where things are in a run, and the check that nothing named in a file leads out of it. */
import { join } from "node:path";
import { UserError } from "../../protocol/errors.ts";
import { stageIds, type StageId } from "../../protocol/model.ts";
import type { FileFacts, FileLayer } from "./fileLayer.ts";

export const runFileName = "run.json";
export const journalName = "journal.jsonl";
export const eventsName = "events.jsonl";
export const reviewName = "review.json";
export const quarantineName = "quarantine";
export const mostCycles = 10;

export const cycleFolder = (cycle: number): string => `cycle-${cycle}`;
export const checkpointPath = (cycle: number, stage: StageId): string => `${cycleFolder(cycle)}/${stage}.json`;
export const adapterPath = (cycle: number): string => `${cycleFolder(cycle)}/adapter`;
export const supersededPath = (cycle: number): string => `${cycleFolder(cycle)}/superseded`;
/** Training checkpoints: large, and only of use to the trainer that wrote them. */
export const trainingPath = (cycle: number): string => `${adapterPath(cycle)}/training`;

/** The cycle a folder name stands for, or null. */
export function cycleOf(folder: string): number | null {
  const match = /^cycle-([1-9]|10)$/.exec(folder);
  return match ? Number(match[1]) : null;
}

/** The stage a file name like "questions.json" stands for, or null. */
export function stageOf(file: string): StageId | null {
  return stageIds.find((stage) => file === `${stage}.json`) ?? null;
}

/** A time as it stands in file names, to the millisecond: "20250131t101500123z". */
export function stampOf(time: Date): string {
  return time.toISOString().replace(/[-:.]/g, "").toLowerCase();
}

const longestPath = 400;
const mostSegments = 16;
// Windows keeps these names for devices, with any ending, and drops dots and spaces at the end of names.
const deviceName = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?$/i;

/** Why a path cannot be one inside a run, or null when it can. Paths in our files use `/` on every system. */
function complaint(path: string): string | null {
  if (path === "" || path.length > longestPath) return "is empty or too long";
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f\\:*?"<>|]/.test(path)) return "holds a character no file of a run has";
  const segments = path.split("/");
  if (segments.length > mostSegments) return "has too many folders";
  for (const segment of segments) {
    if (segment === "" || segment === "." || segment === "..") return "leads out of the run";
    if (/[. ]$/.test(segment) || deviceName.test(segment))
      return "has a name that means something else on some systems";
  }
  return null;
}

function outside(path: string, why: string): UserError {
  return new UserError("E_PATH_OUTSIDE", `${JSON.stringify(path.slice(0, 100))} ${why}.`);
}

/** @throws UserError E_PATH_OUTSIDE unless `path` is a plain relative path. Touches nothing. */
export function checkRelative(path: string): void {
  const why = complaint(path);
  if (why) throw outside(path, why);
}

/**
 * Follows `path` from `folder` on, without following links.
 * @returns the absolute path, and what stands there (null for nothing).
 * @throws UserError E_PATH_OUTSIDE for a path or a link that leads out, and for a file with a second name elsewhere.
 */
export async function inside(
  folder: string,
  path: string,
  files: FileLayer,
): Promise<{ path: string; facts: FileFacts | null }> {
  checkRelative(path);
  let reached = folder;
  let facts: FileFacts | null = null;
  const segments = path.split("/");
  for (const [index, segment] of segments.entries()) {
    reached = join(reached, segment);
    facts = await files.stat(reached);
    if (facts === null) break;
    const last = index === segments.length - 1;
    if (facts.kind === "link") throw outside(path, "is a symbolic link or lies behind one");
    if (facts.kind === "other") throw outside(path, "is neither a file nor a folder");
    if (!last && facts.kind !== "folder") throw outside(path, "lies behind a file");
    if (last && facts.kind === "file" && facts.links > 1)
      throw outside(path, "is a hard link: the same file has another name elsewhere");
  }
  return { path: join(folder, ...segments), facts };
}
