/**
 * Wrong input at the command line: each ends with its code, a sentence, the right exit state, nothing lost and
 * nothing sent that should not be. None of these loads a model.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createCheckpointStore } from "../../src/pipeline/adapters/checkpointStore.ts";
import { errorTable } from "../../src/protocol/errors.ts";
import { startOpenaiServer } from "../fakes/openaiServer.ts";
import { fakeRunFile, freshFolder } from "../fakes/runs.ts";
import { startDistillery } from "./distillery.ts";

const key = "sk-test-canary-0123456789abcdef";
let folder = "";
beforeEach(() => {
  folder = freshFolder();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a command in the folder and checks everything that holds for every error. */
async function fails(args: string[], code: keyof typeof errorTable, env: Record<string, string> = {}): Promise<string> {
  const ended = await startDistillery([...args, "--out", folder], { cwd: folder, env: { OPENAI_API_KEY: "", ...env } });
  expect(ended.stderr).toContain(`${code}: `);
  expect(ended.stderr).toContain(errorTable[code].kept);
  expect(ended.stderr).toContain(errorTable[code].next);
  expect(ended.code).toBe(code === "E_USAGE" || code === "E_SETTINGS" ? 2 : 1);
  expect(ended.stdout + ended.stderr).not.toContain(key);
  expect(ended.stderr).not.toMatch(/\n\s+at .*\.ts:/);
  const log = join(folder, ".distillery/distillery.log");
  if (existsSync(log)) expect(readFileSync(log, "utf8")).not.toContain(key);
  return ended.stderr;
}

/** No run was created and nothing was written beyond an empty folder and the log. */
function expectNoRun(): void {
  const runs = join(folder, ".distillery/runs");
  expect(existsSync(runs) ? readdirSync(runs) : []).toEqual([]);
}

function knowledge(files: Record<string, string>): string {
  const target = join(folder, "docs");
  mkdirSync(target);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(target, name), content);
  return target;
}

test.each([
  [["run", "--questions", "0"], "E_SETTINGS", "--questions"],
  [["run", "--questions", "51"], "E_SETTINGS", "--questions"],
  [["run", "--cycles", "11"], "E_SETTINGS", "--cycles"],
  [["run", "--cycles", "1.5"], "E_SETTINGS", "--cycles"],
  [["run", "--teacher", "oracle"], "E_SETTINGS", "--teacher"],
  [["run", "--judge"], "E_SETTINGS", "--judge"],
  [["run", "--roles", "q_proj,attention"], "E_SETTINGS", "--roles"],
  [["run", "--memory-limit", "0"], "E_SETTINGS", "--memory-limit"],
  [["run", "--cpu-fallback", "never"], "E_SETTINGS", "--cpu-fallback"],
  [["run", "--colour", "red"], "E_USAGE", "--colour"],
  [["run", "extra"], "E_USAGE", "extra"],
  [["distil"], "E_USAGE", "distil"],
  [["ask"], "E_USAGE", "ask"],
  [["rerun"], "E_USAGE", "--from"],
  [["rerun", "--from", "cooking"], "E_USAGE", "cooking"],
  [["restore"], "E_USAGE", "backup file"],
  [["show", "nothing"], "E_RUN_UNKNOWN", "nothing"],
  [["resume"], "E_RUN_UNKNOWN", "no run"],
  [["resume", "../../etc"], "E_RUN_UNKNOWN", "../../etc"],
  [["run", "--topics", "Pods,Whales"], "E_TOPIC", '"Whales"'],
  [["run", "--own-questions", "none.jsonl"], "E_QUESTIONS_FILE", "none.jsonl"],
] as const)("%j", async (args, code, text) => {
  expect(await fails([...args], code)).toContain(text);
  expectNoRun();
});

test("an empty, a tiny and a missing knowledge base", async () => {
  expect(await fails(["run", "--knowledge", knowledge({})], "E_KNOWLEDGE")).toContain("no usable section");
  writeFileSync(join(folder, "docs/a.md"), "# A\n\nToo small.\n");
  expect(await fails(["run", "--knowledge", "docs"], "E_KNOWLEDGE")).toContain("fewer than 15 words");
  await fails(["run", "--knowledge", "nowhere"], "E_KNOWLEDGE");
  expectNoRun();
});

test("no key: nothing is sent", async () => {
  await fails(["run", "--teacher", "openai"], "E_NO_KEY");
  expectNoRun();
});

