/**
 * Bundles the extension: a small entry, the rest that it loads when first needed, the student's
 * process, and the panel. `--watch` builds again on every change, `--tests` adds the suite for the test host.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ready, repository } from "./bootstrap.mjs";

await ready(fileURLToPath(import.meta.url));
process.chdir(repository);
const flags = new Set(process.argv.slice(2));
const dev = flags.has("--watch") || flags.has("--tests");

/** Native packages cannot be bundled; they lie beside the bundles. */
const external = ["vscode", "node-llama-cpp", "@node-llama-cpp/*"];
const { build, context } = await import("esbuild");

/**
 * zod brings its messages in fifty languages, half of its size; ours are English, and it loads those by itself.
 * @type {import("esbuild").Plugin}
 */
const englishOnly = {
  name: "english-only",
  setup(builder) {
    builder.onResolve({ filter: /\/locales\/index\.js$/ }, ({ importer, resolveDir }) =>
      importer.includes("zod") ? { path: join(resolveDir, "..", "locales", "en.js") } : null,
    );
  },
};

/** @type {import("esbuild").BuildOptions} */
const common = {
  bundle: true,
  minify: !dev,
  sourcemap: dev,
  logLevel: "warning",
  legalComments: "none",
  metafile: true,
  plugins: [englishOnly],
};

/**
 * The entry loads the rest with `import("./app.ts")`; that stays a file of its own.
 * @type {import("esbuild").Plugin}
 */
const appStaysApart = {
  name: "app-stays-apart",
  setup(builder) {
    builder.onResolve({ filter: /(^|\/)app\.ts$/ }, ({ kind }) =>
      kind === "dynamic-import" ? { path: "./app.cjs", external: true } : null,
    );
  },
};

/**
 * CommonJS has no import.meta; these give what our sources read of it.
 * @type {import("esbuild").BuildOptions}
 */
const host = {
  ...common,
  platform: "node",
  target: "node22",
  format: "cjs",
  external,
  define: {
    "import.meta.dirname": "__dirname",
    "import.meta.filename": "__filename",
    "import.meta.url": "importMetaUrl",
  },
  banner: { js: 'const importMetaUrl = require("node:url").pathToFileURL(__filename).href;' },
};
/** @type {import("esbuild").BuildOptions} */
const child = { ...common, platform: "node", target: "node22", format: "esm", external };

/** @type {import("esbuild").BuildOptions[]} */
const bundles = [
  {
    ...host,
    banner: {},
    entryPoints: ["src/extension/extension.ts"],
    outfile: "dist/extension.cjs",
    plugins: [englishOnly, appStaysApart],
  },
  { ...host, entryPoints: ["src/extension/app.ts"], outfile: "dist/app.cjs" },
  {
    ...common,
    platform: "browser",
    target: "chrome128",
    format: "iife",
    entryPoints: ["webview/panel.ts"],
    outfile: "dist/webview.js",
  },
  { ...child, entryPoints: ["src/pipeline/adapters/studentChild.ts"], outfile: "dist/studentChild.mjs" },
  ...(flags.has("--tests")
    ? [
        {
          ...host,
          minify: false,
          external: [...external, "mocha"],
          entryPoints: ["test/extension/suite.ts"],
          outfile: "dist/test/suite.cjs",
        },
      ]
    : []),
];

if (flags.has("--watch")) for (const bundle of bundles) await (await context(bundle)).watch();
else {
  await rm("dist/test", { recursive: true, force: true });
  const results = await Promise.all(bundles.map((bundle) => build(bundle)));
  if (flags.has("--sizes"))
    for (const { metafile } of results)
      for (const [file, { bytes }] of Object.entries(metafile?.outputs ?? {}))
        if (!file.endsWith(".map")) console.log(`${file} ${(bytes / 1000).toFixed(1)} kB`);
}
