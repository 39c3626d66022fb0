/**
 * `npm run check`: types, lint with layering, format, unused code, and the same for the Python side.
 * `npm run check -- lint unused` runs only those named.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { ready, repository } from "./bootstrap.mjs";

await ready(fileURLToPath(import.meta.url));

const python = ["python lint", "python format", "python types"];
/** @type {Record<string, string[]>} */
const commands = {
  types: ["tsc", "-b", "--pretty"],
  lint: ["oxlint", "--deny-warnings"],
  format: ["oxfmt", "--check"],
  unused: ["knip", "--treat-config-hints-as-errors"],
};

const named = process.argv.slice(2);
const all = [...Object.keys(commands), ...python];
const unknown = named.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  console.error(`No check ${unknown.join(", ")}. There are: ${all.join(", ")}.`);
  process.exit(2);
}
const chosen = named.length > 0 ? named : all;

if (chosen.some((name) => python.includes(name))) {
  const { readyEnvironment } = await import("../src/pipeline/adapters/environment.ts");
  const environment = await readyEnvironment({ dev: true, onProgress: (text) => console.log(text) }).catch((error) => {
    console.error(error instanceof Error ? error.message : error);
    return null;
  });
  const interpreter = environment?.python ?? "python-environment-missing";
  Object.assign(commands, {
    "python lint": [interpreter, "-m", "ruff", "check", "trainer"],
    "python format": [interpreter, "-m", "ruff", "format", "--check", "trainer"],
    "python types": [interpreter, "-m", "pyright", "--pythonpath", interpreter, "-p", "trainer"],
  });
}

const failed = [];
for (const name of chosen) {
  const [program = "", ...args] = commands[name] ?? [];
  const started = Date.now();
  // The programs are Node scripts or interpreters found on the PATH that bootstrap.mjs set; no shell is involved.
  const { status, error, stdout, stderr } = spawnSync(program, args, {
    cwd: repository,
    encoding: "utf8",
    shell: process.platform === "win32",
  });
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  console.log(`${status === 0 ? "ok    " : "FAILED"}  ${name}  (${seconds} s)`);
  if (status === 0) continue;
  failed.push(name);
  console.log(`${stdout ?? ""}${stderr ?? ""}${error ? `${error.message}\n` : ""}`);
}
console.log(`${chosen.length - failed.length} passed, ${failed.length} failed`);
process.exit(failed.length === 0 ? 0 : 1);
