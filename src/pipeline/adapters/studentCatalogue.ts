/** Which students there are by name, and where the weights of each come from. */
import { isAbsolute, join } from "node:path";
import { UserError } from "../../protocol/errors.ts";
import { cacheFolder } from "./cacheFolder.ts";

/** Where a student's weights are published. */
export interface StudentSource {
  /** `owner/name` on the hub. */
  repository: string;
  /** The commit this version was made for, or a branch whose commit is looked up and recorded. */
  revision: string;
}

/** The students with a short name: the recipe's own. `about` is for people. */
const named: Readonly<Record<string, StudentSource & { about: string }>> = {
  "phi-2": {
    repository: "microsoft/phi-2",
    revision: "ef382358ec9e382308935a992d908de099b64c23",
    about: "microsoft/phi-2, 2.8 billion parameters; a GPU is advised for training",
  },
};

export const namedStudents = Object.entries(named).map(([name, { about }]) => ({ name, about }));

const repositoryName = /^[A-Za-z0-9][\w.-]{0,95}\/[A-Za-z0-9][\w.-]{0,95}$/;

/** The source of `phi-2` or of any `owner/name`; null for a name that is neither. */
export function sourceOf(student: string): StudentSource | null {
  const known = Object.hasOwn(named, student) ? named[student] : undefined;
  if (known) return known;
  const safe = repositoryName.test(student) && !student.includes("..");
  return safe ? { repository: student, revision: "main" } : null;
}

/**
 * The source of a student that is to be downloaded.
 * @throws UserError E_SETTINGS for a name that is none
 */
export function downloadable(student: string): StudentSource {
  const source = sourceOf(student);
  if (source) return source;
  const names = Object.keys(named).join(", ");
  throw new UserError("E_SETTINGS", `There is no student "${student}" to download. Use ${names}, or owner/name.`);
}

/** Where a downloaded student is kept: below `DISTILLERY_STUDENTS`, for whom the weights are too large for the user's cache. */
export function studentFolder({ repository }: StudentSource, cache?: string): string {
  const { DISTILLERY_STUDENTS: own } = process.env;
  const root = cache === undefined && own && isAbsolute(own) ? own : join(cache ?? cacheFolder(), "students");
  return join(root, repository.replace("/", "--"));
}
