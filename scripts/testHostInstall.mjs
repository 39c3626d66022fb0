/**
 * Puts a real VS Code to test in together: the VS Code server of code-server and Debian's chromium.
 * Kept outside the clone, keyed by version, and used by every clone of the machine.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** VS Code 1.139.1. */
export const codeServerVersion = "4.139.1";

/** An answer for people about what the machine lacks. */
export class MissingPiece extends Error {}

const cache = () =>
  process.env.DISTILLERY_HOME || join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "distillery");

/** Absolute paths of the server's entry file and of the browser, installed first where that is possible. */
export async function readyTestHost(say = console.log) {
  const browser = await readyBrowser(say);
  const folder = join(cache(), `testHost-${codeServerVersion}-node${process.versions.modules}`);
  const vscode = join(folder, "node_modules", "code-server", "lib", "vscode");
  if (!existsSync(join(folder, "complete"))) await install(folder, say);
  return { server: join(vscode, "out", "server-main.js"), browser };
}

const browserNames = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** @param {(text: string) => void} say */
async function readyBrowser(say) {
  const own = process.env.DISTILLERY_BROWSER;
  if (own) return own;
  const found = onPath(browserNames);
  if (found) return found;
  await aptInstall(["chromium"], "A Chromium browser", say);
  return onPath(browserNames) ?? missing("A Chromium browser", "chromium");
}

/** @param {string[]} names */
function onPath(names) {
  for (const folder of (process.env.PATH ?? "").split(delimiter))
    for (const name of names) if (folder && existsSync(join(folder, name))) return join(folder, name);
  return null;
}

/**
 * @param {string} folder
 * @param {(text: string) => void} say
 */
async function install(folder, say) {
  // The server's kerberos module is compiled against this header.
  if (!existsSync("/usr/include/gssapi/gssapi.h")) await aptInstall(["libkrb5-dev"], "The Kerberos headers", say);
  for (const tool of ["make", "g++", "python3"])
    if (!onPath([tool])) await aptInstall(["build-essential", "python3"], `The tool ${tool}`, say);
  // Two clones may install at the same time; each does so apart, and whoever is first to end is used.
  const partial = `${folder}.partial-${process.pid}`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  await writeFile(join(partial, "package.json"), JSON.stringify({ private: true }));
  say(`Installing code-server ${codeServerVersion} into ${folder} (about 3 minutes, once) …`);
  const npm = join(dirname(process.execPath), process.platform === "win32" ? "npm.cmd" : "npm");
  const npmFile = existsSync(npm) ? npm : (onPath(["npm"]) ?? missing("npm", "npm"));
  // The nested install checks the Node it runs on, so this one comes first on PATH.
  const env = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}` };
  const options = { env, maxBuffer: 64 << 20 };
  // With scripts this install fails on argon2, which nothing here needs.
  await step(npmFile, ["install", "--ignore-scripts", "--no-audit", "--no-fund", `code-server@${codeServerVersion}`], {
    ...options,
    cwd: partial,
  });
  const vscode = join(partial, "node_modules", "code-server", "lib", "vscode");
  await step(npmFile, ["install", "--omit=dev", "--no-audit", "--no-fund"], { ...options, cwd: vscode });
  await writeFile(join(partial, "complete"), process.version);
  if (!existsSync(join(folder, "complete"))) await rm(folder, { recursive: true, force: true });
  await rename(partial, folder).catch(async (error) => {
    await rm(partial, { recursive: true, force: true });
    if (!existsSync(join(folder, "complete"))) throw error;
  });
}

/**
 * @param {string[]} packages
 * @param {string} what
 * @param {(text: string) => void} say
 */
async function aptInstall(packages, what, say) {
  if (process.getuid?.() !== 0 || !(await isDebian())) missing(what, packages.join(" "));
  say(`Installing ${packages.join(", ")} …`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  await run("apt-get", ["update", "-q"], { env, maxBuffer: 64 << 20 }).catch(() => {});
  await step("apt-get", ["install", "-q", "-y", "--no-install-recommends", ...packages], { env, maxBuffer: 64 << 20 });
}

const isDebian = async () =>
  existsSync("/usr/bin/apt-get") && /debian/i.test(await readFile("/etc/os-release", "utf8").catch(() => ""));

/**
 * @param {string} file
 * @param {string[]} args
 * @param {import("node:child_process").ExecFileOptions} options
 */
async function step(file, args, options) {
  try {
    await run(file, args, options);
  } catch (error) {
    const { stdout, stderr } = /** @type {{ stdout?: string, stderr?: string }} */ (error);
    const tail = `${stdout ?? ""}\n${stderr ?? ""}`.trim().split("\n").slice(-15).join("\n");
    throw new MissingPiece(`The test host could not be set up: ${file} ${args.join(" ")} failed.\n${tail}`);
  }
}

/**
 * @param {string} what
 * @param {string} packages
 * @returns {never}
 */
function missing(what, packages) {
  throw new MissingPiece(
    `${what} is missing, which the tests inside VS Code need. On Debian and Ubuntu: sudo apt-get install ${packages}. A browser elsewhere is named by DISTILLERY_BROWSER.`,
  );
}
