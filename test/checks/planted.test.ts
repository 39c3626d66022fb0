/** Each check must fail on a planted violation and name it; a check that always passes proves nothing. */
import { spawnSync } from "node:child_process";
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { copyRepository } from "./repositoryCopy.ts";

let copy = "";

beforeAll(() => {
  copy = copyRepository();
});

afterAll(() => rmSync(copy, { recursive: true, force: true }));

function outcome(check: string): { passed: boolean; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["scripts/check.mjs", check], {
    cwd: copy,
    encoding: "utf8",
  });
  return { passed: status === 0, output: `${stdout}${stderr}` };
}

/** Plants a file, runs one check, takes the file away again. */
function planted(check: string, path: string, content: string): { passed: boolean; output: string } {
  mkdirSync(dirname(join(copy, path)), { recursive: true });
  writeFileSync(join(copy, path), content);
  try {
    return outcome(check);
  } finally {
    rmSync(join(copy, path));
  }
}

const layering: [name: string, path: string, content: string][] = [
  ["vscode in the core", "src/pipeline/planted.ts", 'export * from "vscode";\n'],
  [
    "vscode in a stage, loaded late",
    "src/pipeline/stages/planted.ts",
    'export const planted = await import("vscode");\n',
  ],
  [
    "vscode in an adapter",
    "src/pipeline/adapters/planted.ts",
    'import type { Uri } from "vscode";\nexport type Planted = Uri;\n',
  ],
  ["vscode in the command line", "src/cli/planted.ts", 'import "vscode";\n'],
  [
    "an adapter in a stage",
    "src/pipeline/stages/planted.ts",
    'export { secretByName } from "../adapters/secrets.ts";\n',
  ],
  ["an adapter in the core", "src/pipeline/planted.ts", 'export { secretByName } from "./adapters/secrets.ts";\n'],
  [
    "an adapter in the report",
    "src/pipeline/report/planted.ts",
    'export { secretByName } from "../adapters/secrets.ts";\n',
  ],
  ["a client package in a stage", "src/pipeline/stages/planted.ts", 'export { OpenAI } from "openai";\n'],
  ["the file system in a stage", "src/pipeline/stages/planted.ts", 'export { rm } from "node:fs/promises";\n'],
  ["Node in the protocol", "src/protocol/planted.ts", 'export { join } from "node:path";\n'],
  ["the core in the protocol", "src/protocol/planted.ts", 'export { hashOf } from "../pipeline/hash.ts";\n'],
  ["a front end in an adapter", "src/pipeline/adapters/planted.ts", 'export { helpText } from "../../cli/help.ts";\n'],
  ["Node in the panel", "webview/planted.ts", 'export { join } from "node:path";\n'],
  ["the core in the panel", "webview/planted.ts", 'export { hashOf } from "../src/pipeline/hash.ts";\n'],
];

test.each(layering)("lint refuses %s", (_, path, content) => {
  const { passed, output } = planted("lint", path, content);
  expect(passed).toBe(false);
  expect(output).toContain("no-restricted-imports");
  expect(output).toContain(path);
});

test("lint allows what the layers may import", () => {
  const content =
    'import { z } from "zod";\nimport { idSchema } from "./model.ts";\nexport const planted = z.array(idSchema);\n';
  expect(planted("lint", "src/protocol/planted.ts", content).output).not.toContain("planted.ts");
});

test("lint refuses a variable nobody reads and a comparison that is never true", () => {
  const { passed, output } = planted(
    "lint",
    "src/pipeline/planted.ts",
    "const unread = 1;\nexport const read = typeof NaN === 'numbre';\n",
  );
  expect(passed).toBe(false);
  expect(output).toContain("no-unused-vars");
  expect(output).toContain("valid-typeof");
});

test("the compiler refuses a stage that reads an output it does not declare", () => {
  const stage = `import { defineStage } from "../stage.ts";
export const planted = defineStage({
  id: "comparison", version: 1, needs: ["questions"], needsPrevious: [], uses: "compute",
  params: () => null,
  async run(input) { return input.references as never; },
  summary: () => "",
});
`;
  const { passed, output } = planted("types", "src/pipeline/stages/planted.ts", stage);
  expect(passed).toBe(false);
  expect(output).toContain("planted.ts");
  expect(output).toContain("references");
});

test("the formatter refuses an unformatted file", () => {
  const { passed, output } = planted("format", "src/pipeline/planted.ts", "export const   planted = {a:1}\n");
  expect(passed).toBe(false);
  expect(output).toContain("src/pipeline/planted.ts");
});

test("knip finds an unused file and an unused export", () => {
  const { passed, output } = planted("unused", "src/pipeline/planted.ts", "export const planted = 1;\n");
  expect(passed).toBe(false);
  expect(output).toContain("src/pipeline/planted.ts");
  appendFileSync(join(copy, "src/pipeline/hash.ts"), "\nexport const plantedExport = 1;\n");
  const used = outcome("unused");
  expect(used.passed).toBe(false);
  expect(used.output).toContain("plantedExport");
});

test.each([
  ["python lint", "import os\n", "F401"],
  ["python format", "x = {  'a':1 }\n", "planted.py"],
  ["python types", 'count: int = "three"\n', "planted.py"],
])("%s refuses a planted fault", (check, content, named) => {
  const { passed, output } = planted(check, "trainer/planted.py", content);
  expect(passed).toBe(false);
  expect(output).toContain(named);
});
