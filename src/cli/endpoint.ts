/** The teacher's endpoint: whether it may have the key, and the one client that all requests go through. */
import { findApiKey, requireKey } from "../pipeline/adapters/teacher/apiKey.ts";
import { createOpenaiModel, type OpenaiModel } from "../pipeline/adapters/teacher/openaiModel.ts";
import { UserError } from "../protocol/errors.ts";
import type { RunSettings, TeacherSettings } from "../protocol/run.ts";
import { checkEndpoint, isLocal, rememberEndpoint } from "./knownEndpoints.ts";
import type { Workspace } from "./workspace.ts";

type OnlineTeacher = Extract<TeacherSettings, { kind: "openai" }>;

/**
 * Finds out before anything is started whether the teacher can be reached with the key there is. Only the list of
 * models is asked for: nothing of the knowledge base is sent.
 * @param typed the address was given on this command line, which confirms it.
 * @throws UserError E_NO_KEY, E_AUTH, E_ENDPOINT, E_SETTINGS
 */
export async function checkTeacher(
  { teacher, judge }: RunSettings,
  workspace: Workspace,
  typed: boolean,
  onNotice: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  if (teacher.kind === "offline") {
    if (judge) throw new UserError("E_SETTINGS", "--judge needs a model that judges: add --teacher openai.");
    return;
  }
  if (typed) await rememberEndpoint(teacher.baseUrl);
  else await checkEndpoint(teacher.baseUrl);
  const { notices } = await findApiKey(process.env, workspace.folder);
  notices.forEach(onNotice);
  const model = await connectTeacher(teacher, workspace, onNotice);
  try {
    await model.models(signal);
  } catch (error) {
    // Some servers list no models; what they make of a question is seen when one is asked.
    const decides = error instanceof UserError && ["E_AUTH", "E_ENDPOINT", "E_STOPPED"].includes(error.code);
    if (decides || signal.aborted) throw error;
  }
}

/** @throws UserError E_NO_KEY; a server on this machine may go without one. */
export async function connectTeacher(
  { model, baseUrl }: OnlineTeacher,
  { folder }: Workspace,
  onNotice: (text: string) => void,
): Promise<OpenaiModel> {
  const found = await findApiKey(process.env, folder);
  const apiKey = isLocal(baseUrl) ? found.key : requireKey(found);
  return createOpenaiModel({ model, baseUrl, apiKey, onNotice });
}
