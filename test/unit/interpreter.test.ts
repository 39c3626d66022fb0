import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findInterpreter } from "../../src/pipeline/adapters/interpreter.ts";
import { UserError } from "../../src/protocol/errors.ts";
import { fakeInterpreter } from "../fakes/fakeInterpreter.ts";

let root: string;
let workspace: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "distillery-interpreter-"));
  workspace = mkdtempSync(join(tmpdir(), "distillery-workspace-"));
});
afterEach(() => [root, workspace].forEach((folder) => rmSync(folder, { recursive: true })));

const failure = (pathVariable: string) =>
  findInterpreter(workspace, pathVariable).then(
    () => null,
    (error: unknown) => error,
  );

test("the machine's own Python is found and new enough", async () => {
  const { path, version } = await findInterpreter(workspace);
  expect(existsSync(path)).toBe(true);
  expect(version).toMatch(/^3\.(1[1-9]|[2-9]\d)\.\d+$/);
});

test("without any Python the sentence says which one to install", async () => {
  const error = await failure(root);
  expect(error).toBeInstanceOf(UserError);
  expect(error).toMatchObject({ code: "E_PY_ENV" });
  expect(String(error)).toMatch(/No Python was found.*3\.11.*Install Python/s);
});

test("a Python that is too old is named with its version", async () => {
  const { folder } = fakeInterpreter(root, { version: [3, 9, 2] });
  expect(await failure(folder)).toMatchObject({
    code: "E_PY_ENV",
    message: expect.stringContaining(`${join(folder, "python3")} is 3.9.2`),
  });
});

test("a Python without its venv module is told apart from none", async () => {
  const { folder } = fakeInterpreter(root, { version: [3, 12, 1], venv: false });
  expect(String(await failure(folder))).toContain("without its venv module");
});

test("a newer one further down PATH is taken when the first is too old", async () => {
  const old = fakeInterpreter(join(root, "old"), { version: [3, 8, 0] });
  const recent = fakeInterpreter(join(root, "recent"), { version: [3, 12, 4] });
  const found = await findInterpreter(workspace, [old.folder, recent.folder].join(delimiter));
  expect(found).toEqual({ path: join(recent.folder, "python3"), version: "3.12.4" });
});

test("what answers like no Python is passed over", async () => {
  const { folder } = fakeInterpreter(root, { version: [3, 12, 4] });
  writeFileSync(join(folder, "python3"), "#!/bin/sh\necho Python was not found\n", { mode: 0o755 });
  expect(String(await failure(folder))).toContain("No Python was found");
});

test("an interpreter of the workspace is never started", async () => {
  const inside = fakeInterpreter(workspace, { version: [3, 12, 4] });
  const { calls } = inside;
  const relative = "bin";
  expect(String(await failure([inside.folder, relative, ""].join(delimiter)))).toContain("No Python was found");
  expect(readFileSync(calls, "utf8")).toBe("");
});
