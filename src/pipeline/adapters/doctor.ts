/** Looks at everything a run needs and says, for each thing that is missing, what to do. Changes nothing. */
import { execa } from "execa";
import { access, constants, statfs } from "node:fs/promises";
import { availableParallelism, cpus, homedir } from "node:os";
import { dirname, sep } from "node:path";
import { z } from "zod";
import { UserError } from "../../protocol/errors.ts";
import { cacheFolder } from "./cacheFolder.ts";
import { findEnvironment, type Environment, type EnvironmentOptions } from "./environment.ts";
import { wrongModels } from "./installEnvironment.ts";
import { findInterpreter } from "./interpreter.ts";

export interface Check {
  name: string;
  ok: boolean;
  /** What is there, for people. */
  found: string;
  /** What to do; null when all is well. */
  fix: string | null;
}

export interface ExamineOptions extends EnvironmentOptions {
  /** The teacher's endpoint; asked only when there is a key. Default: OpenAI with OPENAI_API_KEY. */
  endpoint?: { baseUrl: string; key: string | undefined };
}

const oldestNode = 22;
/** A training of the embedded student was seen to take 1.9 GB; the host and the student's process come on top. */
const leastMemory = 2.5e9;
const leastDiskBefore = 2.5e9;
const leastDiskAfter = 0.5e9;
const setUp = "Run `distillery doctor --fix`; it sets up the Python environment and the models.";

/** All checks, in the order in which to fix them. */
export async function examine(options: ExamineOptions = {}): Promise<Check[]> {
  const environment = await findEnvironment(options);
  const [python, packages, disk, models, endpoint] = await Promise.all([
    checkPython(environment, options),
    checkPackages(environment),
    checkDisk(environment, options.cache ?? cacheFolder()),
    checkModels(environment),
    checkEndpoint(options.endpoint ?? { baseUrl: "https://api.openai.com/v1", key: process.env["OPENAI_API_KEY"] }),
  ]);
  return [checkNode(), python, ...packages, checkMemory(), disk, models, endpoint];
}

const fine = (name: string, found: string): Check => ({ name, ok: true, found, fix: null });
const bad = (name: string, found: string, fix: string): Check => ({ name, ok: false, found, fix });
const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;

function checkNode(): Check {
  const found = `Node ${process.versions.node}`;
  if (Number.parseInt(process.versions.node, 10) >= oldestNode) return fine("Node", found);
  return bad("Node", found, `Install Node ${oldestNode} or newer.`);
}

async function checkPython(environment: Environment | null, options: ExamineOptions): Promise<Check> {
  if (environment) return fine("Python", environment.python);
  try {
    const { path, version } = await findInterpreter(options.workspace ?? process.cwd());
    return fine("Python", `${version} (${path})`);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return bad("Python", error.message, "Install Python 3.11, 3.12 or 3.13 with its venv module.");
  }
}

const packageNames = ["torch", "transformers", "peft", "trl", "bitsandbytes", "ragas", "sentence-transformers", "gguf"];
/** Imports torch, which finds the device and shows a broken installation; reads the others' versions only. */
const packagesCode = `
import importlib.metadata as m, json, sys
names = sys.argv[1:]
versions = {}
for name in names:
    try: versions[name] = m.version(name)
    except m.PackageNotFoundError: versions[name] = None
device, error = None, None
try:
    import torch
    device = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "cpu"
except Exception as reason:
    error = f"{type(reason).__name__}: {reason}"
print(json.dumps({"versions": versions, "device": device, "error": error}))
`;
const packagesSchema = z.object({
  versions: z.record(z.string(), z.string().nullable()),
  device: z.string().nullable(),
  error: z.string().nullable(),
});

