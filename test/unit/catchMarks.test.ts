/** The measurement of catch blocks counts what it marks: every kind is found, and a mark notes its place and nothing else. */
import { execFileSync } from "node:child_process";
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parseAst } from "vitest/node";
import { judge, linesAbout } from "../../bench/catches.ts";
import { type CatchBlock, markCatches } from "../../bench/catchMarks.ts";
import { unreached } from "../../bench/catchesUnreached.ts";
import { readyEnvironment } from "../../src/pipeline/adapters/environment.ts";

const repository = join(import.meta.dirname, "../..");
const { python } = await readyEnvironment();
let root = "";

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'distillery catches "é" '));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Marks these files, in a folder of their own. */
function marked(name: string, files: Record<string, string>): { folder: string; log: string; blocks: CatchBlock[] } {
  const [folder, log] = [join(root, name), join(root, `${name}.log`)];
  for (const [file, source] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), source);
  }
  return { folder, log, blocks: [...markCatches(folder, log, python).values()] };
}

const linesNoted = (log: string): number[] =>
  existsSync(log)
    ? [...readFileSync(log, "utf8").matchAll(/:(\d+):\d+ [0-9a-f]{12}$/gm)].map(([, line]) => Number(line))
    : [];

const typescript = `// 😀 before a mark: offsets are JavaScript's
const fail = (): never => { throw new Error("no"); };
let told = ""; const log = { tell(this: unknown, error: unknown) { told += String(this) + String(error); } };
export function planted(): number { try { return fail(); } catch { return 1; } }
const named = (process = ""): string => { try { fail(); } catch (error: unknown) { return process + String(error as Error); } return ""; };
export async function run(): Promise<unknown[]> {
  const rejected = () => Promise.reject<number>(new Error("no"));
  const all = [named(), await rejected().catch(() => 6), await rejected().catch((error: unknown) => ({ error }).error as Error)];
  await rejected().catch(() => {});
  await rejected().catch(log.tell); await rejected().then(null, async (error) => { await 0; all.push(String(error)); });
  const schema = { catch: (value: object) => value }; all.push(schema.catch({ a: 1 }), schema.catch([1]));
  await rejected().catch((e) => rejected().catch(() => String(e)));
  class Kept { close() { return rejected().catch(function () { return 13; }); } }
  all.push(await new Kept().close(), told);
  return all;
}
`;

it("finds every kind in TypeScript, by line and by the function around it", () => {
  const { blocks } = marked("kinds", { "src/a.ts": typescript, "webview/b.ts": "try { a(); } catch { b(); }\n" });
  expect(blocks.map(({ line, function: name }) => [line, name])).toEqual([
    [4, "planted"],
    [5, "named"],
    [8, "run"],
    [8, "run"],
    [10, "run"],
    [10, "run"],
    [12, "run"],
    [12, "run"],
    [13, "close"],
    [1, "the module"],
  ]);
});

it("marked TypeScript does as before, on the same lines, and notes what was reached, once", async () => {
  const { folder, log } = marked("same", { "src/a.ts": typescript, "plain/a.ts": typescript });
  const file = join(folder, "src/a.ts");
  expect(readFileSync(file, "utf8").split("\n").length).toBe(typescript.split("\n").length);
  const script = (path: string): string =>
    `import { run } from ${JSON.stringify(pathToFileURL(path).href)}; console.log(JSON.stringify([await run(), await run()].map(String)));`;
  const outcome = (path: string): string =>
    // As the product's child processes: nothing of this environment, another folder.
    execFileSync(process.execPath, ["--input-type=module", "-e", script(path)], {
      cwd: "/",
      env: {},
      encoding: "utf8",
    });
  expect(outcome(file)).toBe(outcome(join(folder, "plain/a.ts")));
  expect(linesNoted(log)).toEqual([5, 8, 8, 10, 10, 12, 12, 13]);
});

it("a mark that cannot write does no harm", () => {
  const { folder, log } = marked("unwritable", { "src/a.ts": typescript });
  mkdirSync(log);
  const script = `import { planted } from ${JSON.stringify(pathToFileURL(join(folder, "src/a.ts")).href)}; console.log(planted());`;
  const output = execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  expect(output.trim()).toBe("1");
});

