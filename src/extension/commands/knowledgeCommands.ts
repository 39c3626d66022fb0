/** The knowledge base: choosing one, making one, and what of it the next run uses. */
import * as vscode from "vscode";
import type { AppParts } from "../app.ts";
import { UserError } from "../../protocol/errors.ts";
import { showSection } from "../trees/knowledgeTree.ts";

export function knowledgeCommands({ knowledge, draft }: AppParts) {
  return {
    "distillery.chooseTopics": async () => {
      const found = await knowledge.read();
      if (!found)
        throw new UserError("E_KNOWLEDGE", knowledge.problem ?? vscode.l10n.t("There is no knowledge base yet."));
      const chosen = draft.get().topics;
      const items = found.topics.map((label) => ({
        label,
        description: vscode.l10n.t("{0} sections", found.sections.filter(({ topic }) => topic === label).length),
        picked: chosen.length === 0 || chosen.includes(label),
      }));
      const picked = await vscode.window.showQuickPick(items, {
        canPickMany: true,
        title: vscode.l10n.t("Topics of the next run"),
      });
      if (!picked) return;
      const all = picked.length === items.length || picked.length === 0;
      draft.set({ ...draft.get(), topics: all ? [] : picked.map(({ label }) => label) });
    },
    "distillery.useThisFolder": () => knowledge.useThisFolder(),
    "distillery.openSample": () => knowledge.openSample(),
    "distillery.newKnowledge": () => knowledge.create(),
    "distillery.openSection": async (id: unknown) => {
      const section = typeof id === "string" ? await knowledge.section(id) : null;
      const folder = knowledge.folder();
      if (section && folder) await showSection(section, folder);
    },
  };
}