async function checkPackages(environment: Environment | null): Promise<Check[]> {
  const repair = "Run `distillery doctor --fix`; it installs the Python environment afresh.";
  if (!environment) return [bad("Python packages", "not installed", setUp), checkDevice("cpu")];
  const { stdout, failed, shortMessage } = await execa(
    environment.python,
    ["-I", "-c", packagesCode, ...packageNames],
    {
      preferLocal: false,
      cwd: homedir(),
      stdin: "ignore",
      timeout: 120_000,
      reject: false,
    },
  );
  if (failed) return [bad("Python packages", `Python failed: ${shortMessage}`, repair), checkDevice("cpu")];
  const { versions, device, error } = packagesSchema.parse(JSON.parse(stdout));
  const missing = packageNames.filter((name) => versions[name] == null);
  const list = packageNames.filter((name) => versions[name] != null).map((name) => `${name} ${versions[name]}`);
  const state =
    missing.length > 0
      ? bad("Python packages", `missing: ${missing.join(", ")}`, repair)
      : error !== null
        ? bad("Python packages", `torch does not load: ${error}`, repair)
        : fine("Python packages", list.join(", "));
  return [state, checkDevice(device ?? "cpu")];
}

function checkDevice(device: string): Check {
  if (device !== "cpu") return fine("Device", device);
  return fine(
    "Device",
    `CPU, ${availableParallelism()} cores (${cpus()[0]?.model.trim() ?? "unknown"}); no NVIDIA GPU is used`,
  );
}

function checkMemory(): Check {
  const free = process.availableMemory();
  const found = `${gigabytes(free)} free`;
  if (free >= leastMemory) return fine("Memory", found);
  return bad("Memory", found, `Close other programs: the embedded student needs ${gigabytes(leastMemory)}.`);
}

async function checkDisk(environment: Environment | null, cache: string): Promise<Check> {
  let folder = cache;
  while (
    !(await access(folder).then(
      () => true,
      () => false,
    )) &&
    folder !== dirname(folder)
  )
    folder = dirname(folder);
  // The dot: a file where the folder belongs cannot be written into, whatever its permissions.
  const space = await access(`${folder}${sep}.`, constants.W_OK)
    .then(() => statfs(folder))
    .catch(() => null);
  if (!space) return bad("Disk", `${cache} cannot be written`, "Set DISTILLERY_HOME to a folder that can be written.");
  const free = space.bavail * space.bsize;
  const found = `${gigabytes(free)} free in ${cache}`;
  const needed = environment ? leastDiskAfter : leastDiskBefore;
  if (free >= needed) return fine("Disk", found);
  return bad("Disk", found, `Free ${gigabytes(needed - free)} there, or set DISTILLERY_HOME to another disk.`);
}

/** Reads the model files in full: a flipped bit shows here and nowhere else. */
async function checkModels(environment: Environment | null): Promise<Check> {
  if (!environment) return bad("Models", "not installed", setUp);
  const wrong = await wrongModels(environment.root);
  if (wrong.length === 0) return fine("Models", "SmolLM2-135M-Instruct and all-MiniLM-L6-v2, contents verified");
  return bad("Models", `damaged: ${wrong.join(", ")}`, "Run `distillery doctor --fix`; it fetches the models again.");
}

/** One request, and none without a key. The key appears in no text. */
async function checkEndpoint({ baseUrl, key }: { baseUrl: string; key: string | undefined }): Promise<Check> {
  if (!key) return fine("Endpoint", "no key is set; the offline teacher needs none");
  const host = new URL(baseUrl).host;
  try {
    const response = await fetch(`${baseUrl.replace(/\/$/, "")}/models`, {
      headers: { authorization: `Bearer ${key}` },
      redirect: "error",
      signal: AbortSignal.timeout(10_000),
    });
    await response.body?.cancel();
    if (response.ok) return fine("Endpoint", `${host} answers and takes the key`);
    if (response.status === 401 || response.status === 403)
      return bad("Endpoint", `${host} refuses the key (${response.status})`, "Correct OPENAI_API_KEY.");
    return bad("Endpoint", `${host} answers with status ${response.status}`, "Check the address, or try again later.");
  } catch {
    return bad(
      "Endpoint",
      `${host} cannot be reached`,
      "Check the address and the network, or use `--teacher offline`.",
    );
  }
}
