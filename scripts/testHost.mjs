/** Starts the VS Code server on a fresh data folder, and a browser that shows it. */
import { execFile, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { chromium } from "playwright-core";
import { readyTestHost } from "./testHostInstall.mjs";

const run = promisify(execFile);

/** What no test wants to see: first-start pages, prompts of other features, and motion. */
const quietSettings = {
  "security.workspace.trust.enabled": false,
  "workbench.startupEditor": "none",
  "workbench.tips.enabled": false,
  "workbench.welcomePage.walkthroughs.openOnInstall": false,
  "telemetry.telemetryLevel": "off",
  "update.mode": "none",
  "extensions.ignoreRecommendations": true,
  "git.enabled": false,
  "files.simpleDialog.enable": true,
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  // Else VS Code starts `ps` and `ls` in the extension host again and again, to find ports to forward.
  "remote.autoForwardPortsSource": "output",
};

const browserArgs = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--force-renderer-accessibility",
];

/**
 * @typedef {object} ServerOptions
 * @property {Record<string, unknown>} [settings] user settings on top of the quiet ones
 * @property {string} [dataFolder] kept when given, else a temporary one that goes with the server
 * @property {Record<string, string>} [environment] variables for the server and so for the extension host
 * @property {string[]} [under] a program, with its arguments, that starts the server in its place
 * @property {string} [vsix] an extension to install before the server starts
 * @property {(text: string) => void} [say]
 */

/** @typedef {{ workspace?: string, extension?: string, tests?: string }} Place absolute paths */

/** @param {ServerOptions} options */
export async function startServer(options = {}) {
  const { server } = await readyTestHost(options.say);
  const data = options.dataFolder ?? (await mkdtemp(join(tmpdir(), "distillery-host-")));
  const userFolder = join(data, "data", "User");
  await mkdir(userFolder, { recursive: true });
  await writeFile(join(userFolder, "settings.json"), JSON.stringify({ ...quietSettings, ...options.settings }));
  const port = await freePort();
  const args = [
    server,
    "--host",
    "127.0.0.1",
    "--port",
    String(port),
    "--without-connection-token",
    "--accept-server-license-terms",
  ];
  args.push("--server-data-dir", data, "--enable-smoke-test-driver", "--telemetry-level", "off");
  if (options.vsix)
    await run(process.execPath, [
      server,
      "--install-extension",
      options.vsix,
      "--server-data-dir",
      data,
      "--accept-server-license-terms",
    ]);
  const [program = "", ...words] = [...(options.under ?? []), process.execPath, ...args];
  const child = spawn(program, words, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...options.environment },
    detached: process.platform !== "win32",
  });
  /** @type {string[]} */
  const log = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => log.push(String(chunk)));
  let exited = false;
  child.on("exit", () => (exited = true));
  const origin = `http://127.0.0.1:${port}`;
  const { pid = 0 } = child;
  /** @param {NodeJS.Signals} signal to the whole group; it may be gone already */
  const send = (signal) => {
    try {
      if (pid > 0) process.kill(-pid, signal);
    } catch {}
  };
  const killNow = () => send("SIGKILL");
  process.once("exit", killNow);
  for (let tries = 0; ; tries++) {
    if (exited || tries > 300) throw new Error(`The VS Code server did not start:\n${log.join("")}`);
    if (
      await fetch(`${origin}/version`).then(
        (answer) => answer.ok,
        () => false,
      )
    )
      break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    origin,
    data,
    log,
    pid,
    /** @param {Place} place */
    url: (place) => pageUrl(port, place),
    async stop() {
      const gone = exited ? Promise.resolve() : new Promise((resolve) => child.once("exit", resolve));
      send("SIGTERM");
      await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, 5000))]);
      killNow();
      process.removeListener("exit", killNow);
      if (!options.dataFolder) await rm(data, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
}

/**
 * @param {number} port
 * @param {Place} place
 */
function pageUrl(port, { workspace, extension, tests }) {
  const remote = (/** @type {string} */ path) => `vscode-remote://127.0.0.1:${port}${path}`;
  /** @type {string[][]} */
  const payload = [];
  if (extension) payload.push(["extensionDevelopmentPath", remote(extension)]);
  if (tests) payload.push(["extensionTestsPath", remote(tests)]);
  const query = new URLSearchParams();
  if (workspace) query.set(workspace.endsWith(".code-workspace") ? "workspace" : "folder", workspace);
  else query.set("ew", "true");
  if (payload.length > 0) query.set("payload", JSON.stringify(payload));
  return `http://127.0.0.1:${port}/?${query}`;
}

/**
 * A browser with one page of 1400 × 900.
 * @param {{ headless?: boolean, context?: import("playwright-core").BrowserContextOptions }} options
 */
export async function startBrowser(options = {}) {
  const { browser: executablePath } = await readyTestHost();
  const browser = await chromium.launch({ executablePath, args: browserArgs, headless: options.headless ?? true });
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, ...options.context });
  return { browser, context, page: await context.newPage() };
}

async function freePort() {
  const probe = createServer();
  await new Promise((resolve) => probe.listen(0, "127.0.0.1", () => resolve(null)));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return typeof address === "object" && address ? address.port : 0;
}
