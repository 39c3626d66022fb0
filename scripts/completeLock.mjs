/**
 * Adds to package-lock.json what npm leaves out of it: packages for other platforms that the registry at hand does
 * not offer. Without them `npm ci` calls the lock file out of step with package.json. An added entry has no hash,
 * as nothing was fetched; npm skips it wherever its platform does not fit.
 *
 * Run it after every `npm install` that changes the lock file: `npm run lock`.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { repository } from "./bootstrap.mjs";

const file = join(repository, "package-lock.json");
/** @type {{ packages: Record<string, { version?: string, dev?: boolean, optional?: boolean, optionalDependencies?: Record<string, string> }> }} */
const lock = JSON.parse(readFileSync(file, "utf8"));
let added = 0;
for (const [parent, { optionalDependencies = {}, dev }] of Object.entries(lock.packages))
  for (const [name, version] of Object.entries(optionalDependencies)) {
    if (isPresent(parent, name)) continue;
    lock.packages[`node_modules/${name}`] = {
      version,
      ...platformOf(name),
      ...(dev ? { dev } : {}),
      optional: true,
    };
    added += 1;
  }
const [root = {}, ...others] = [lock.packages[""], ...Object.entries(lock.packages).filter(([path]) => path !== "")];
lock.packages = { "": root, ...Object.fromEntries(others.toSorted(([a], [b]) => (a < b ? -1 : 1))) };
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${added} packages for other platforms were added to package-lock.json.`);

/**
 * As Node resolves: in the parent's own node_modules, else further up.
 * @param {string} parent
 * @param {string} name
 */
function isPresent(parent, name) {
  for (let folder = parent; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/node_modules/")))) {
    if (lock.packages[`${folder ? `${folder}/` : ""}node_modules/${name}`]) return true;
    if (folder === "") return false;
  }
}

/**
 * System, processor and C library by the name; platform packages all carry them in it.
 * @param {string} name
 */
function platformOf(name) {
  const words = name.split(/[-/]/);
  /** @param {Record<string, string>} known */
  const find = (known) => words.map((word) => known[word]).find((value) => value !== undefined);
  const os = find({
    ...{ linux: "linux", darwin: "darwin", mac: "darwin", win: "win32", win32: "win32" },
    ...{ android: "android", freebsd: "freebsd", openharmony: "openharmony" },
  });
  const cpu = find({
    x64: "x64",
    arm64: "arm64",
    arm: "arm",
    armv7l: "arm",
    ia32: "ia32",
    riscv64: "riscv64",
    ppc64: "ppc64",
    s390x: "s390x",
  });
  const libc = find({ musl: "musl", musleabihf: "musl", gnu: "glibc", gnueabihf: "glibc" });
  return { ...(os ? { os: [os] } : {}), ...(cpu ? { cpu: [cpu] } : {}), ...(libc ? { libc: [libc] } : {}) };
}
