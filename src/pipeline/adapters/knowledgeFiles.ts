/** Finds and reads the text files of a folder. Whatever is left out is named with its reason. */
import { constants } from "node:fs";
import { open, readdir, readFile } from "node:fs/promises";
import { join, posix } from "node:path";
import ignore, { type Ignore } from "ignore";
import { secretByName, secretInText } from "./secrets.ts";

/** Limits that keep a large folder from filling memory. Sizes in bytes. */
export interface Limits {
  files: number;
  fileBytes: number;
  totalBytes: number;
  /** Directory entries looked at, whatever they are. */
  entries: number;
}

export const defaultLimits: Limits = {
  files: 5_000,
  fileBytes: 2 * 1024 ** 2,
  totalBytes: 100 * 1024 ** 2,
  entries: 200_000,
};

export interface TextFile {
  /** Relative to the folder, with forward slashes. */
  path: string;
  /** Line ends are \n; a byte order mark is gone. */
  text: string;
}

interface Skipped {
  file: string;
  reason: string;
}

const textFile = /\.(md|markdown|txt|text)$/i;
const neverEntered = new Set(["node_modules", ".git", ".distillery"]);

/**
 * Reads every Markdown and text file below `root` that the patterns and the folder's .gitignore files
 * allow, in the order of their paths. `include` and `exclude` are written like lines of a .gitignore.
 * Symbolic links are not followed; pipes, sockets and devices are not opened.
 */
export async function readTextFiles(
  root: string,
  patterns: { include?: readonly string[] | undefined; exclude?: readonly string[] | undefined },
  limits: Limits = defaultLimits,
): Promise<{ files: TextFile[]; skipped: Skipped[] }> {
  const { paths, skipped } = await listFiles(root, patterns, limits);
  const files: TextFile[] = [];
  let total = 0;
  let over = 0;
  for (const path of paths) {
    if (files.length >= limits.files || total >= limits.totalBytes) {
      over += 1;
      continue;
    }
    const read = await readText(join(root, path), limits.fileBytes);
    if ("reason" in read) skipped.push({ file: path, reason: read.reason });
    else {
      total += read.bytes;
      files.push({ path, text: read.text });
    }
  }
  if (over > 0) {
    const megabytes = Math.round(limits.totalBytes / 1024 ** 2);
    skipped.push({ file: `${over} more files`, reason: `at most ${limits.files} files and ${megabytes} MB are read` });
  }
  return { files, skipped };
}

async function listFiles(
  root: string,
  patterns: { include?: readonly string[] | undefined; exclude?: readonly string[] | undefined },
  limits: Limits,
): Promise<{ paths: string[]; skipped: Skipped[] }> {
  const include = patterns.include ? ignore().add([...patterns.include]) : null;
  const exclude = ignore().add([...(patterns.exclude ?? [])]);
  const paths: string[] = [];
  const skipped: Skipped[] = [];
  const otherKinds = new Map<string, number>();
  let entriesLeft = limits.entries;

  async function walk(folder: string, ignores: readonly { base: string; rules: Ignore }[]): Promise<void> {
    const entries = await readdir(join(root, folder), { withFileTypes: true }).catch(() => null);
    if (!entries) {
      skipped.push({ file: folder || ".", reason: "the folder cannot be read" });
      return;
    }
    const own = entries.some((entry) => entry.name === ".gitignore" && entry.isFile());
    const more = own ? await gitignore(root, folder) : [];
    if (!more) {
      // Whoever keeps files out of the repository may not want them sent to a teacher either.
      skipped.push({ file: folder || ".", reason: "its .gitignore cannot be read" });
      return;
    }
    const rules = [...ignores, ...more];
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entriesLeft-- <= 0) return;
      const path = posix.join(folder, entry.name);
      const isFolder = entry.isDirectory();
      if (isFolder && (neverEntered.has(entry.name) || entry.name.startsWith("."))) continue;
      if (ignored(path, isFolder, rules) || exclude.ignores(isFolder ? `${path}/` : path)) continue;
      if (isFolder) {
        await walk(path, rules);
        continue;
      }
      const secret = secretByName(path);
      const wanted = include ? include.ignores(path) : textFile.test(entry.name);
      if (secret) skipped.push({ file: path, reason: secret });
      else if (entry.name.startsWith(".") || path === "distillery.json") continue;
      else if (entry.isSymbolicLink())
        skipped.push({ file: path, reason: "it is a symbolic link; links are not followed" });
      else if (!wanted) countKind(otherKinds, entry.name);
      else if (!entry.isFile()) skipped.push({ file: path, reason: "it is not a regular file" });
      else paths.push(path);
    }
  }

  await walk("", []);
  if (entriesLeft < 0) skipped.push({ file: "the rest", reason: `the folder has more than ${limits.entries} entries` });
  for (const [kind, count] of otherKinds)
    skipped.push({
      file: `${count} × ${kind}`,
      reason: include ? "not among the included files" : "neither Markdown nor text",
    });
  return { paths: paths.sort(), skipped };
}

function countKind(kinds: Map<string, number>, name: string): void {
  const kind = posix.extname(name).toLowerCase() || "no ending";
  kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
}

async function gitignore(root: string, base: string): Promise<{ base: string; rules: Ignore }[] | null> {
  const text = await readFile(join(root, base, ".gitignore"), "utf8").catch(() => null);
  return text === null ? null : [{ base, rules: ignore().add(text) }];
}

/** As git decides: the innermost .gitignore that says anything about the path wins. */
function ignored(path: string, isFolder: boolean, ignores: readonly { base: string; rules: Ignore }[]): boolean {
  let result = false;
  for (const { base, rules } of ignores) {
    const inner = base ? path.slice(base.length + 1) : path;
    const test = rules.test(isFolder ? `${inner}/` : inner);
    if (test.ignored) result = true;
    else if (test.unignored) result = false;
  }
  return result;
}

async function readText(path: string, limit: number): Promise<{ text: string; bytes: number } | { reason: string }> {
  let bytes: Buffer;
  try {
    // Without NONBLOCK, opening a pipe that took the file's place would wait for a writer forever.
    const handle = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
    try {
      const info = await handle.stat();
      if (!info.isFile()) return { reason: "it is not a regular file" };
      if (info.size > limit) return { reason: `it is larger than ${Math.round((limit / 1024 ** 2) * 10) / 10} MB` };
      bytes = await handle.readFile();
    } finally {
      await handle.close();
    }
  } catch (error) {
    return { reason: `it cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown error"})` };
  }
  if (bytes.includes(0)) return { reason: "it is binary or not UTF-8" };
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes).replace(/\r\n?/g, "\n");
  } catch {
    return { reason: "it is not UTF-8 text" };
  }
  const secret = secretInText(text);
  if (secret) return { reason: secret };
  if (looksMinified(text))
    return { reason: "it looks like data or minified code: very long lines with hardly a space" };
  return { text, bytes: bytes.length };
}

function looksMinified(text: string): boolean {
  return text.split("\n").some((line) => {
    if (line.length < 2_000) return false;
    const spaces = line.match(/\s/g)?.length ?? 0;
    const wide = line.match(/[\u0250-\uffff]/g)?.length ?? 0;
    return spaces < line.length / 30 && wide < line.length / 4;
  });
}
