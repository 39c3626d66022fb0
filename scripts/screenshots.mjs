/**
 * `npm run screenshots`: takes the README's pictures anew, into docs/screenshots/. With `-- --all` every picture
 * in every theme goes into .cache/screenshots/, to be looked at.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ended, ready, repository } from "./bootstrap.mjs";

await ready(fileURLToPath(import.meta.url));

const all = process.argv.includes("--all");
const built = await ended(
  spawn(process.execPath, [join(repository, "scripts", "build.mjs")], { cwd: repository, stdio: "inherit" }),
);
if (built !== 0) process.exit(built);
/** @type {{ takeScreenshots(folder: string, all: boolean): Promise<void> }} */
const { takeScreenshots } = await import(String(new URL("../test/e2e/screenshots.ts", import.meta.url)));
await takeScreenshots(all ? join(repository, ".cache", "screenshots") : join(repository, "docs", "screenshots"), all);
