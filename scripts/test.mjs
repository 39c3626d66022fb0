/**
 * `npm test`: every suite after the other, then a table and one closing line.
 * `npm test -- unit trainer` runs only those named.
 */
import { fileURLToPath } from "node:url";
import { ready } from "./bootstrap.mjs";
import { runEditor, runPytest, runVitest, summarize } from "./suites.mjs";

await ready(fileURLToPath(import.meta.url));

/** In order: what is quick first. Suites with models or child processes run their files one by one. */
const folders = [
  { name: "unit", parallel: true },
  { name: "checks", parallel: false },
  { name: "crash", parallel: false },
  { name: "models", parallel: false },
  { name: "pipeline", parallel: false },
];
const all = [...folders.map(({ name }) => name), "trainer", "extension", "e2e"];
const named = process.argv.slice(2);
const unknown = named.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  console.error(`No suite ${unknown.join(", ")}. There are: ${all.join(", ")}.`);
  process.exit(2);
}
const wanted = (/** @type {string} */ name) => named.length === 0 || named.includes(name);

// Set up here, with its progress in view, and not inside some test. Only the unit tests do without it.
const environment = all.some((name) => name !== "unit" && wanted(name)) ? await pythonEnvironment() : null;

const results = [];
for (const { name, parallel } of folders) if (wanted(name)) results.push(await runVitest(name, { parallel }));
if (wanted("trainer"))
  results.push(
    environment
      ? await runPytest("trainer", environment.python)
      : { name: "trainer", passed: 0, failed: 1, skipped: 0, seconds: 0, problem: "no Python environment" },
  );
// Inside a real VS Code, and through its window as a person; both want the extension bundled.
if (wanted("extension") || wanted("e2e")) results.push(...(await runEditor(wanted("extension"), wanted("e2e"))));
process.exit(summarize(results));

async function pythonEnvironment() {
  const { readyEnvironment } = await import("../src/pipeline/adapters/environment.ts");
  try {
    return await readyEnvironment({ dev: true, onProgress: (text) => console.log(text) });
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return null;
  }
}
