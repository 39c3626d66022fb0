/** Builds a Python environment from the lock files: virtual environment, uv, torch, the trainer's packages, the models. */
import { existsSync, readdirSync } from "node:fs";
import { appendFile, readFile, rename, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../protocol/errors.ts";
import type { Interpreter } from "./interpreter.ts";
import { embeddedStudentFile, embedderFile, sha256OfFile } from "./modelFiles.ts";
import { runSetupStep, type SetupLog } from "./setupStep.ts";

/** The version requirements.lock was resolved with; its build depends on the device, so it is in no lock. */
export const torchPin = "torch==2.13.0";

/** Download and disk sizes on Linux x86-64, rounded up; measured by installing there. */
const plan = [
  "This needs about 0.7 GB of downloads and 1.8 GB of disk; with an NVIDIA GPU about 3.5 GB and 8 GB:",
  "  uv, the package installer: 18 MB",
  "  torch 2.13.0: 190 MB for the CPU, about 3 GB with an NVIDIA GPU",
  "  packages for training and scoring: 260 MB",
  "  models: SmolLM2-135M-Instruct 93 MB, all-MiniLM-L6-v2 84 MB",
];
const leastFreeBytes = 2.5e9;

export interface InstallRequest {
  interpreter: Interpreter;
  trainerFolder: string;
  /** Where the environment shall be; it appears there complete or not at all. */
  target: string;
  log: SetupLog;
  /** Downloads everything again instead of trusting the installer's own store. */
  afresh: boolean;
}

/** Builds beside the target and renames, so an interrupted build is never taken for a finished one. */
export async function installEnvironment(request: InstallRequest): Promise<void> {
  const { interpreter, target, log } = request;
  const partial = `${target}.partial`;
  await rm(partial, { recursive: true, force: true });
  await checkSpace(target);
  log.onProgress(`Setting up Python ${interpreter.version} (${interpreter.path}) in ${target}.`);
  for (const line of plan) log.onProgress(line);

  await runSetupStep("Making the virtual environment", interpreter.path, ["-I", "-m", "venv", partial], log);
  // uv then writes scripts that find their interpreter beside themselves, so the folder can be renamed.
  await appendFile(join(partial, "pyvenv.cfg"), "relocatable = true\n");
  await installPackages(request, partial);
  await verifyModels(request, partial);
  await rm(target, { recursive: true, force: true });
  await rename(partial, target);
}

async function installPackages({ trainerFolder, log, afresh }: InstallRequest, folder: string): Promise<void> {
  const python = pythonOf(folder);
  const uvLock = join(trainerFolder, "uv-tool.lock");
  log.onProgress("Installing uv …");
  const pip = [
    "-I",
    "-m",
    "pip",
    "install",
    "--no-input",
    "--disable-pip-version-check",
    "--require-hashes",
    "-r",
    uvLock,
  ];
  await runSetupStep("Installing uv", python, pip, log);

  const install = installer(folder, log, afresh);
  log.onProgress("Installing torch …");
  await install("Installing torch", [torchPin, ...torchSource().args], torchSource().variables);
  log.onProgress("Installing the packages for training and scoring …");
  await install("Installing the trainer's packages", locked(join(trainerFolder, "requirements.lock")));
  log.onProgress("Installing the models …");
  await install("Installing the models", locked(join(trainerFolder, "models.lock")));
}

/** Adds the tools for working on the trainer itself (linter, type checker, test runner). */
export async function installDevTools(environment: string, trainerFolder: string, log: SetupLog): Promise<void> {
  log.onProgress("Installing the trainer's development tools …");
  const lock = join(trainerFolder, "requirements-dev.lock");
  await installer(environment, log, false)("Installing the development tools", locked(lock));
}

const locked = (lockFile: string): string[] => ["--no-deps", "--require-hashes", "-r", lockFile];

function installer(folder: string, log: SetupLog, afresh: boolean) {
  const uv = process.platform === "win32" ? join(folder, "Scripts", "uv.exe") : join(folder, "bin", "uv");
  return (what: string, args: string[], variables: Record<string, string> = {}) =>
    runSetupStep(
      what,
      uv,
      ["pip", "install", "--python", pythonOf(folder), "--no-config", ...(afresh ? ["--no-cache"] : []), ...args],
      log,
      variables,
    );
}

/** A folder of wheels that holds torch is used; else uv picks the build for the device it finds. */
function torchSource(): { args: string[]; variables: Record<string, string> } {
  const links = process.env["PIP_FIND_LINKS"];
  const folders = links?.split(/\s+/).filter((place) => existsSync(place)) ?? [];
  if (!links || !folders.some((folder) => readdirSync(folder).some((name) => /^torch-.*\.whl$/.test(name))))
    return { args: ["--torch-backend", "auto"], variables: {} };
  return { args: [], variables: { UV_FIND_LINKS: folders.join(",") } };
}

/** The models are hashed once, here; a wrong one is fetched again, past the installer's store. */
async function verifyModels({ trainerFolder, log }: InstallRequest, folder: string): Promise<void> {
  if ((await wrongModels(folder)).length > 0)
    await installer(
      folder,
      log,
      true,
    )("Fetching the models again", ["--reinstall", ...locked(join(trainerFolder, "models.lock"))]);
  const [wrong] = await wrongModels(folder);
  if (wrong)
    throw new UserError("E_MODEL_FILE", `The file of ${wrong} is not the one this version of Distillery was made for.`);
}

/** Names of models whose content is not the expected one. */
export async function wrongModels(environment: string): Promise<string[]> {
  const packages = await packagesOf(environment);
  const checked = await Promise.all(
    [embeddedStudentFile, embedderFile].map(async ({ name, path, sha256 }) =>
      (await sha256OfFile(join(packages, path)).catch(() => "")) === sha256 ? [] : [name],
    ),
  );
  return checked.flat();
}

async function checkSpace(target: string): Promise<void> {
  const { bavail, bsize } = await statfs(join(target, ".."));
  const free = bavail * bsize;
  if (free < leastFreeBytes)
    throw new UserError(
      "E_DISK_FULL",
      `The Python environment needs 2.5 GB in ${join(target, "..")}; ${(free / 1e9).toFixed(1)} GB are free.`,
    );
}

/** Path of the environment's interpreter. */
export function pythonOf(environment: string): string {
  return process.platform === "win32" ? join(environment, "Scripts", "python.exe") : join(environment, "bin", "python");
}

/** The environment's site-packages folder, by its own configuration: no process is started. */
export async function packagesOf(environment: string): Promise<string> {
  if (process.platform === "win32") return join(environment, "Lib", "site-packages");
  const text = await readFile(join(environment, "pyvenv.cfg"), "utf8");
  const version = /^version\s*=\s*(\d+\.\d+)/m.exec(text)?.[1];
  if (!version) throw new Error(`${environment} is no virtual environment`);
  return join(environment, "lib", `python${version}`, "site-packages");
}
