/**
 * `npm run sample-report`: three cycles of 20 questions over the bundled knowledge base with the embedded models,
 * retrieval included. The report goes into docs/sample-report/. It takes about an hour on two cores; interrupted, the
 * next call goes on.
 */
import { spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ended, ready, repository } from "./bootstrap.mjs";

await ready(fileURLToPath(import.meta.url));

const workspace = join(repository, ".cache", "sample-report");
const runs = join(workspace, ".distillery", "runs");
mkdirSync(workspace, { recursive: true });
const [begun] = existsSync(runs) ? readdirSync(runs) : [];
const what = begun ? ["resume", begun] : ["run", "--cycles", "3", "--questions", "20", "--arms", "retrieval"];
const cli = join(repository, "src", "cli", "main.ts");
const code = await ended(spawn(process.execPath, [cli, ...what, "--out", workspace], { stdio: "inherit" }));
if (code !== 0) process.exit(code);

const [run = ""] = readdirSync(runs);
const target = join(repository, "docs", "sample-report");
mkdirSync(target, { recursive: true });
for (const name of ["report.md", "report.html", "report.json"]) copyFileSync(join(runs, run, name), join(target, name));
rmSync(workspace, { recursive: true });
console.log(`The report is in docs/sample-report/, from run ${run}.`);
