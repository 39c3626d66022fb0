/** A child process's program in one file: thousands of starts should cost the starts, not the loading of sources each time. */
import { join } from "node:path";
import { build } from "esbuild";
import { freshFolder } from "../fakes/runs.ts";

/** Bundles `source`, a file of this folder, and returns the program's path, in a folder of its own. */
export async function bundledChild(source: string): Promise<string> {
  const outfile = join(freshFolder(), source.replace(/\.ts$/, ".mjs"));
  await build({
    entryPoints: [join(import.meta.dirname, source)],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    logLevel: "error",
  });
  return outfile;
}
