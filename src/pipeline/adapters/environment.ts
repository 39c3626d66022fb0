/** The Python environment with the models: found in a moment when it is there, built when it is not. */
import { mkdir, readFile, realpath, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { hashOf, sha256 } from "../hash.ts";
import { cacheFolder } from "./cacheFolder.ts";
import { withFolderLock } from "./folderLock.ts";
import { installDevTools, installEnvironment, packagesOf, pythonOf, torchPin } from "./installEnvironment.ts";
import { findInterpreter } from "./interpreter.ts";
import { embeddedStudentFile, embedderFile, hasSize } from "./modelFiles.ts";
import { packageFolder } from "./packageFolder.ts";
import type { SetupLog } from "./setupStep.ts";

/** All paths are absolute. */
export interface Environment {
  /** The environment's own folder. */
  root: string;
  python: string;
  /** GGUF of the embedded student. */
  embeddedStudent: string;
  /** Folder of the sentence embedder. */
  embedder: string;
  /** Folder with main.py and the lock files. */
  trainerFolder: string;
}

export interface EnvironmentOptions {
  onProgress?: (text: string) => void;
  signal?: AbortSignal;
  /** Adds what the trainer's own checks and tests need. */
  dev?: boolean;
  /** Builds it afresh even when it looks fine. */
  repair?: boolean;
  /** Interpreters in this folder are never started; the current folder by default. */
  workspace?: string;
  /** Default {@link cacheFolder}. */
  cache?: string;
  trainerFolder?: string;
}

/**
 * Written last: an environment without it is unfinished. `interpreter` is the real file behind the
 * environment's link, `dev` the hash of the dev lock that is in.
 */
const stampSchema = z.object({
  key: z.string(),
  python: z.string(),
  interpreter: z.string(),
  dev: z.string().nullable(),
});
type Stamp = z.infer<typeof stampSchema>;

/** The environment when it is complete, else null. Starts no process and reads no model. */
export async function findEnvironment(options: EnvironmentOptions = {}): Promise<Environment | null> {
  return find(await placeOf(options), options.dev ?? false);
}

/**
 * The environment, set up first when needed. Callers that come at the same time wait for each other;
 * what was interrupted is repaired.
 * @throws UserError E_PY_ENV, E_DISK_FULL, E_MODEL_FILE, E_STOPPED
 */
export async function readyEnvironment(options: EnvironmentOptions = {}): Promise<Environment> {
  const place = await placeOf(options);
  const dev = options.dev ?? false;
  const found = options.repair ? null : await find(place, dev);
  if (found) return found;
  await mkdir(dirname(place.root), { recursive: true });
  const onProgress = options.onProgress ?? (() => {});
  const waiting = () => onProgress("Another program is setting up the Python environment; waiting for it.");
  return withFolderLock(`${place.root}.lock`, waiting, options.signal, async () => {
    const meanwhile = options.repair ? null : await find(place, dev);
    if (meanwhile) return meanwhile;
    const log: SetupLog = { file: `${place.root}.log`, onProgress, signal: options.signal };
    if (options.repair || !(await find(place, false))) await build(place, options, log);
    if (dev) {
      await installDevTools(place.root, place.trainerFolder, log);
      const stamp = stampSchema.parse(JSON.parse(await readFile(stampFile(place), "utf8")));
      await writeStamp(place, { ...stamp, dev: await devHash(place) });
    }
    onProgress("The Python environment is ready.");
    return pathsOf(place);
  });
}

interface Place {
  root: string;
  key: string;
  trainerFolder: string;
}

/** The folder is named by what is to be in it, so another version of the locks gets another folder. */
async function placeOf(options: EnvironmentOptions): Promise<Place> {
  const trainerFolder = options.trainerFolder ?? join(packageFolder(), "trainer");
  const locks = ["uv-tool.lock", "requirements.lock", "models.lock"].map((name) => join(trainerFolder, name));
  const texts = await Promise.all(locks.map((file) => readFile(file, "utf8")));
  const key = hashOf([torchPin, ...texts, process.platform, process.arch]).slice(0, 16);
  return { root: join(options.cache ?? cacheFolder(), "environments", key), key, trainerFolder };
}

const stampFile = ({ root }: Place): string => join(root, "distillery.json");
const devHash = async ({ trainerFolder }: Place): Promise<string> =>
  sha256(await readFile(join(trainerFolder, "requirements-dev.lock"), "utf8"));

async function find(place: Place, dev: boolean): Promise<Environment | null> {
  const text = await readFile(stampFile(place), "utf8").catch(() => null);
  const stamp = text === null ? null : stampSchema.safeParse(parsed(text)).data;
  if (stamp?.key !== place.key) return null;
  if (dev && stamp.dev !== (await devHash(place))) return null;
  const environment = await pathsOf(place).catch(() => null);
  if (!environment) return null;
  const packages = await packagesOf(place.root);
  const present = await Promise.all([
    // A Python that was removed, or replaced by another minor version, is noticed by where the link ends.
    realpath(environment.python).then(
      (real) => real === stamp.interpreter,
      () => false,
    ),
    ...[embeddedStudentFile, embedderFile].map(({ path, bytes }) => hasSize(join(packages, path), bytes)),
  ]);
  return present.every(Boolean) ? environment : null;
}

async function build(place: Place, options: EnvironmentOptions, log: SetupLog): Promise<void> {
  const interpreter = await findInterpreter(options.workspace ?? process.cwd());
  await writeFile(log.file, "");
  await rm(stampFile(place), { force: true });
  const { trainerFolder, root: target } = place;
  await installEnvironment({ interpreter, trainerFolder, target, log, afresh: options.repair ?? false });
  const real = await realpath(pythonOf(target));
  await writeStamp(place, { key: place.key, python: interpreter.version, interpreter: real, dev: null });
}

async function writeStamp(place: Place, stamp: Stamp): Promise<void> {
  const partial = `${stampFile(place)}.partial`;
  await writeFile(partial, JSON.stringify(stamp), { flush: true });
  await rename(partial, stampFile(place));
}

async function pathsOf({ root, trainerFolder }: Place): Promise<Environment> {
  const packages = await packagesOf(root);
  return {
    root,
    python: pythonOf(root),
    embeddedStudent: join(packages, ...embeddedStudentFile.path.split("/")),
    embedder: dirname(join(packages, ...embedderFile.path.split("/"))),
    trainerFolder,
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
