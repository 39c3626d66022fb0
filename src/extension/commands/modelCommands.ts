/** Models: which one of VS Code teaches, fetching a student to train, and taking a tuned one elsewhere. */
import { join } from "node:path";
import * as vscode from "vscode";
import type { AppParts } from "../app.ts";
import { readyStudent } from "../../pipeline/adapters/convertStudent.ts";
import { exportKinds, exportStudent, type ExportKind } from "../../pipeline/adapters/exportStudent.ts";
import { readableBytes } from "../../pipeline/adapters/storageError.ts";
import { downloadable, namedStudents, sourceOf } from "../../pipeline/adapters/studentCatalogue.ts";
import { embeddedStudent, findStudent } from "../../pipeline/adapters/studentRegistry.ts";
import { checkBase, tunedOfRun } from "../../pipeline/adapters/tunedStudents.ts";
import { childFile } from "../compose.ts";
import { UserError } from "../../protocol/errors.ts";
import { configuration } from "../configuration.ts";
import { processLog, workspaceFolder } from "../place.ts";
import { editorModels, nameOfModel } from "../teacher/editorModel.ts";
import { pickRun } from "./pickRun.ts";
import { inform, plain } from "../inform.ts";

interface Working {
  signal: AbortSignal;
  say(text: string): void;
}

export function modelCommands(app: AppParts) {
  const { environments, history, log, shell } = app;

  /** A notification with progress and cancel; what is said goes to the log as well. */
  function withNotification<T>(title: string, work: (working: Working) => Promise<T>): Thenable<T> {
    const where = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
    return vscode.window.withProgress(where, async (progress, token) => {
      const abort = new AbortController();
      token.onCancellationRequested(() => abort.abort());
      try {
        return await work({ signal: abort.signal, say: (message) => progress.report({ message: plain(message) }) });
      } catch (error) {
        // Whoever cancelled needs no message.
        throw abort.signal.aborted ? new vscode.CancellationError() : error;
      }
    });
  }

  async function useForRuns(name: string): Promise<void> {
    await configuration().update("student.model", name, vscode.ConfigurationTarget.Global);
    vscode.window.setStatusBarMessage(vscode.l10n.t("The next run trains {0}.", name), 5000);
  }

  return {
    "distillery.chooseEditorModel": async () => {
      const models = await editorModels();
      if (models.length === 0)
        throw new UserError(
          "E_EDITOR_MODEL",
          vscode.l10n.t("VS Code offers no language model besides Distillery's own students."),
        );
      const items = models.map((model) => ({ label: model.name, description: nameOfModel(model) }));
      const picked = await vscode.window.showQuickPick(items, {
        title: vscode.l10n.t("Which model of VS Code is to teach? VS Code asks for your consent at its first use."),
      });
      if (!picked) return;
      const target =
        workspaceFolder() === null ? vscode.ConfigurationTarget.Global : vscode.ConfigurationTarget.Workspace;
      await configuration().update("teacher.editorModel", picked.description, target);
      app.draft.set({ ...app.draft.get(), teacher: "vscode" });
    },
    "distillery.useSuccessor": () => app.endings.useSuccessor(),
    "distillery.downloadStudent": async () => {
      const name = await pickStudent();
      if (name === undefined) return;
      if (name === embeddedStudent) {
        await environments.ready();
        return useForRuns(name);
      }
      const source = downloadable(name);
      const environment = await environments.ready();
      const place = { ...environment, logFile: await processLog(shell.context) };
      await withNotification(vscode.l10n.t("Distillery: fetching {0}", name), ({ signal, say }) =>
        readyStudent(source, {
          place,
          signal,
          onNotice(text) {
            log.channel.info(text);
            say(text);
          },
          onProgress: (done, total) => say(vscode.l10n.t("{0} of {1}", readableBytes(done), readableBytes(total))),
          onConverting: (done, total) => say(vscode.l10n.t("converting, {0} of {1} tensors", done, total)),
        }),
      );
      const use = vscode.l10n.t("Train It Next");
      const text = vscode.l10n.t("{0} is ready on this machine; no connection is needed to use it.", name);
      if ((await inform(text, use)) === use) await useForRuns(name);
    },
    "distillery.exportAdapter": async (argument: unknown) => {
      const run = await pickRun(app, argument, vscode.l10n.t("Export the tuned student of which run?"));
      const { student, questions } = await tunedOfRun(await history.store(), run);
      const kinds = await pickKinds();
      if (kinds.length === 0) return;
      const [folder] =
        (await vscode.window.showOpenDialog({
          canSelectFolders: true,
          canSelectFiles: false,
          openLabel: vscode.l10n.t("Export Here"),
        })) ?? [];
      if (!folder) return;
      const target = join(folder.fsPath, `${run}-cycle-${student.cycle}-export`);
      const environment = await environments.ready();
      const { gguf, id } = await findStudent(student.settings.student, environment, workspaceFolder() ?? target);
      checkBase(student, id);
      const place = { ...environment, logFile: await processLog(shell.context) };
      const proofs = await withNotification(vscode.l10n.t("Distillery: exporting"), ({ signal, say }) =>
        exportStudent({
          ...{ student, questions, gguf, kinds, target, place, signal },
          childFile: childFile(),
          onProgress: say,
        }),
      );
      const proved = proofs.map(({ as, equal, asked }) => vscode.l10n.t("{0} {1} of {2}", as, equal, asked)).join(", ");
      const reveal = vscode.l10n.t("Show Files");
      const text = vscode.l10n.t("Exported. Answers alike to the served student's: {0}; proof.json has them.", proved);
      if ((await inform(text, reveal)) === reveal)
        await vscode.commands.executeCommand("revealFileInOS", vscode.Uri.file(join(target, "proof.json")));
    },
  };
}

/** A name the catalogue knows, or any `owner/name`. */
async function pickStudent(): Promise<string | undefined> {
  const other = vscode.l10n.t("Another model…");
  const items = [
    { label: embeddedStudent, description: vscode.l10n.t("comes along; quick on any machine") },
    ...namedStudents.map(({ name, about }) => ({ label: name, description: about })),
    { label: other, description: vscode.l10n.t("owner/name of a llama or phi model on the hub, with safetensors") },
  ];
  const picked = await vscode.window.showQuickPick(items, { title: vscode.l10n.t("Which student is to be here?") });
  if (picked?.label !== other) return picked?.label;
  const name = await vscode.window.showInputBox({
    title: vscode.l10n.t("Model on the hub"),
    placeHolder: "HuggingFaceTB/SmolLM2-360M-Instruct",
    validateInput: (text) =>
      sourceOf(text.trim()) ? undefined : vscode.l10n.t("A name has the form owner/name, with one slash."),
  });
  return name?.trim();
}

async function pickKinds(): Promise<readonly ExportKind[]> {
  const about: Record<ExportKind, string> = {
    peft: vscode.l10n.t("the adapter as safetensors, for transformers and PEFT"),
    gguf: vscode.l10n.t("the adapter as GGUF, for llama.cpp beside the base model"),
    merged: vscode.l10n.t("base and adapter in one GGUF"),
    ollama: vscode.l10n.t("Modelfile with base and adapter, for Ollama"),
  };
  const items = exportKinds.map((kind) => ({
    label: kind,
    description: about[kind],
    picked: kind === "peft" || kind === "gguf",
  }));
  const picked = await vscode.window.showQuickPick(items, {
    title: vscode.l10n.t("Export as what? Each is proved by ten answers."),
    canPickMany: true,
  });
  return picked?.map(({ label }) => label) ?? [];
}
