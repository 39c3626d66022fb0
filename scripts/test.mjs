/**
 * `npm test`: every suite after the other, then a table and one closing line.
 * `npm test -- unit trainer` runs only those named, `npm test -- unit/hash trainer/test_rows` single files.
 */
import { fileURLToPath } from "node:url";
import { ready } from "./bootstrap.mjs";
import { isSuite, runSuites, suites, summarize } from "./suites.mjs";

await ready(fileURLToPath(import.meta.url));

const named = process.argv.slice(2);
const unknown = named.filter((name) => !isSuite(name));
if (unknown.length > 0) {
  console.error(`No suite ${unknown.join(", ")}. There are: ${suites.join(", ")}.`);
  process.exit(2);
}
const wanted = named.length > 0 ? named : suites;

// Set up here, with its progress in view, and not inside some test. Only the unit tests do without it.
const environment = wanted.some((name) => !/^unit(\/|$)/.test(name)) ? await pythonEnvironment() : null;
process.exit(summarize(await runSuites(wanted, environment?.python ?? null)));

async function pythonEnvironment() {
  const { readyEnvironment } = await import("../src/pipeline/adapters/environment.ts");
  try {
    return await readyEnvironment({ dev: true, onProgress: (text) => console.log(text) });
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return null;
  }
}
