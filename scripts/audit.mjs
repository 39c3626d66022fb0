/**
 * `npm run audit`: known vulnerabilities of the packages in package-lock.json and in the Python locks. Exit code 0 only
 * when every package was asked about and none has an advisory that must be acted on.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { npmFindings, pinned, pythonFindings } from "./auditReports.mjs";
import { ready, repository } from "./bootstrap.mjs";

await ready(fileURLToPath(import.meta.url));

const auditor = "pip-audit==2.10.1";
const locks = ["requirements", "requirements-dev", "uv-tool", "models"];
const { readyEnvironment } = await import("../src/pipeline/adapters/environment.ts");
const { torchPin } = await import("../src/pipeline/adapters/installEnvironment.ts");

const results = { "package-lock.json": auditNpm(), "Python locks": await auditPython() };
for (const [name, { found, unasked }] of Object.entries(results)) {
  console.log(`${name}: ${found.length} to act on, ${unasked.length} without an answer`);
  for (const line of found) console.log(`  ${line}`);
  for (const line of unasked.slice(0, 10)) console.log(`  no answer on ${line}`);
}
const all = Object.values(results).flatMap(({ found, unasked }) => [...found, ...unasked]);
process.exit(all.length === 0 ? 0 : 1);

function auditNpm() {
  const { stdout } = spawnSync("npm", ["audit", "--package-lock-only", "--json"], {
    cwd: repository,
    encoding: "utf8",
    maxBuffer: 2 ** 27,
    shell: process.platform === "win32",
  });
  return npmFindings(stdout ?? "");
}

async function auditPython() {
  const { python } = await readyEnvironment({ onProgress: (text) => console.log(text) });
  const asked = [
    ...new Set([
      torchPin,
      ...locks.flatMap((name) => pinned(readFileSync(join(repository, "trainer", `${name}.lock`), "utf8"))),
    ]),
  ];
  const folder = mkdtempSync(join(tmpdir(), "distillery-audit-"));
  try {
    const list = join(folder, "requirements.txt");
    writeFileSync(list, `${asked.join("\n")}\n`);
    // The versions are known: nothing is resolved, and no audited package is downloaded.
    const options = [
      "--requirement",
      list,
      "--no-deps",
      "--disable-pip",
      "--format",
      "json",
      "--progress-spinner",
      "off",
    ];
    const uv = join(dirname(python), process.platform === "win32" ? "uv.exe" : "uv");
    const { stdout } = spawnSync(uv, ["tool", "run", "--from", auditor, "pip-audit", ...options], { encoding: "utf8" });
    return pythonFindings(stdout ?? "", asked);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
