/** Fetches a student's weights into the user's cache, once; afterwards no connection is needed. */
import { mkdir, readFile, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../../protocol/errors.ts";
import { stableJson } from "../hash.ts";
import { writeDurably } from "./durableFile.ts";
import { withFolderLock } from "./folderLock.ts";
import { hubAddress, readHubModel, type HubModel } from "./hub.ts";
import { hasSize } from "./modelFiles.ts";
import { fetchResumed } from "./resumedFile.ts";
import { studentFolder, type StudentSource } from "./studentCatalogue.ts";
import { readableBytes } from "./storageError.ts";

export interface DownloadOptions {
  signal: AbortSignal;
  onNotice: (text: string) => void;
  /** Bytes that are there and bytes in all, over all files. */
  onProgress: (done: number, total: number) => void;
  /** Default: the hub of the environment. */
  hub?: string;
  /** Default: the user's cache folder. */
  cache?: string;
  /** Free bytes of the disk a folder is on. */
  freeBytes?: (folder: string) => Promise<number>;
}

/** Written last: a folder without it is unfinished. */
const stampSchema = z.object({
  repository: z.string(),
  revision: z.string(),
  files: z.array(z.object({ name: z.string(), bytes: z.number(), hash: z.string() })),
});

const stampName = "downloaded.json";
/** Left free for the run itself, in bytes. */
const spared = 500e6;
/** Of the weights' bytes, what the conversion may take: eight bits instead of sixteen, and some for the tables. */
const convertedShare = 0.6;

/** True when every file of the student is there with its size; content was verified when it came. */
export async function isDownloaded(folder: string): Promise<boolean> {
  const text = await readFile(join(folder, stampName), "utf8").catch(() => "null");
  const stamp = stampSchema.safeParse(parsed(text)).data;
  if (!stamp) return false;
  return (await Promise.all(stamp.files.map(({ name, bytes }) => hasSize(join(folder, name), bytes)))).every(Boolean);
}

/**
 * The student's folder, its files fetched first when they are not there. What was begun is continued.
 * @throws UserError E_DOWNLOAD, E_DISK_FULL, E_UNSAFE_FORMAT, E_STUDENT_UNSUITABLE, E_MODEL_FILE; the signal's reason
 */
export async function downloadStudent(source: StudentSource, options: DownloadOptions): Promise<string> {
  const folder = studentFolder(source, options.cache);
  if (await isDownloaded(folder)) return folder;
  await mkdir(folder, { recursive: true });
  const waiting = () => options.onNotice("Another program is downloading this student; waiting for it.");
  return withFolderLock(`${folder}.lock`, waiting, options.signal, async () => {
    if (!(await isDownloaded(folder))) await fetchAll(source, folder, options);
    return folder;
  });
}

async function fetchAll(source: StudentSource, folder: string, options: DownloadOptions): Promise<void> {
  const { signal, onNotice, onProgress, freeBytes = freeOf } = options;
  const model = await readHubModel(options.hub ?? hubAddress(), source, signal);
  const total = model.files.reduce((sum, { bytes }) => sum + bytes, 0);
  onNotice(`${model.repository} at ${model.revision.slice(0, 12)}, ${readableBytes(total)}, to ${folder}:`);
  for (const { name, bytes } of model.files) onNotice(`  ${name}: ${readableBytes(bytes)}`);
  const there = await bytesThere(model, folder);
  const free = await freeBytes(folder);
  const conversion = total * convertedShare;
  if (free < total - there + conversion + spared)
    throw new UserError(
      "E_DISK_FULL",
      `${readableBytes(total - there)} are to be downloaded, up to ${readableBytes(conversion)} written when they are converted, and 500 MB left free; ${readableBytes(free)} are free.`,
    );
  let done = 0;
  // The small files come first, so that a model that cannot be used is refused before its weights are fetched.
  for (const file of model.files.toSorted((a, b) => a.bytes - b.bytes)) {
    const target = join(folder, file.name);
    if (!(await hasSize(target, file.bytes)))
      await fetchResumed(file, target, (bytes) => onProgress(done + bytes, total), signal);
    if (file.name === "config.json") checkConfig(model.repository, await readFile(target, "utf8"));
    done += file.bytes;
    onProgress(done, total);
  }
  const files = model.files.map(({ name, bytes, hash }) => ({ name, bytes, hash: hash.hex }));
  await writeDurably(join(folder, stampName), stableJson({ ...model, files }, 2));
}

/**
 * @throws UserError E_UNSAFE_FORMAT for a model with code of its own, E_STUDENT_UNSUITABLE for one that cannot be
 * trained, E_MODEL_FILE
 */
function checkConfig(repository: string, text: string): void {
  const config = z.looseObject({ model_type: z.string() }).safeParse(parsed(text)).data;
  if (!config) throw new UserError("E_MODEL_FILE", `The config.json of ${repository} cannot be read.`);
  if ("auto_map" in config) throw new UserError("E_UNSAFE_FORMAT", `${repository} asks to run code of its own.`);
  if (config.model_type !== "llama" && config.model_type !== "phi")
    throw new UserError(
      "E_STUDENT_UNSUITABLE",
      `${repository} is of the architecture ${config.model_type}; llama and phi can be trained.`,
    );
}

async function bytesThere({ files }: HubModel, folder: string): Promise<number> {
  const sizeOf = async (name: string) => (await stat(join(folder, name)).catch(() => null))?.size ?? 0;
  const there = await Promise.all(
    files.map(async ({ name, bytes }) => Math.min(bytes, (await sizeOf(name)) || (await sizeOf(`${name}.part`)))),
  );
  return there.reduce((sum, bytes) => sum + bytes, 0);
}

async function freeOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
