/** Makes a student ready for a run: downloaded, and its weights converted into the GGUF that answers. */
import { join } from "node:path";
import { z } from "zod";
import { downloadStudent, type DownloadOptions } from "./downloadStudent.ts";
import { withFolderLock } from "./folderLock.ts";
import { isThere } from "./modelFiles.ts";
import type { PythonPlace } from "./pythonJob.ts";
import { readableBytes } from "./storageError.ts";
import type { StudentSource } from "./studentCatalogue.ts";
import { runWholeJob } from "./wholeJob.ts";

/** Beside the weights it was made from. */
export const convertedFile = "model.gguf";

const resultSchema = z.strictObject({ kind: z.string(), bytes: z.number(), parameters: z.number() });

/**
 * The folder of a student that a run can use. Whatever is there already is kept: files, parts of files, the conversion.
 * @throws UserError as {@link downloadStudent}; E_STUDENT_UNSUITABLE, E_PY_ENV, E_STOPPED
 */
export async function readyStudent(
  source: StudentSource,
  options: DownloadOptions & { place: PythonPlace; onConverting?: (done: number, total: number) => void },
): Promise<string> {
  const { place, signal, onNotice, onConverting } = options;
  const folder = await downloadStudent(source, options);
  const target = join(folder, convertedFile);
  if (await isThere(target)) return folder;
  const waiting = () => onNotice("Another program is converting this student; waiting for it.");
  return withFolderLock(`${folder}.lock`, waiting, signal, async () => {
    if (await isThere(target)) return folder;
    onNotice("Converting the weights into a GGUF.");
    const spec = { folder, target, precision: "auto" };
    const { kind, bytes, parameters } = await runWholeJob({
      ...{ job: "convert", spec, result: resultSchema, place, signal },
      ...(onConverting ? { onProgress: onConverting } : {}),
    });
    onNotice(`${(parameters / 1e6).toFixed(0)} million parameters, served as ${kind}: ${readableBytes(bytes)}.`);
    return folder;
  });
}
