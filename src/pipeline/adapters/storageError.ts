/** What the system says about a disk, as a sentence for people. */
import { UserError } from "../../protocol/errors.ts";
import { errorCode } from "./fileLayer.ts";

const reasons: Record<string, string> = {
  EIO: "the disk reports an error",
  EMFILE: "too many files are open",
  ENFILE: "too many files are open",
  ENAMETOOLONG: "its path is too long",
  EISDIR: "a folder stands in its place",
  ENOTDIR: "a file stands where a folder belongs",
  ENOENT: "its folder is gone",
  EACCES: "permission is denied",
  EPERM: "permission is denied",
  ELOOP: "it is a symbolic link",
};

/** "900 bytes", "12 KB", "3.4 MB"; rounded up, because it is said when space is short. */
export function readableBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`;
  if (bytes < 1e6) return `${Math.ceil(bytes / 1000)} KB`;
  return `${(Math.ceil(bytes / 1e5) / 10).toFixed(1)} MB`;
}

/** Old and new file stand side by side while one replaces the other, and folders need a little as well. */
const sparedBytes = 1_000_000;

/**
 * The error for a failed write of `name`. What is not the system's error is a bug and comes back as it is.
 * @param bytes how much was to be written.
 * @param saved what is safe, as a sentence; only said on a full disk, where people have to decide what to clear.
 */
export function writeError(error: unknown, name: string, bytes: number, saved = ""): unknown {
  const code = errorCode(error);
  if (error instanceof UserError || code === undefined) return error;
  const options = { cause: error };
  if (code === "ENOSPC" || code === "EDQUOT") {
    const needed = `${name} needs ${readableBytes(bytes)}; free about ${readableBytes(bytes + sparedBytes)}.`;
    return new UserError("E_DISK_FULL", `The disk is full. ${saved}${saved && " "}${needed}`, options);
  }
  if (code === "EROFS")
    return new UserError("E_READ_ONLY", `${name} cannot be written: the file system is read-only.`, options);
  if (code === "EACCES" || code === "EPERM")
    return new UserError("E_READ_ONLY", `${name} cannot be written: permission is denied.`, options);
  return new UserError(
    "E_STORAGE",
    `${name} could not be saved: ${reasons[code] ?? "the system refused"} (${code}).`,
    options,
  );
}

/** The error for a failed read of `name`; see {@link writeError}. */
export function readError(error: unknown, name: string): unknown {
  const code = errorCode(error);
  if (error instanceof UserError || code === undefined) return error;
  if (code === "ELOOP")
    return new UserError("E_PATH_OUTSIDE", `${name} is a symbolic link; links are not followed.`, { cause: error });
  return new UserError("E_STORAGE", `${name} could not be read: ${reasons[code] ?? "the system refused"} (${code}).`, {
    cause: error,
  });
}
