/** Topics with a tick for the next run, and their sections. */
import { join } from "node:path";
import * as vscode from "vscode";
import type { Section } from "../../protocol/model.ts";
import type { DraftStore } from "../draft.ts";
import type { Shell } from "../extension.ts";
import type { KnowledgeStore } from "../knowledge.ts";
import type { TreeContents, TreeNode } from "./lazyTree.ts";

interface TopicNode extends TreeNode {
  kind: "topic";
  title: string;
  sections: Section[];
}
interface SectionNode extends TreeNode {
  kind: "section";
  section: Section;
  parent: TopicNode;
}
type Node = TopicNode | SectionNode;

export function createKnowledgeTree(
  shell: Shell,
  knowledge: KnowledgeStore,
  draft: DraftStore,
): TreeContents & vscode.Disposable {
  const { view, changed } = shell.knowledge;
  const refresh = () => changed.fire(undefined);
  let topics: TopicNode[] = [];

  const listeners = [
    knowledge.onDidChange(refresh),
    draft.onDidChange(refresh),
    view.onDidChangeCheckboxState(({ items }) => {
      const ticked = new Set(topics.filter(({ title }) => isTicked(title)).map(({ title }) => title));
      for (const [node, state] of items as [Node, vscode.TreeItemCheckboxState][]) {
        if (node.kind !== "topic") continue;
        if (state === vscode.TreeItemCheckboxState.Checked) ticked.add(node.title);
        else ticked.delete(node.title);
      }
      // None ticked cannot be run; all ticked is how a draft says "all".
      const all = ticked.size === topics.length || ticked.size === 0;
      draft.set({
        ...draft.get(),
        topics: all ? [] : topics.map(({ title }) => title).filter((title) => ticked.has(title)),
      });
    }),
  ];
  const isTicked = (title: string): boolean => {
    const chosen = draft.get().topics;
    return chosen.length === 0 || chosen.includes(title);
  };

  async function load(): Promise<TopicNode[]> {
    const found = await knowledge.read();
    const byTopic = Map.groupBy(found?.sections ?? [], ({ topic }) => topic);
    topics = [...byTopic].map(([title, sections]) => ({ kind: "topic", id: `topic:${title}`, title, sections }));
    const chosen = topics.filter(({ title }) => isTicked(title)).length;
    view.description = found ? vscode.l10n.t("{0} of {1} topics", chosen, topics.length) : "";
    view.message = knowledge.problem ?? undefined!;
    return topics;
  }

  return {
    async children(node) {
      if (!node) return load();
      const given = node as Node;
      if (given.kind === "section") return [];
      return given.sections.map((section): SectionNode => ({
        kind: "section",
        id: `section:${section.id}`,
        section,
        parent: given,
      }));
    },
    parent: (node) => ((node as Node).kind === "section" ? (node as SectionNode).parent : undefined),
    item(node) {
      const given = node as Node;
      return given.kind === "topic" ? topicItem(given, isTicked(given.title)) : sectionItem(given, knowledge.folder());
    },
    resolve: async (item) => item,
    dispose: () => listeners.forEach((each) => each.dispose()),
  };
}

function topicItem({ id, title, sections }: TopicNode, ticked: boolean): vscode.TreeItem {
  const item = new vscode.TreeItem(title, vscode.TreeItemCollapsibleState.Collapsed);
  const { Checked, Unchecked } = vscode.TreeItemCheckboxState;
  item.id = id;
  item.description = vscode.l10n.t("{0} sections", sections.length);
  item.contextValue = "topic";
  item.checkboxState = {
    state: ticked ? Checked : Unchecked,
    tooltip: ticked ? vscode.l10n.t("Part of the next run") : vscode.l10n.t("Not part of the next run"),
    accessibilityInformation: {
      label: vscode.l10n.t("{0}, {1} sections, in the next run", title, sections.length),
      role: "checkbox",
    },
  };
  return item;
}

function sectionItem({ id, section }: SectionNode, folder: string | null): vscode.TreeItem {
  const item = new vscode.TreeItem(section.heading, vscode.TreeItemCollapsibleState.None);
  item.id = id;
  item.iconPath = new vscode.ThemeIcon("symbol-string");
  item.description = vscode.l10n.t("{0} words", section.text.split(/\s+/).length);
  item.tooltip = `${section.file}:${section.firstLine}\n\n${section.text.slice(0, 300)}`;
  item.contextValue = "section";
  if (folder)
    item.command = { command: "distillery.openSection", title: vscode.l10n.t("Open Section"), arguments: [section.id] };
  return item;
}

/** Shows a section in the editor, its first line in view and its lines selected. */
export async function showSection(section: Section, folder: string, column?: vscode.ViewColumn): Promise<void> {
  const selection = new vscode.Range(section.firstLine - 1, 0, section.lastLine - 1, 1_000);
  const options: vscode.TextDocumentShowOptions = { selection, preview: true };
  await vscode.window.showTextDocument(
    vscode.Uri.file(join(folder, section.file)),
    column === undefined ? options : { ...options, viewColumn: column },
  );
}
