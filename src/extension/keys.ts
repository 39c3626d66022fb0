/** The API key: in VS Code's secret storage, one for each origin, never in a file. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as vscode from "vscode";
import { workspaceFolder } from "./place.ts";
import { teacherOrigin } from "./settings.ts";

export interface Keys {
  /** The key for the teacher's origin; a key kept for another origin is never returned. */
  get(origin?: string): Promise<string | null>;
  /** Asks for a key and stores it for one origin, the teacher's by default. Resolves to whether one was stored. */
  ask(origin?: string): Promise<boolean>;
  remove(origin?: string): Promise<void>;
}

const nameOf = (origin: string): string => `distillery.key ${origin}`;

export function createKeys(secrets: vscode.SecretStorage, onChange: () => void): Keys {
  return {
    get: async (origin = teacherOrigin()) => (await secrets.get(nameOf(origin))) ?? null,
    async ask(origin = teacherOrigin()) {
      const { host } = new URL(origin);
      // The teacher's key is not offered to anybody else.
      const name = origin === teacherOrigin() ? "OPENAI_API_KEY" : "JUDGE_API_KEY";
      const offered = await keyFromEnvFile(name);
      if (offered) {
        const use = vscode.l10n.t("Use It for {0}", host);
        const other = vscode.l10n.t("Type Another");
        const chosen = await vscode.window.showInformationMessage(
          vscode.l10n.t(
            "The file .env of this folder holds {0}. Keep it in the secret storage and send it to {1}?",
            name,
            host,
          ),
          { modal: true },
          use,
          other,
        );
        if (chosen === undefined) return false;
        if (chosen === use) return store(offered, origin);
      }
      const typed = await vscode.window.showInputBox({
        title: vscode.l10n.t("API key for {0}", host),
        prompt: vscode.l10n.t("It is kept in VS Code's secret storage and sent to {0} only.", origin),
        password: true,
        ignoreFocusOut: true,
        validateInput: (text) =>
          text.trim() === "" || /\s/.test(text.trim())
            ? vscode.l10n.t("A key has no spaces and is not empty.")
            : undefined,
      });
      return typed === undefined ? false : store(typed.trim(), origin);
    },
    async remove(origin = teacherOrigin()) {
      await secrets.delete(nameOf(origin));
      onChange();
    },
  };

  async function store(key: string, origin: string): Promise<boolean> {
    await secrets.store(nameOf(origin), key);
    onChange();
    return true;
  }
}

/** One key of the workspace's .env. Nothing else of the file is read, and nothing is exported. */
async function keyFromEnvFile(name: "OPENAI_API_KEY" | "JUDGE_API_KEY"): Promise<string | null> {
  const folder = workspaceFolder();
  if (folder === null || !vscode.workspace.isTrusted) return null;
  const text = await readFile(join(folder, ".env"), "utf8").catch(() => "");
  return new RegExp(`^\\s*(?:export\\s+)?${name}\\s*=\\s*["']?([^\\s"'#]+)`, "m").exec(text)?.[1] ?? null;
}
