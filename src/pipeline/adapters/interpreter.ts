/** Finds a Python that can carry the trainer, never one the workspace brings along. */
import { execa } from "execa";
import { accessSync, constants, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, isAbsolute, join, relative } from "node:path";
import { z } from "zod";
import { UserError } from "../../protocol/errors.ts";

export interface Interpreter {
  path: string;
  /** Three numbers, "3.11.7". */
  version: string;
}

/** The first version TRL supports. */
const oldest = { major: 3, minor: 11 };
const names =
  process.platform === "win32"
    ? ["python.exe", "python3.exe"]
    : ["python3", "python3.13", "python3.12", "python3.11", "python3.14"];
const installHint =
  "Install Python 3.12 (Debian and Ubuntu: `sudo apt install python3 python3-venv`; macOS: `brew install python@3.12`; Windows: `winget install Python.Python.3.12`).";

const probeCode =
  "import json,sys,importlib.util as u;print(json.dumps({'version':list(sys.version_info[:3]),'venv':all(u.find_spec(m) for m in ('venv','ensurepip'))}))";
const probeSchema = z.object({ version: z.tuple([z.int(), z.int(), z.int()]), venv: z.boolean() });

/**
 * The first interpreter on PATH that is new enough and can make virtual environments.
 * @param workspace folder whose interpreters are never started
 * @throws UserError E_PY_ENV that says what was found instead
 */
export async function findInterpreter(
  workspace: string,
  pathVariable: string = process.env["PATH"] ?? "",
): Promise<Interpreter> {
  const tooOld: string[] = [];
  const withoutVenv: string[] = [];
  for (const path of candidates(workspace, pathVariable)) {
    const probe = await probeInterpreter(path);
    if (!probe) continue;
    const [major, minor] = probe.version;
    const version = probe.version.join(".");
    if (major < oldest.major || (major === oldest.major && minor < oldest.minor)) tooOld.push(`${path} is ${version}`);
    else if (probe.venv) return { path, version };
    else withoutVenv.push(`${path} (${version})`);
  }
  throw noInterpreter(tooOld, withoutVenv);
}

function noInterpreter(tooOld: string[], withoutVenv: string[]): UserError {
  if (withoutVenv.length > 0)
    return new UserError(
      "E_PY_ENV",
      `Python was found without its venv module: ${withoutVenv.join(", ")}. On Debian and Ubuntu \`sudo apt install python3-venv\` adds it.`,
    );
  if (tooOld.length > 0)
    return new UserError("E_PY_ENV", `Python 3.11 or newer is needed; ${tooOld.join(", ")}. ${installHint}`);
  return new UserError(
    "E_PY_ENV",
    `No Python was found; 3.11 or newer is needed for training and scoring. ${installHint}`,
  );
}

/** Executable files by name and PATH entry; relative entries and those of the workspace are passed over. */
function candidates(workspace: string, pathVariable: string): string[] {
  const folders = pathVariable.split(delimiter).filter((folder) => isAbsolute(folder) && !ownedBy(workspace, folder));
  const files = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  return [...new Set(files)].filter((file) => isExecutable(file) && !ownedBy(workspace, realpathSync(file)));
}

/** A workspace that is the home folder or above it owns nothing: else no Python would be left. */
function ownedBy(workspace: string, path: string): boolean {
  return isInside(workspace, path) && !isInside(workspace, homedir());
}

function isInside(folder: string, path: string): boolean {
  const steps = relative(folder, path);
  return steps === "" || (!steps.startsWith("..") && !isAbsolute(steps));
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Null for what does not answer like Python within 15 s, such as the Windows store's placeholder. */
async function probeInterpreter(path: string): Promise<z.infer<typeof probeSchema> | null> {
  // -I: no user site, no PYTHON* variables, nothing from the current folder.
  const { stdout, failed } = await execa(path, ["-I", "-c", probeCode], {
    preferLocal: false,
    cwd: homedir(),
    stdin: "ignore",
    timeout: 15_000,
    reject: false,
  });
  if (failed) return null;
  try {
    return probeSchema.parse(JSON.parse(stdout));
  } catch {
    return null;
  }
}
