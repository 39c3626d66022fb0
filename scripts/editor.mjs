/** `npm run editor`: VS Code with the extension on the sample workspace; the desktop one, else one in the browser. */
import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { repository } from "./bootstrap.mjs";
import { startServer } from "./testHost.mjs";

const sample = join(repository, "sample");
mkdirSync(sample, { recursive: true });
if (!existsSync(join(sample, "knowledge")))
  cpSync(join(repository, "knowledge"), join(sample, "knowledge"), { recursive: true });

const desktop = spawnSync("code", ["--version"], { encoding: "utf8", shell: process.platform === "win32" });
if (desktop.status === 0 && (process.platform !== "linux" || process.env.DISPLAY || process.env.WAYLAND_DISPLAY)) {
  spawn("code", ["--new-window", `--extensionDevelopmentPath=${repository}`, sample], {
    stdio: "inherit",
    shell: process.platform === "win32",
  });
} else {
  const server = await startServer({ settings: { "workbench.startupEditor": "none" } });
  console.log(`VS Code with Distillery: ${server.url({ workspace: sample, extension: repository })}`);
  console.log("Open this address in a browser on this machine. Ctrl+C ends it.");
  process.once("SIGINT", () => void server.stop().then(() => process.exit(0)));
  process.once("SIGTERM", () => void server.stop().then(() => process.exit(0)));
}