const except = `"""Docstring with é and 😀."""
def planted():
    try:
        return "é😀", int("no")
    except ValueError: return 1
def asked(flag):
    try:
        raise KeyError(flag)
    except ZeroDivisionError:
        raise
    except (KeyError, OSError) as error:
        if (
            error.args[0]
        ):  # a comment
            return 2
        return 3
    except Exception:
        """Never reached."""
        raise
print(planted(), asked(True), asked(False))
`;

it("finds and marks except clauses, on the same lines, and each does as before", () => {
  const { folder, log, blocks } = marked("python", { "trainer/a.py": except, "trainer/tests/test_a.py": except });
  expect(blocks.map(({ line, function: name }) => [line, name])).toEqual([
    [5, "planted"],
    [9, "asked"],
    [11, "asked"],
    [17, "asked"],
  ]);
  const file = join(folder, "trainer/a.py");
  expect(readFileSync(file, "utf8").split("\n").length).toBe(except.split("\n").length);
  const output = execFileSync(python, ["-I", file], { cwd: "/", env: {}, encoding: "utf8" });
  expect(output.trim()).toBe("1 2 3");
  expect(linesNoted(log)).toEqual([5, 11, 11]);
});

it("an except clause without room for a mark is named, not left out", () => {
  const source = "try:\n    a()\nexcept OSError:\n    for b in c:\n        d()\n";
  expect(() => marked("no-room", { "trainer/a.py": source })).toThrow("a.py:3: the mark has no place");
});

it("all sources of the product parse with their marks", () => {
  const files = globSync(["src/**/*.ts", "trainer/*.py"], { cwd: repository });
  const sources = files.map((file) => [file, readFileSync(join(repository, file), "utf8")] as const);
  const { folder, blocks } = marked("product", Object.fromEntries(sources));
  expect(blocks.length).toBeGreaterThan(200);
  for (const file of files.filter((name) => name.endsWith(".ts")))
    parseAst(readFileSync(join(folder, file), "utf8"), { lang: "ts" }, file);
  const scripts = files.filter((name) => name.endsWith(".py")).map((file) => join(folder, file));
  execFileSync(python, ["-c", "import ast, sys\nfor f in sys.argv[1:]: ast.parse(open(f).read())", ...scripts]);
});

it("a block that nothing reaches is reported by its place, unless it is justified", () => {
  const { log, blocks: all } = marked("missed", { "src/a.ts": typescript });
  const ids = new Map(all.map((block, index) => [`${index}`, block]));
  expect(existsSync(log)).toBe(false);
  const noted = new Set(["1", "2", "3", "4", "5", "6", "7", "8", "a source that is gone"]);
  const open = judge(ids, noted, []);
  expect(open).toMatchObject({ blocks: 9, reached: 8, unreached: [{ file: "src/a.ts", line: 4, reason: null }] });
  expect(linesAbout(open)).toEqual([
    "not reached: src/a.ts:4 in planted",
    "8 of 9 reached (88.9 %), 0 justified, 1 neither",
  ]);
  const justified = judge(ids, noted, [{ file: "src/a.ts", function: "planted", reason: "It was planted." }]);
  expect(linesAbout(justified)).toEqual([
    "justified:   src/a.ts:4 in planted: It was planted.",
    "8 of 9 reached (88.9 %), 1 justified, 0 neither",
  ]);
});

it("every justification is of a place that there is, and says why", () => {
  const files = [...new Set(unreached.map(({ file }) => file))];
  const sources = files.map((file) => [file, readFileSync(join(repository, file), "utf8")] as const);
  const { blocks } = marked("justified", Object.fromEntries(sources));
  const places = new Set(blocks.map(({ file, function: name }) => `${file} ${name}`));
  expect(unreached.filter((each) => !places.has(`${each.file} ${each.function}`))).toEqual([]);
  for (const { reason } of unreached) expect(reason.length).toBeGreaterThan(20);
});
