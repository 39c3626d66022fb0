/** Pages made by Distillery that are not files: read-only, shown as Markdown. */
import * as vscode from "vscode";

export interface Texts {
  /** The address under which the page can be opened. */
  show(name: string, text: string): vscode.Uri;
}

const scheme = "distillery-text";

export function createTexts(): Texts & vscode.Disposable {
  const pages = new Map<string, string>();
  const changed = new vscode.EventEmitter<vscode.Uri>();
  const provider = vscode.workspace.registerTextDocumentContentProvider(scheme, {
    onDidChange: changed.event,
    provideTextDocumentContent: ({ path }) => pages.get(path) ?? "",
  });
  return {
    show(name, text) {
      const uri = vscode.Uri.from({ scheme, path: `/${name}` });
      pages.set(uri.path, text);
      changed.fire(uri);
      return uri;
    },
    dispose() {
      provider.dispose();
      changed.dispose();
    },
  };
}
