/** Where things are for this window: the workspace, its knowledge base, its runs. */
import { existsSync } from "node:fs";
import { access, constants } from "node:fs/promises";
import { isAbsolute, join, relative } from "node:path";
import * as vscode from "vscode";
import { UserError } from "../protocol/errors.ts";
import { packageFolder } from "../pipeline/adapters/packageFolder.ts";

/** Absolute path of the first workspace folder on a disk, or null. */
export function workspaceFolder(): string | null {
  return vscode.workspace.workspaceFolders?.find(({ uri }) => uri.scheme === "file")?.uri.fsPath ?? null;
}

/** @throws UserError E_KNOWLEDGE when no folder is open. */
export function requireWorkspace(): string {
  const folder = workspaceFolder();
  if (folder === null) throw new UserError("E_KNOWLEDGE", vscode.l10n.t("No folder is open in this window."));
  return folder;
}

/** The folder all runs lie under; in the extension's storage where the workspace cannot be written. */
export async function runsRoot(context: vscode.ExtensionContext): Promise<string> {
  const folder = workspaceFolder();
  const own = folder === null ? null : join(folder, ".distillery");
  if (own && (existsSync(own) || (await isWritable(folder)))) return own;
  return (context.storageUri ?? context.globalStorageUri).fsPath;
}

/** Takes what Python and llama.cpp say. */
export const processLog = async (context: vscode.ExtensionContext): Promise<string> =>
  join(await runsRoot(context), "distillery.log");

const isWritable = (folder: string | null): Promise<boolean> =>
  folder === null
    ? Promise.resolve(false)
    : access(folder, constants.W_OK).then(
        () => true,
        () => false,
      );

/** Absolute path of the bundled Kubernetes knowledge base. */
export const sampleFolder = (): string => join(packageFolder(), "knowledge");

/**
 * The knowledge base of this workspace: the one the settings name, else `knowledge/`, else the folder
 * itself when it says so with a distillery.json. Null when there is none yet.
 */
export function knowledgeFolder(): string | null {
  const folder = workspaceFolder();
  if (folder === null) return null;
  const named = vscode.workspace.getConfiguration("distillery").get<string>("knowledge.folder", "").trim();
  if (named) return isAbsolute(named) ? named : join(folder, named);
  if (existsSync(join(folder, "knowledge"))) return join(folder, "knowledge");
  return existsSync(join(folder, "distillery.json")) ? folder : null;
}

/** How run.json names the knowledge base: relative to the workspace, with forward slashes. */
export function knowledgeName(folder: string): string {
  if (folder === sampleFolder()) return "bundled";
  const workspace = workspaceFolder();
  const path = workspace === null ? "" : relative(workspace, folder).split("\\").join("/");
  return path === "" ? "." : path;
}

/** The absolute folder a run's file names. */
export function folderOfName(name: string): string {
  if (name === "bundled") return sampleFolder();
  return isAbsolute(name) ? name : join(requireWorkspace(), name);
}
