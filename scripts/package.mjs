/**
 * `npm run package`: a VSIX for this platform, or for `--target linux-arm64` and the like. It holds the
 * extension, the trainer's sources, the knowledge base and one llama.cpp build for the processor;
 * GPU builds and models are fetched on the user's machine.
 */
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ended, ready, repository } from "./bootstrap.mjs";

await ready(fileURLToPath(import.meta.url));

const asked = process.argv.indexOf("--target");
const target = asked > 0 ? String(process.argv[asked + 1]) : `${process.platform}-${process.arch}`;
const stage = join(repository, ".cache", "package");
const modules = join(repository, "node_modules");

/** The names llama.cpp's platform packages have, by VS Code's names of platforms. */
/** @type {Record<string, string>} */
const natives = {
  "linux-x64": "linux-x64",
  "linux-arm64": "linux-arm64",
  "darwin-arm64": "mac-arm64-metal",
  "darwin-x64": "mac-x64",
  "win32-x64": "win-x64",
  "win32-arm64": "win-arm64",
};
const native = natives[target];
if (!native) throw new Error(`There is no package for ${target}; there are ${Object.keys(natives).join(", ")}.`);
if (!existsSync(join(modules, "@node-llama-cpp", native)))
  throw new Error(`node_modules has no @node-llama-cpp/${native}: package on that platform, or install it first.`);

await step(process.execPath, [join(repository, "scripts", "build.mjs")], repository);
rmSync(stage, { recursive: true, force: true });
mkdirSync(stage, { recursive: true });
for (const name of ["media", "schemas", "knowledge", "README.md", "CHANGELOG.md"])
  cpSync(join(repository, name), join(stage, name), { recursive: true });
// The pictures stay in the repository; the README of the package does without.
const readme = readFileSync(join(stage, "README.md"), "utf8").replace(/<details>.*?<\/details>\n/s, "");
const lines = readme.split("\n").filter((line) => !line.includes("docs/screenshots"));
writeFileSync(join(stage, "README.md"), lines.join("\n"));
cpSync(join(repository, "LICENSE"), join(stage, "LICENSE.txt"));
for (const name of ["extension.cjs", "app.cjs", "studentChild.mjs", "webview.js", "webview.css"])
  cpSync(join(repository, "dist", name), join(stage, "dist", name));
const unwanted = /(^|[\\/])(tests|__pycache__|\.venv|\.pytest_cache|\.ruff_cache)([\\/]|$)|requirements-dev|\.pyc$/;
cpSync(join(repository, "trainer"), join(stage, "trainer"), {
  recursive: true,
  filter: (path) => !unwanted.test(path.slice(repository.length)),
});

// Below dist: vsce leaves a node_modules at the top out, and the student's process looks here first.
const shipped = join(stage, "dist", "node_modules");
for (const file of await loadedFiles("node-llama-cpp")) cpSync(join(repository, file), join(stage, "dist", file));
const ownFiles = join("node-llama-cpp", "llama");
for (const name of ["binariesGithubRelease.json", "llama.cpp.info.json", "package.json", "grammars"])
  cpSync(join(modules, ownFiles, name), join(shipped, ownFiles, name), { recursive: true });
const platform = join("@node-llama-cpp", native);
cpSync(join(modules, platform), join(shipped, platform), { recursive: true });

const manifest = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
for (const field of ["scripts", "devDependencies", "dependencies", "optionalDependencies", "bin", "private", "type"])
  delete manifest[field];
manifest.engines = { vscode: manifest.engines.vscode };
writeFileSync(join(stage, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);

const file = join(repository, "dist", `distillery-${target}-${manifest.version}.vsix`);
const packing = [
  join(modules, "@vscode", "vsce", "vsce"),
  "package",
  "--target",
  target,
  "--out",
  file,
  "--no-dependencies",
  "--allow-missing-repository",
  "--skip-license",
  "--no-rewrite-relative-links",
];
await step(process.execPath, packing, stage);
console.log(`${file}: ${(statSync(file).size / 1e6).toFixed(1)} MB`);

/**
 * The files of node_modules that importing a package loads, with the package.json and the licence beside them: two
 * thirds of llama.cpp's packages are its own command line and the building from source, which is switched off.
 * @param {string} name
 * @returns {Promise<Set<string>>} paths from the repository's root
 */
async function loadedFiles(name) {
  const { build } = await import("esbuild");
  const { metafile } = await build({
    stdin: { contents: `import ${JSON.stringify(name)};`, resolveDir: repository },
    absWorkingDir: repository,
    bundle: true,
    write: false,
    metafile: true,
    platform: "node",
    format: "esm",
    // Resolved as Node does, not as bundlers do.
    conditions: [],
    mainFields: ["main"],
    external: ["@node-llama-cpp/*", "@reflink/*"],
    logLevel: "warning",
  });
  const found = new Set(Object.keys(metafile.inputs).filter((each) => each.startsWith("node_modules/")));
  const folders = new Set([...found].flatMap(foldersOfPackage));
  for (const folder of folders)
    for (const each of readdirSync(join(repository, folder)))
      if (/^(package\.json|licen[cs]e(\..*)?)$/i.test(each)) found.add(`${folder}/${each}`);
  return found;
}

/**
 * From a file's own folder up to the root of its package; each may have a package.json that says how to load it.
 * @param {string} path
 */
function foldersOfPackage(path) {
  const [root = ""] = /^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(path) ?? [];
  const below = path
    .slice(root.length + 1)
    .split("/")
    .slice(0, -1);
  return [root, ...below.map((_, index) => [root, ...below.slice(0, index + 1)].join("/"))];
}

/**
 * @param {string} program
 * @param {string[]} args
 * @param {string} cwd
 */
async function step(program, args, cwd) {
  const code = await ended(spawn(program, args, { cwd, stdio: ["ignore", "inherit", "inherit"] }));
  if (code !== 0) process.exit(code);
}
