/** `distillery student` on runs of the fake parts; test/pipeline/commands.test.ts has the command line itself. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { student } from "../../src/cli/commands/student.ts";
import { parseCommandLine } from "../../src/cli/options.ts";
import type { StudentFile } from "../../src/protocol/student.ts";
import { fakeRunFile, freshFolder, play } from "../fakes/runs.ts";

const folder = freshFolder();

async function told(...args: string[]): Promise<string> {
  let text = "";
  const line = parseCommandLine([...args, "--out", folder], ["use", "cycle", "rollback", "json", "out"]);
  await student(line, {
    stdout: { write: (each: string) => (text += each) },
    stderr: { write: () => {} },
    signal: new AbortController().signal,
    sayStoppingWith() {},
    setLogFile() {},
  });
  return text;
}
const file = async () => JSON.parse(await told("--json")) as StudentFile;

beforeAll(async () => {
  const root = join(folder, ".distillery");
  await play(root, fakeRunFile({ cycles: 2 }, "first"));
  await play(root, fakeRunFile({}, "second"));
});

it("says who is in use, chooses by hand, goes back, and shows how it came to be", async () => {
  expect(await told()).toContain("No student is in use");
  await told("--use", "first", "--cycle", "1");
  expect(await told("--use", "sec")).toMatch(/^In use: run second, cycle 1 \(adapter [0-9a-f]{12}\)\./);
  expect(await told("--rollback")).toMatch(
    /^Back from run second, cycle 1 .* to run first, cycle 1 .*, verified by its hash, in \d+\.\d\d s\.\n/,
  );
  const { current, history } = await file();
  expect(current).toMatchObject({ run: "first", cycle: 1 });
  expect(history.map(({ why }) => why)).toEqual(["chosen by hand", "chosen by hand", "rolled back"]);
  await expect(told("--rollback")).rejects.toMatchObject({ code: "E_USAGE" });
});

it("chooses one whose run is gone, out of those that were in use", async () => {
  rmSync(join(folder, ".distillery/runs/second"), { recursive: true });
  await told("--use", "second");
  const { current, history } = await file();
  expect(current?.run).toBe("second");
  expect(history.at(-1)?.why).toBe("chosen by hand, from the history");
});

it("a damaged record of the student in use is set aside when another choice is made, and not before", async () => {
  const record = join(folder, ".distillery/student.json");
  writeFileSync(record, "{");
  await expect(told()).rejects.toMatchObject({ code: "E_STUDENT_FILE" });
  expect(readFileSync(record, "utf8")).toBe("{");
  await told("--use", "first", "--cycle", "2");
  const { current, history } = await file();
  expect([current?.run, current?.cycle, history.length]).toEqual(["first", 2, 1]);
  const aside = readdirSync(join(folder, ".distillery"), { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && readFileSync(join(entry.parentPath, entry.name), "utf8") === "{",
  );
  expect(aside.length).toBe(1);
});

it.each([
  [["--use", "none"], "E_RUN_UNKNOWN"],
  [["--use", "first", "--cycle", "7"], "E_USAGE"],
  [["--use", "first", "--rollback"], "E_USAGE"],
  [["--cycle", "1"], "E_USAGE"],
])("%j is refused and changes nothing", async (args, code) => {
  const before = await file();
  await expect(told(...args)).rejects.toMatchObject({ code });
  expect(await file()).toEqual(before);
});
