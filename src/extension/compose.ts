/** Wires the adapters for a run or a question, by hand. The counterpart of the CLI's compose file. */
import { dirname, join } from "node:path";
import type * as vscode from "vscode";
import { createEmbedder } from "../pipeline/adapters/embedder.ts";
import type { Environment } from "../pipeline/adapters/environment.ts";
import { createEvaluator } from "../pipeline/adapters/evaluator.ts";
import { packageFolder } from "../pipeline/adapters/packageFolder.ts";
import { createOtherRuns } from "../pipeline/adapters/otherRuns.ts";
import { createStudent } from "../pipeline/adapters/student.ts";
import { adoptedStudent, createStudentInUse } from "../pipeline/adapters/studentInUse.ts";
import { findStudent } from "../pipeline/adapters/studentRegistry.ts";
import { createAccounts, type Accounts } from "../pipeline/adapters/teacher/accounts.ts";
import { createChatTeacher } from "../pipeline/adapters/teacher/chatTeacher.ts";
import { createJudge, isTeacher, judgeOf } from "../pipeline/adapters/teacher/judge.ts";
import { createOfflineTeacher } from "../pipeline/adapters/teacher/offlineTeacher.ts";
import { createOpenaiModel } from "../pipeline/adapters/teacher/openaiModel.ts";
import { checkPrice } from "../pipeline/adapters/teacher/prices.ts";
import { spendingCapOf } from "../pipeline/adapters/teacher/spendingCap.ts";
import { createTrainer } from "../pipeline/adapters/trainer.ts";
import type { RunStore, Student } from "../pipeline/ports.ts";
import type { RunParts } from "../pipeline/run.ts";
import { templates } from "../pipeline/template.ts";
import { UserError } from "../protocol/errors.ts";
import type { Knowledge } from "../protocol/model.ts";
import type { Effort, JudgeModel, RunSettings } from "../protocol/run.ts";
import { workspaceFolder } from "./place.ts";
import { createEditorModel } from "./teacher/editorModel.ts";

interface Composition {
  store: RunStore;
  knowledge: Knowledge;
  environment: Environment;
  /** The key of an address's origin, out of the secret storage. */
  keyFor(baseUrl: string): Promise<string | null>;
  /** Takes what Python and llama.cpp say. */
  logFile: string;
  onNotice(text: string): void;
  /** Called for each endpoint's model before its first request. */
  onConnect(model: JudgeModel): void;
}

/** The name under which checkpoints remember the sentence embedder that comes along. */
const embedderName = "all-MiniLM-L6-v2";

/** Everything a run works with. `close` ends every process that was started. */
export async function composeRun({
  store,
  knowledge,
  environment,
  keyFor,
  logFile,
  onNotice,
  onConnect,
}: Composition): Promise<{ parts: RunParts; close(): Promise<void> }> {
  const { settings } = store.file;
  const place = { python: environment.python, trainerFolder: environment.trainerFolder, logFile };
  const files = await findStudent(settings.student, environment, workspaceFolder() ?? store.folder);
  const student = createStudent({
    gguf: files.gguf,
    id: files.id,
    template: templates[settings.template],
    childFile: childFile(),
    logFile,
  });
  const embedder = createEmbedder({ id: embedderName, folder: environment.embedder, ...place });
  const cap = spendingCapOf(store);
  const accounts = createAccounts(cap, store, onNotice);
  const connect = async (model: ChatModelSettings) => {
    checkPrice(model, settings);
    const key = requireKey(await keyFor(model.baseUrl), model.baseUrl);
    onConnect(model);
    return createChatModel(model, key, onNotice, accounts);
  };
  const endpoint = settings.teacher.kind === "openai" ? await connect(settings.teacher) : null;
  const chat =
    endpoint ?? (settings.teacher.kind === "vscode" ? await createEditorModel(settings.teacher.model, onNotice) : null);
  const teacher = chat ? createChatTeacher(chat, onNotice) : createOfflineTeacher({ student, embedder });
  const judging = judgeOf(settings);
  const shared = judging && endpoint && isTeacher(judging, settings.teacher) ? createJudge(endpoint) : null;
  const judge = shared ?? (judging && createJudge(await connect(judging), true));
  const evaluator = createEvaluator({ embedder: { id: embedderName, folder: environment.embedder }, judge, ...place });
  const trainer = createTrainer({ model: files.model, ...place });
  const root = dirname(dirname(store.folder));
  const studentInUse = createStudentInUse(root, { onNotice });
  const otherRuns = createOtherRuns(root, store.file.id);
  const adopted = settings.arms.includes("adopted") ? await adoptedStudent(root, store.file) : null;
  // The first stage compares questions by their vectors; its imports take seconds.
  embedder.prepare();
  return {
    parts: { store, knowledge, teacher, student, adopted, embedder, evaluator, trainer, studentInUse, otherRuns },
    async close() {
      await Promise.allSettled([student.close(), embedder.close(), evaluator.close(), trainer.close(), cap.kept()]);
    },
  };
}

/** The student alone, for questions of people. It unloads itself when nobody asks for a while. */
export async function composeStudent(
  settings: Pick<RunSettings, "student" | "template">,
  environment: Environment,
  logFile: string,
): Promise<Student> {
  const { gguf, id } = await findStudent(settings.student, environment, workspaceFolder() ?? environment.root);
  // One answer at a time: a person waits for the first word, and a run may be using the other cores.
  return createStudent({
    gguf,
    id,
    template: templates[settings.template],
    childFile: childFile(),
    logFile,
    lanes: 1,
    threads: 1,
    idleMilliseconds: 300_000,
  });
}

type ChatModelSettings = JudgeModel & { effort?: Effort | undefined };

/** The online teacher, or a judge, as a plain model. */
export function createChatModel(
  { model, baseUrl, effort }: ChatModelSettings,
  key: string,
  onNotice: (text: string) => void,
  accounts?: Accounts,
) {
  return createOpenaiModel({ model, baseUrl, effort, apiKey: key, onNotice, ...accounts?.of(baseUrl, key) });
}

export const childFile = (): string => join(packageFolder(), "dist", "studentChild.mjs");

function requireKey(key: string | null, baseUrl: string): string {
  if (key === null) throw new UserError("E_NO_KEY", `There is no API key for ${new URL(baseUrl).origin}.`);
  return key;
}

/** What run.json remembers of the programs a run was made with. */
export function versionsOf(context: vscode.ExtensionContext): Record<string, string> {
  const { version } = context.extension.packageJSON as { version: string };
  return { distillery: version, node: process.versions.node };
}
