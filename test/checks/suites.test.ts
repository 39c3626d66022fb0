/** The closing line of `npm test` and `.ci/run` must not hide a failure, whatever way a suite fails. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { junitCounts } from "../../scripts/suites.mjs";
import { copyRepository } from "./repositoryCopy.ts";

let copy = "";

beforeAll(() => {
  copy = copyRepository();
});
beforeEach(() => {
  rmSync(join(copy, "test/unit"), { recursive: true });
  mkdirSync(join(copy, "test/unit"));
});
afterAll(() => rmSync(copy, { recursive: true, force: true }));

const passing = 'import { expect, test } from "vitest";\ntest("passes", () => expect(1).toBe(1));\n';
const failing = 'import { expect, test } from "vitest";\ntest("fails", () => expect(1).toBe(2));\n';

/** Runs the unit suite of the copy with these files in it. */
function outcome(files: Record<string, string>): { status: number | null; closing: string; output: string } {
  for (const [name, content] of Object.entries(files)) writeFileSync(join(copy, "test/unit", name), content);
  const { status, stdout } = spawnSync(process.execPath, ["scripts/test.mjs", "unit"], { cwd: copy, encoding: "utf8" });
  return { status, closing: stdout.trimEnd().split("\n").at(-1) ?? "", output: stdout };
}

test("a suite that passes", () => {
  expect(outcome({ "a.test.ts": passing })).toMatchObject({ status: 0, closing: "1 passed, 0 failed" });
});

test("one file of a suite runs alone, and one that there is none of fails", () => {
  for (const name of ["a", "b", "ab"]) writeFileSync(join(copy, "test/unit", `${name}.test.ts`), passing);
  const alone = (...names: string[]) => {
    const { status, stdout } = spawnSync(process.execPath, ["scripts/test.mjs", ...names], {
      cwd: copy,
      encoding: "utf8",
    });
    return [status, stdout.trimEnd().split("\n").at(-1)];
  };
  expect(alone("unit/b")).toEqual([0, "1 passed, 0 failed"]);
  expect(alone("unit/a", "unit/b")).toEqual([0, "2 passed, 0 failed"]);
  expect(alone("unit/c")).toEqual([1, "0 passed, 1 failed"]);
  for (const name of ["unit/", "unit/../a", "extension/a", "nothing/a"]) expect(alone(name)[0]).toBe(2);
});

test("a failing test", () => {
  expect(outcome({ "a.test.ts": passing, "b.test.ts": failing })).toMatchObject({
    status: 1,
    closing: "1 passed, 1 failed",
  });
});

test("a file that cannot be loaded", () => {
  const broken = 'import "./nowhere.ts";\n';
  expect(outcome({ "a.test.ts": passing, "b.test.ts": broken })).toMatchObject({
    status: 1,
    closing: "1 passed, 1 failed",
  });
});

test("a suite without a test", () => {
  const { status, closing, output } = outcome({});
  expect({ status, closing }).toEqual({ status: 1, closing: "0 passed, 1 failed" });
  expect(output).toMatch(/ran no test|without a report/);
});

test("an error outside of every test", () => {
  const stray = `${passing}setTimeout(() => { throw new Error("stray"); }, 0);\ntest("waits", () => new Promise((done) => setTimeout(done, 50)));\n`;
  const { status, closing, output } = outcome({ "a.test.ts": stray });
  expect({ status, closing }).toEqual({ status: 1, closing: "2 passed, 1 failed" });
  expect(output).toContain("all tests passed, yet the exit code is 1");
});

test.runIf(process.platform !== "win32")("Ctrl-C ends the suite at hand, and none is begun after it", async () => {
  const marker = join(copy, "begun");
  const endless = `import { writeFileSync } from "node:fs";\nimport { test } from "vitest";\ntest("waits", async () => { writeFileSync(${JSON.stringify(marker)}, ""); await new Promise((done) => setTimeout(done, 60_000)); }, 90_000);\n`;
  writeFileSync(join(copy, "test/unit/a.test.ts"), endless);
  const child = spawn(process.execPath, ["scripts/test.mjs", "unit", "crash"], { cwd: copy });
  const ended = once(child, "exit");
  let output = "";
  child.stdout.on("data", (chunk) => (output += String(chunk)));
  await expect.poll(() => existsSync(marker), { timeout: 60_000 }).toBe(true);
  child.kill("SIGINT");
  expect(await ended).toEqual([130, null]);
  expect(output).toContain("== unit ==");
  expect(output).not.toContain("== crash ==");
});

test("an unknown suite is wrong use", () => {
  const { status, stderr } = spawnSync(process.execPath, ["scripts/test.mjs", "nothing"], {
    cwd: copy,
    encoding: "utf8",
  });
  expect(status).toBe(2);
  expect(stderr).toContain("unit, checks, crash, models, pipeline, trainer");
});

test("pytest's report is counted with its errors", () => {
  const report =
    '<?xml version="1.0"?><testsuites><testsuite name="pytest" errors="1" failures="2" skipped="1" tests="10" time="1"></testsuite></testsuites>';
  expect(junitCounts(report)).toEqual({ passed: 6, failed: 3, skipped: 1 });
});

test.runIf(process.platform !== "win32")(
  "the last line of .ci/run counts checks and tests, and a command that dies",
  () => {
    const original = readFileSync(join(copy, "package.json"), "utf8");
    const withScripts = (scripts: object) =>
      writeFileSync(join(copy, "package.json"), JSON.stringify({ ...(JSON.parse(original) as object), scripts }));
    const ci = () => {
      const { status, stdout } = spawnSync("bash", [".ci/run"], { cwd: copy, encoding: "utf8" });
      return { status, closing: stdout.trimEnd().split("\n").at(-1) };
    };
    withScripts({ check: "echo '7 passed, 0 failed'", test: "echo '5 passed, 0 failed'" });
    expect(ci()).toEqual({ status: 0, closing: "12 passed, 0 failed" });
    withScripts({ check: "echo '6 passed, 1 failed'; exit 1", test: "kill -9 $$" });
    expect(ci()).toEqual({ status: 1, closing: "6 passed, 2 failed" });
    withScripts({ check: "echo '7 passed, 0 failed'; exit 3", test: "echo '5 passed, 0 failed'" });
    expect(ci()).toEqual({ status: 1, closing: "12 passed, 1 failed" });
  },
);
