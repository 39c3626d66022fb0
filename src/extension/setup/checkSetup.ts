/** The check-up: one line a piece, with the button that repairs it. Starts nothing and sends nothing. */
import { statfs } from "node:fs/promises";
import * as vscode from "vscode";
import { findInterpreter } from "../../pipeline/adapters/interpreter.ts";
import { UserError } from "../../protocol/errors.ts";
import type { AppParts } from "../app.ts";
import type { CommandId } from "../commands/table.ts";
import { requireWorkspace, runsRoot, workspaceFolder } from "../place.ts";
import { configuration } from "../configuration.ts";
import { keyOrigins, teacherOrigin } from "../settings.ts";

export interface Finding {
  name: string;
  ok: boolean;
  text: string;
  fix: CommandId | null;
}

/** All findings, worst first in the order a person would repair them. */
export async function findings({ knowledge, environments, keys, draft, shell }: AppParts): Promise<Finding[]> {
  const environment = await environments.find();
  const found = await knowledge.read();
  const python = environment
    ? null
    : await findInterpreter(workspaceFolder() ?? "/").catch((error: unknown) =>
        error instanceof UserError ? error.message : Promise.reject(error),
      );
  const origin = teacherOrigin();
  const key = (await keys.get(origin)) !== null;
  // The judge's address, where it is another one and a judge is wanted.
  const judge = configuration().get("evaluation.judge", false) ? keyOrigins()[1] : undefined;
  const judgeKey = judge !== undefined && (await keys.get(judge)) !== null;
  const online = draft.get().teacher === "openai";
  const free = await statfs(requireWorkspace()).then(
    ({ bavail, bsize }) => (bavail * bsize) / 1e9,
    () => null,
  );
  return [
    {
      name: vscode.l10n.t("Workspace trust"),
      ok: vscode.workspace.isTrusted,
      text: vscode.workspace.isTrusted ? vscode.l10n.t("trusted") : vscode.l10n.t("Restricted Mode: nothing runs"),
      fix: null,
    },
    {
      name: vscode.l10n.t("Knowledge base"),
      ok: found !== null,
      text: found
        ? vscode.l10n.t(
            "{0} topics, {1} sections, {2} left out",
            found.topics.length,
            found.sections.length,
            found.skipped.length,
          )
        : (knowledge.problem ?? vscode.l10n.t("none yet")),
      fix: found ? null : "distillery.openSample",
    },
    {
      name: vscode.l10n.t("Python environment and embedded models"),
      ok: environment !== null,
      text: environment
        ? environment.root
        : typeof python === "string"
          ? python
          : vscode.l10n.t("not set up; Python {0} was found", python?.version ?? "?"),
      fix: environment ? null : "distillery.setUpEnvironment",
    },
    {
      name: vscode.l10n.t("API key"),
      ok: key || !online,
      text: key
        ? vscode.l10n.t("kept for {0}", origin)
        : online
          ? vscode.l10n.t("missing for {0}", origin)
          : vscode.l10n.t("not needed by the offline teacher"),
      fix: key || !online ? null : "distillery.setApiKey",
    },
    ...(judge === undefined
      ? []
      : [
          {
            name: vscode.l10n.t("API key of the judge"),
            ok: judgeKey,
            text: judgeKey ? vscode.l10n.t("kept for {0}", judge) : vscode.l10n.t("missing for {0}", judge),
            fix: judgeKey ? null : ("distillery.setApiKey" as const),
          },
        ]),
    { name: vscode.l10n.t("Runs"), ok: true, text: await runsRoot(shell.context), fix: null },
    {
      name: vscode.l10n.t("Free disk space"),
      ok: free === null || free > 3,
      text: free === null ? vscode.l10n.t("unknown") : `${free.toFixed(0)} GB`,
      fix: null,
    },
  ];
}

/** Shows the findings; choosing one that is not right repairs it. */
export async function checkSetup(app: AppParts): Promise<void> {
  const found = await findings(app);
  for (const { name, ok, text } of found) app.log.channel.info(`${ok ? "ok" : "missing"}: ${name}: ${text}`);
  const items = found.map(({ name, ok, text, fix }) => ({
    label: `$(${ok ? "pass" : "error"}) ${name}`,
    description: text,
    fix,
    ...(fix ? { detail: vscode.l10n.t("Choose to repair") } : {}),
  }));
  const good = found.every(({ ok }) => ok);
  const picked = await vscode.window.showQuickPick(items, {
    title: good ? vscode.l10n.t("Everything is ready") : vscode.l10n.t("Something is missing"),
  });
  if (picked?.fix) await vscode.commands.executeCommand(picked.fix);
}