test("a wrong key: one request, no question, no run, and the key is shown nowhere", async () => {
  const server = await startOpenaiServer({ key: "sk-another-key-0123456789" });
  try {
    await fails(["run", "--teacher", "openai", "--base-url", server.baseUrl], "E_AUTH", { OPENAI_API_KEY: key });
    expect(server.calls.map(({ path }) => path)).toEqual(["/v1/models"]);
    expectNoRun();
  } finally {
    await server.close();
  }
});

test("a model of VS Code as teacher, which no command line can ask", async () => {
  await fails(["run", "--teacher", "vscode"], "E_EDITOR_MODEL");
  expectNoRun();
});

test("an endpoint that cannot be reached", async () => {
  const probe = createServer();
  const port = await new Promise<number>((resolve) =>
    probe.listen(0, "127.0.0.1", () => resolve((probe.address() as { port: number }).port)),
  );
  await new Promise((resolve) => probe.close(resolve));
  const args = ["run", "--teacher", "openai", "--base-url", `http://127.0.0.1:${port}/v1`];
  expect(await fails(args, "E_ENDPOINT", { OPENAI_API_KEY: key })).toContain(`127.0.0.1:${port}`);
  expectNoRun();
});

test("an address that came with the workspace does not get the key", async () => {
  const store = createCheckpointStore(join(folder, ".distillery"));
  const teacher = { kind: "openai", model: "m", baseUrl: "https://models.example.invalid/v1" };
  await (await store.create(fakeRunFile({ teacher }))).close();
  const env = { OPENAI_API_KEY: key, DISTILLERY_HOME: folder };
  expect(await fails(["resume", "run-1"], "E_SETTINGS", env)).toContain("https://models.example.invalid");
});

test("a run that is open elsewhere can be looked at and not be resumed", async () => {
  const store = await createCheckpointStore(join(folder, ".distillery")).create(fakeRunFile());
  try {
    expect(await fails(["resume", "run-1"], "E_RUN_LOCKED")).toContain(String(process.pid));
    await fails(["backup", "run-1"], "E_RUN_LOCKED");
    const shown = await startDistillery(["show", "--out", folder]);
    expect(shown.code).toBe(0);
    expect(shown.stdout).toContain("Run run-1");
  } finally {
    await store.close();
  }
});

test("a run whose knowledge base is gone is not resumed, and says whose it was", async () => {
  const store = createCheckpointStore(join(folder, ".distillery"));
  await (await store.create({ ...fakeRunFile(), knowledge: "docs" })).close();
  expect(await fails(["resume", "run-1"], "E_KNOWLEDGE")).toContain("The run's knowledge base: ");
  await (await store.open("run-1")).close();
});

test("a damaged run file is listed, named and kept", async () => {
  const store = createCheckpointStore(join(folder, ".distillery"));
  await (await store.create(fakeRunFile())).close();
  const file = join(folder, ".distillery/runs/run-1/run.json");
  const damaged = readFileSync(file, "utf8").replace('"seed"', '"sead"');
  writeFileSync(file, damaged);
  const listed = await startDistillery(["list", "--out", folder]);
  expect(listed.code).toBe(0);
  expect(listed.stdout).toMatch(/run-1 .*E_CKPT_/);
  expect(readFileSync(file, "utf8")).toBe(damaged);
});

test("a folder that cannot be written to", async () => {
  // A file where the folder should be stops every user, also one that may write everywhere.
  writeFileSync(join(folder, ".distillery"), "");
  await fails(["run", "--topics", "Pods"], "E_READ_ONLY");
});

test("a backup file that is none", async () => {
  writeFileSync(join(folder, "x.distillery-backup"), "not a backup");
  await fails(["restore", join(folder, "x.distillery-backup")], "E_BACKUP");
  expectNoRun();
});

test("with --json an error is one JSON object", async () => {
  const ended = await startDistillery(["run", "--questions", "0", "--json", "--out", folder]);
  expect(ended.stdout).toBe("");
  expect(JSON.parse(ended.stderr)).toMatchObject({
    error: { code: "E_SETTINGS", kept: "Nothing was started.", log: null },
  });
  expect(ended.code).toBe(2);
});

test("help and version are answered, and no command at all is wrong use", async () => {
  expect(await startDistillery(["--help"])).toMatchObject({ code: 0, stderr: "" });
  expect((await startDistillery(["run", "--help"])).stdout).toContain("--own-questions");
  expect((await startDistillery(["--version"])).stdout).toMatch(/^distillery \d+\.\d+\.\d+\n$/);
  expect((await startDistillery([])).code).toBe(2);
});
