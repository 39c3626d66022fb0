/** A tree that loads its contents with the app: the view can be registered before anything is loaded. */
import type * as vscode from "vscode";

/** An element. `id` is stable, so expansion and selection survive a refresh. */
export interface TreeNode {
  readonly id: string;
}

export interface TreeContents {
  item(node: TreeNode): vscode.TreeItem;
  children(node: TreeNode | undefined): Promise<TreeNode[]>;
  parent(node: TreeNode): TreeNode | undefined;
  resolve(item: vscode.TreeItem, node: TreeNode): Promise<vscode.TreeItem>;
}

export function createLazyTree(
  onDidChangeTreeData: vscode.Event<TreeNode | undefined>,
  contents: () => Promise<TreeContents>,
): vscode.TreeDataProvider<TreeNode> {
  return {
    onDidChangeTreeData,
    getTreeItem: async (node) => (await contents()).item(node),
    getChildren: async (node) => (await contents()).children(node),
    getParent: async (node) => (await contents()).parent(node),
    resolveTreeItem: async (item, node) => (await contents()).resolve(item, node),
  };
}
