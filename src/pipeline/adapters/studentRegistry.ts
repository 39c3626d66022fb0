/** Which files stand behind a student's name: what is served and what is trained. */
import { basename, join, resolve } from "node:path";
import { UserError } from "../../protocol/errors.ts";
import { convertedFile } from "./convertStudent.ts";
import { isDownloaded } from "./downloadStudent.ts";
import type { Environment } from "./environment.ts";
import { isThere, sha256OfFile } from "./modelFiles.ts";
import { sourceOf, studentFolder } from "./studentCatalogue.ts";

/** The student that comes along: SmolLM2-135M-Instruct, Q4_1. */
export const embeddedStudent = "smollm2-135m";

export interface StudentFiles {
  /** Names the exact weights; part of every fingerprint. */
  id: string;
  /** The GGUF that answers. */
  gguf: string;
  /** What is trained: the same GGUF, or the folder of safetensors it was converted from. */
  model: { gguf: string } | { folder: string };
}

/**
 * `name` is {@link embeddedStudent}, a downloaded student, or the path of a folder with a Hugging Face model
 * as safetensors and its conversion `model.gguf`; a relative path starts from `workspace` and comes before
 * a downloaded `owner/name`.
 * @throws UserError E_SETTINGS for an unknown name, E_MODEL_FILE for a folder that lacks a file.
 */
export async function findStudent(name: string, environment: Environment, workspace: string): Promise<StudentFiles> {
  if (name === embeddedStudent)
    return { id: embeddedStudent, gguf: environment.embeddedStudent, model: { gguf: environment.embeddedStudent } };
  const source = sourceOf(name);
  const given = resolve(workspace, name);
  const isPath = /[./\\]/.test(name);
  if (source && !(isPath && (await isThere(given)))) {
    const downloaded = studentFolder(source);
    if (!(await isDownloaded(downloaded)) || !(await isThere(join(downloaded, convertedFile))))
      throw new UserError(
        "E_SETTINGS",
        `${name} is not here yet: \`distillery download ${name}\`, or “Download Student Model” in the editor, fetches it.`,
      );
    return filesIn(downloaded);
  }
  if (!isPath)
    throw new UserError(
      "E_SETTINGS",
      `There is no student "${name}". Use ${embeddedStudent}, phi-2, owner/name of a downloaded one, or the path of a model folder.`,
    );
  return filesIn(given);
}

async function filesIn(folder: string): Promise<StudentFiles> {
  const gguf = join(folder, convertedFile);
  // Large models come in several files with an index.
  const weights = (await isThere(join(folder, "model.safetensors.index.json")))
    ? "model.safetensors.index.json"
    : "model.safetensors";
  for (const file of [convertedFile, weights, "config.json", "tokenizer.json"])
    if (!(await isThere(join(folder, file))))
      throw new UserError("E_MODEL_FILE", `The student's folder ${folder} has no ${file}.`);
  const hash = await sha256OfFile(gguf);
  return { id: `${basename(folder)}-${hash.slice(0, 12)}`, gguf, model: { folder } };
}
