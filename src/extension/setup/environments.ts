/** The Python environment as the editor sees it: found, or set up with progress, log and cancel. */
import * as vscode from "vscode";
import { findEnvironment, readyEnvironment, type Environment } from "../../pipeline/adapters/environment.ts";
import { UserError } from "../../protocol/errors.ts";
import type { Log } from "../log.ts";
import { workspaceFolder } from "../place.ts";
import { plain } from "../inform.ts";

export interface Environments {
  readonly status: "ready" | "missing" | "installing";
  /** The last line of progress. */
  readonly note: string;
  /** Looks without starting anything. */
  find(): Promise<Environment | null>;
  /** The environment; asks whether to set it up when it is missing. @throws UserError E_PY_ENV when the answer is no. */
  ready(signal?: AbortSignal): Promise<Environment>;
  /** Sets it up, afresh with `repair`. */
  setUp(repair: boolean, signal?: AbortSignal): Promise<Environment>;
}

/** The sizes come before the question, as nobody should be surprised by a gigabyte. */
const question = vscode.l10n.t(
  "Distillery needs a Python environment for training and scoring: about 0.7 GB of downloads and 1.8 GB of disk (with an NVIDIA GPU about 3.5 GB and 8 GB). It holds PyTorch, the trainer's packages and the two embedded models, and stays apart from your own Python.",
);

export function createEnvironments(log: Log, onChange: () => void): Environments {
  let status: Environments["status"] = "missing";
  let note = "";
  const show = (next: Environments["status"], text = "") => {
    status = next;
    note = text;
    void vscode.commands.executeCommand("setContext", "distillery.environment", next);
    onChange();
  };
  const workspace = () => workspaceFolder() ?? undefined;
  const options = () => (workspace() === undefined ? {} : { workspace: workspace()! });

  async function find(): Promise<Environment | null> {
    const found = await findEnvironment(options());
    if (status !== "installing" && status !== (found ? "ready" : "missing")) show(found ? "ready" : "missing");
    return found;
  }

  function setUp(repair: boolean, outer?: AbortSignal): Promise<Environment> {
    if (!vscode.workspace.isTrusted)
      return Promise.reject(
        new UserError("E_PY_ENV", vscode.l10n.t("This folder is in Restricted Mode, where nothing is installed.")),
      );
    show("installing");
    const title = repair
      ? vscode.l10n.t("Distillery: repairing the Python environment")
      : vscode.l10n.t("Distillery: setting up the Python environment");
    const where = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
    return Promise.resolve(
      vscode.window.withProgress(where, async (progress, token) => {
        const abort = new AbortController();
        token.onCancellationRequested(() => abort.abort());
        const signal = outer ? AbortSignal.any([outer, abort.signal]) : abort.signal;
        const onProgress = (text: string) => {
          log.channel.info(text);
          progress.report({ message: plain(text.trim()) });
          show("installing", text.trim());
        };
        try {
          const environment = await readyEnvironment({ ...options(), repair, signal, onProgress });
          show("ready");
          return environment;
        } catch (error) {
          // A repair that failed may have left what was there before.
          show("missing");
          await find();
          throw error;
        }
      }),
    );
  }

  return {
    get status() {
      return status;
    },
    get note() {
      return note;
    },
    find,
    setUp,
    async ready(signal) {
      const found = await find();
      if (found) return found;
      const yes = vscode.l10n.t("Set Up Now");
      const chosen = await vscode.window.showInformationMessage(question, { modal: true }, yes);
      if (chosen !== yes) throw new UserError("E_PY_ENV", vscode.l10n.t("The Python environment is not set up."));
      return setUp(false, signal);
    },
  };
}
