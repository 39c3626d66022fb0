/** The address a checkpoint has in the tree; its decoration goes by it. */
import * as vscode from "vscode";
import { stageIds, type StageId } from "../protocol/model.ts";

const scheme = "distillery-checkpoint";

export const checkpointUri = (run: string, cycle: number, stage: StageId): vscode.Uri =>
  vscode.Uri.from({ scheme, path: `/${run}/cycle-${cycle}/${stage}.json` });

/** What a checkpoint's address or file names, or null. */
export function checkpointOf(uri: vscode.Uri): { run: string; cycle: number; stage: StageId } | null {
  const match = /\/([a-z0-9-]{1,64})\/cycle-(\d{1,2})\/([A-Za-z]+)\.json$/.exec(uri.path);
  const stage = stageIds.find((id) => id === match?.[3]);
  return match && stage ? { run: match[1]!, cycle: Number(match[2]), stage } : null;
}
