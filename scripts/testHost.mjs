/** Starts the VS Code server on a fresh data folder, and a browser that shows it. */
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { readyTestHost } from "./testHostInstall.mjs";

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
};

const browserArgs = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--force-renderer-accessibility"];

/**
 * @param options.settings user settings on top of the quiet ones
 * @param options.dataFolder kept when given, else a temporary one that goes with the server
 * @param options.environment variables for the server and so for the extension host
 * @returns origin, url(options) and stop()
 */
export async function startServer(options = {}) {
  const { server } = await readyTestHost(options.say);
  const data = options.dataFolder ?? (await mkdtemp(join(tmpdir(), "distillery-host-")));
  const userFolder = join(data, "data", "User");
  await mkdir(userFolder, { recursive: true });
  await writeFile(join(userFolder, "settings.json"), JSON.stringify({ ...quietSettings, ...options.settings }));
  const port = await freePort();
  const args = [server, "--host", "127.0.0.1", "--port", String(port), "--without-connection-token", "--accept-server-license-terms"];
  args.push("--server-data-dir", data, "--enable-smoke-test-driver", "--telemetry-level", "off", ...(options.args ?? []));
  const child = spawn(process.execPath, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...options.environment },
    detached: process.platform !== "win32",
  });
  const log = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => log.push(String(chunk)));
  let exited = false;
  child.on("exit", () => (exited = true));
  const origin = `http://127.0.0.1:${port}`;
  const killNow = () => {
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {}
  };
  process.once("exit", killNow);
  for (let tries = 0; ; tries++) {
    if (exited || tries > 300) throw new Error(`The VS Code server did not start:\n${log.join("")}`);
    if (await fetch(`${origin}/version`).then((answer) => answer.ok, () => false)) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    origin,
    data,
    log,
    pid: child.pid,
    url: (place) => pageUrl(port, place),
    async stop() {
      const gone = exited ? Promise.resolve() : new Promise((resolve) => child.once("exit", resolve));
      try {
        process.kill(-child.pid, "SIGTERM");
      } catch {}
      await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, 5000))]);
      killNow();
      process.removeListener("exit", killNow);
      if (!options.dataFolder) await rm(data, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
}

/** @param place { workspace?, extension?, tests? }, absolute paths */
function pageUrl(port, { workspace, extension, tests }) {
  const remote = (path) => `vscode-remote://127.0.0.1:${port}${path}`;
  const payload = [];
  if (extension) payload.push(["extensionDevelopmentPath", remote(extension)]);
  if (tests) payload.push(["extensionTestsPath", remote(tests)]);
  const query = new URLSearchParams();
  if (workspace) query.set(workspace.endsWith(".code-workspace") ? "workspace" : "folder", workspace);
  else query.set("ew", "true");
  if (payload.length > 0) query.set("payload", JSON.stringify(payload));
  return `http://127.0.0.1:${port}/?${query}`;
}

/** A browser with one page of 1400 × 900. */
export async function startBrowser(options = {}) {
  const { browser: executablePath } = await readyTestHost();
  const browser = await chromium.launch({ executablePath, args: browserArgs, headless: options.headless ?? true });
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, ...options.context });
  return { browser, context, page: await context.newPage() };
}

async function freePort() {
  const probe = createServer();
  await new Promise((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
