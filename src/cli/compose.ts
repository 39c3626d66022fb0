/** Wires the adapters for one run, by hand. */
import { createEmbedder } from "../pipeline/adapters/embedder.ts";
import type { Environment } from "../pipeline/adapters/environment.ts";
import { createEvaluator } from "../pipeline/adapters/evaluator.ts";
import { createOtherRuns } from "../pipeline/adapters/otherRuns.ts";
import { createStudent, type LocalStudent } from "../pipeline/adapters/student.ts";
import { adoptedStudent, createStudentInUse } from "../pipeline/adapters/studentInUse.ts";
import { findStudent, type StudentFiles } from "../pipeline/adapters/studentRegistry.ts";
import { createAccounts } from "../pipeline/adapters/teacher/accounts.ts";
import { createChatTeacher } from "../pipeline/adapters/teacher/chatTeacher.ts";
import { createOfflineTeacher } from "../pipeline/adapters/teacher/offlineTeacher.ts";
import { spendingCapOf } from "../pipeline/adapters/teacher/spendingCap.ts";
import { createJobLog } from "../pipeline/adapters/jobLog.ts";
import { createTrainer } from "../pipeline/adapters/trainer.ts";
import type { RunStore } from "../pipeline/ports.ts";
import type { RunParts } from "../pipeline/run.ts";
import { templates } from "../pipeline/template.ts";
import type { Knowledge } from "../protocol/model.ts";
import type { RunSettings } from "../protocol/run.ts";
import { composeJudge, connectTeacher } from "./endpoint.ts";
import type { Workspace } from "./workspace.ts";

interface Composition {
  store: RunStore;
  knowledge: Knowledge;
  environment: Environment;
  studentFiles: StudentFiles;
  workspace: Workspace;
  onNotice: (text: string) => void;
}

/** The name under which checkpoints remember the sentence embedder that comes along. */
const embedderName = "all-MiniLM-L6-v2";

/** Everything a run works with. `close` ends every process that was started. */
export async function composeParts({
  store,
  knowledge,
  environment,
  studentFiles,
  workspace,
  onNotice,
}: Composition): Promise<RunParts & { close(): Promise<void> }> {
  const { settings } = store.file;
  const place = { python: environment.python, trainerFolder: environment.trainerFolder, logFile: workspace.logFile };
  const log = createJobLog(workspace.logFile);
  const student = studentOf(studentFiles, settings, workspace);
  const embedder = createEmbedder({ id: embedderName, folder: environment.embedder, ...place });
  const cap = spendingCapOf(store);
  const accounts = createAccounts(cap, store, onNotice);
  const endpoint =
    settings.teacher.kind === "openai" ? await connectTeacher(settings.teacher, workspace, onNotice, accounts) : null;
  const teacher = endpoint
    ? createChatTeacher(endpoint, (text) => void log.write(`${text}\n`))
    : createOfflineTeacher({ student, embedder });
  const evaluator = createEvaluator({
    embedder: { id: embedderName, folder: environment.embedder },
    judge: await composeJudge(settings, endpoint, workspace, onNotice, accounts),
    ...place,
  });
  const trainer = createTrainer({ model: studentFiles.model, ...place });
  // The first stage compares questions by their vectors; the imports for that take seconds.
  // By name alone: a checkpoint that does not verify is told and set aside by the stage that needs it.
  const names = await workspace.store.names(store.file.id);
  if (!names.some(({ cycle, stage }) => cycle === settings.cycles && stage === "questions")) embedder.prepare();
  return {
    store,
    knowledge,
    teacher,
    student,
    adopted: settings.arms.includes("adopted") ? await adoptedStudent(workspace.store.root, store.file) : null,
    embedder,
    evaluator,
    trainer,
    studentInUse: createStudentInUse(workspace.store.root, { onNotice }),
    otherRuns: createOtherRuns(workspace.store.root, store.file.id),
    async close() {
      await Promise.allSettled([student.close(), embedder.close(), evaluator.close(), trainer.close(), cap.kept()]);
    },
  };
}

/** The student alone, for `ask`. */
export async function composeStudent(
  settings: Pick<RunSettings, "student" | "template">,
  environment: Environment,
  workspace: Workspace,
): Promise<LocalStudent> {
  return studentOf(await findStudent(settings.student, environment, workspace.folder), settings, workspace);
}

function studentOf(
  { gguf, id }: { gguf: string; id: string },
  settings: Pick<RunSettings, "template">,
  { logFile }: Workspace,
): LocalStudent {
  return createStudent({ gguf, id, template: templates[settings.template], logFile });
}
