/** The endpoints of teacher and judge: whether each may have a key, and the clients that all requests go through. */
import { endingNotice, endingOf } from "../pipeline/adapters/teacher/ending.ts";
import type { ListedModel } from "../pipeline/adapters/teacher/replies.ts";
import type { Accounts } from "../pipeline/adapters/teacher/accounts.ts";
import { findApiKey, requireKey } from "../pipeline/adapters/teacher/apiKey.ts";
import { isLocal } from "../pipeline/adapters/origins.ts";
import { termsNotice, termsTold } from "../pipeline/adapters/teacher/terms.ts";
import type { Judge } from "../pipeline/adapters/evaluator.ts";
import { createJudge, isTeacher, judgeOf, sharesKey } from "../pipeline/adapters/teacher/judge.ts";
import { checkPrice } from "../pipeline/adapters/teacher/prices.ts";
import { createOpenaiModel, type OpenaiModel } from "../pipeline/adapters/teacher/openaiModel.ts";
import { UserError } from "../protocol/errors.ts";
import type { JudgeModel, RunSettings, TeacherSettings } from "../protocol/run.ts";
import { checkEndpoint, isUsual, rememberEndpoint } from "./knownEndpoints.ts";
import type { Workspace } from "./workspace.ts";

type OnlineTeacher = Extract<TeacherSettings, { kind: "openai" }>;

/** The name of a key for a judge whose address is not the teacher's. */
const judgeKeyName = "JUDGE_API_KEY";

/** Which addresses were given on this command line; that confirms them. */
export interface Typed {
  teacher: boolean;
  judge: boolean;
}

/**
 * Finds out before anything is started whether teacher and judge can be reached with the keys there are. Only the
 * lists of models are asked for: nothing of the knowledge base is sent.
 * @throws UserError E_NO_KEY, E_AUTH, E_ENDPOINT, E_SETTINGS, E_EDITOR_MODEL
 */
export async function checkEndpoints(
  settings: RunSettings,
  workspace: Workspace,
  typed: Typed,
  onNotice: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const { teacher, judge } = settings;
  if (teacher.kind === "vscode")
    throw new UserError("E_EDITOR_MODEL", "The teacher is a model of VS Code, which only the editor can ask.");
  const judging = judgeOf(settings);
  if (judge && !judging)
    throw new UserError(
      "E_SETTINGS",
      "--judge needs a model that judges: add --teacher openai, or name one with --judge-model and --judge-url.",
    );
  for (const model of [teacher.kind === "openai" ? teacher : null, judging]) if (model) checkPrice(model, settings);
  if (teacher.kind === "openai") {
    if (typed.teacher) await rememberEndpoint(teacher.baseUrl);
    else await checkEndpoint(teacher.baseUrl, "--base-url");
  }
  if (judging && typed.judge) await rememberEndpoint(judging.baseUrl);
  else if (judging) await checkEndpoint(judging.baseUrl, "--judge-url");
  if (teacher.kind === "openai" || judging) {
    const { notices } = await findApiKey(process.env, workspace.folder);
    notices.forEach(onNotice);
  }
  const reach = async (named: JudgeModel, flag: string, model: OpenaiModel) => {
    const ending = endingOf(await listedModels(model, signal), named);
    if (ending) onNotice(endingNotice(ending, flag));
  };
  if (teacher.kind === "openai") await tellTerms(teacher.baseUrl, onNotice);
  if (teacher.kind === "openai") await reach(teacher, "--model", await connectTeacher(teacher, workspace, onNotice));
  if (judging && !isTeacher(judging, teacher))
    await reach(judging, "--judge-model", await connectJudge(judging, teacher, workspace, onNotice));
}

async function tellTerms(baseUrl: string, onNotice: (text: string) => void): Promise<void> {
  const notice = await termsNotice(baseUrl);
  if (!notice) return;
  onNotice(notice);
  await termsTold(baseUrl);
}

async function listedModels(model: OpenaiModel, signal: AbortSignal): Promise<ListedModel[]> {
  try {
    return await model.models(signal);
  } catch (error) {
    // Some servers list no models; what they make of a question is seen when one is asked.
    const decides = error instanceof UserError && ["E_AUTH", "E_ENDPOINT", "E_STOPPED"].includes(error.code);
    if (decides || signal.aborted) throw error;
    return [];
  }
}

/** @throws UserError E_NO_KEY; a server on this machine may go without one. */
export async function connectTeacher(
  { model, baseUrl, effort }: OnlineTeacher,
  { folder }: Workspace,
  onNotice: (text: string) => void,
  accounts?: Accounts,
): Promise<OpenaiModel> {
  const found = await findApiKey(process.env, folder);
  const apiKey = isLocal(baseUrl) ? found.key : requireKey(found);
  return createOpenaiModel({ model, baseUrl, effort, apiKey, onNotice, ...accounts?.of(baseUrl, apiKey) });
}

/**
 * The teacher's key goes to the teacher's origin alone: a judge elsewhere has a key under a name of its own. Where
 * the offline teacher leaves OPENAI_API_KEY to nobody, it serves the address it is named after.
 * @throws UserError E_NO_KEY; a server on this machine may go without one.
 */
async function connectJudge(
  judging: JudgeModel,
  teacher: TeacherSettings,
  { folder }: Workspace,
  onNotice: (text: string) => void,
  accounts?: Accounts,
): Promise<OpenaiModel> {
  const { model, baseUrl } = judging;
  const own = await findApiKey(process.env, folder, judgeKeyName);
  const shared = sharesKey(judging, teacher) || (teacher.kind === "offline" && isUsual(baseUrl));
  const found = own.key === null && shared ? await findApiKey(process.env, folder) : own;
  const apiKey = isLocal(baseUrl) ? found.key : requireKey(found, shared ? undefined : judgeKeyName);
  return createOpenaiModel({ model, baseUrl, apiKey, onNotice, ...accounts?.of(baseUrl, apiKey) });
}

/** The judge of a run; the teacher's client where the teacher judges. Null when nobody does. */
export async function composeJudge(
  settings: RunSettings,
  teacher: OpenaiModel | null,
  workspace: Workspace,
  onNotice: (text: string) => void,
  accounts?: Accounts,
): Promise<Judge | null> {
  const judging = judgeOf(settings);
  if (!judging) return null;
  if (teacher && isTeacher(judging, settings.teacher)) return createJudge(teacher);
  return createJudge(await connectJudge(judging, settings.teacher, workspace, onNotice, accounts), true);
}
