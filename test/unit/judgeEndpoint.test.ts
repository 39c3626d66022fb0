import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { checkEndpoints, composeJudge, connectTeacher } from "../../src/cli/endpoint.ts";
import { createAccounts } from "../../src/pipeline/adapters/teacher/accounts.ts";
import { createJudge } from "../../src/pipeline/adapters/teacher/judge.ts";
import { createSpendingCap } from "../../src/pipeline/adapters/teacher/spendingCap.ts";
import { openWorkspace, type Workspace } from "../../src/cli/workspace.ts";
import { runSettingsSchema, type RunSettings } from "../../src/protocol/run.ts";
import { fakeRunFile } from "../fakes/runs.ts";
import { startOpenaiServer, type FakeServer } from "../fakes/openaiServer.ts";

const teacherKey = "sk-teacher-0123456789abcdef";
const judgeKey = "sk-judge-0123456789abcdef";
const signal = new AbortController().signal;
const request = { messages: [{ role: "user" as const, content: "Hello" }], json: false, maxTokens: 9, temperature: 0 };

let folder = "";
let workspace: Workspace;
let servers: FakeServer[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "judge-"));
  workspace = openWorkspace(folder, () => {});
  vi.stubEnv("DISTILLERY_HOME", folder);
  vi.stubEnv("OPENAI_API_KEY", teacherKey);
  vi.stubEnv("JUDGE_API_KEY", undefined);
  servers = [await startOpenaiServer(), await startOpenaiServer()];
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all(servers.map((server) => server.close()));
  await rm(folder, { recursive: true });
});

const addresses = () => servers.map(({ baseUrl }) => baseUrl) as [string, string];
const online = (baseUrl: string) => ({ kind: "openai" as const, model: "gpt-4o-mini", baseUrl });
const settingsOf = (changes: Partial<RunSettings>) => runSettingsSchema.parse({ judge: true, ...changes });
const check = (settings: RunSettings, judge = true) =>
  checkEndpoints(settings, workspace, { teacher: true, judge }, () => {}, signal);

/** Asks the judge of these settings once, as a run does. */
async function judgeOnce(settings: RunSettings) {
  const { teacher } = settings;
  const endpoint = teacher.kind === "openai" ? await connectTeacher(teacher, workspace, () => {}) : null;
  const judge = await composeJudge(settings, endpoint, workspace, () => {});
  await judge?.chat(request, signal);
  return judge;
}

const keysAt = (server: FakeServer | undefined) => new Set(server?.calls.map(({ headers }) => headers.authorization));

test("a budget is refused where the price of teacher or judge is not known, before anything is sent", async () => {
  const [at] = addresses();
  const open = { budget: 5, judge: false };
  await expect(check(settingsOf({ ...open, teacher: online(at) }))).rejects.toMatchObject({
    code: "E_SETTINGS",
    message: expect.stringContaining("The price of gpt-4o-mini at 127.0.0.1"),
  });
  const prices = { "gpt-4o-mini": { input: 1, output: 2 } };
  await check(settingsOf({ ...open, prices, teacher: online(at) }));
  expect(servers.flatMap(({ calls }) => calls.map(({ path }) => path))).toEqual(["/v1/models"]);
  servers[0]?.calls.splice(0);
  const judged = settingsOf({ budget: 5, judgeModel: { model: "other", baseUrl: "https://api.openai.com/v1" } });
  await expect(check(judged)).rejects.toMatchObject({ code: "E_SETTINGS" });
  expect(servers.flatMap(({ calls }) => calls)).toEqual([]);
});

/** What is told before a run at an endpoint that ends its models. */
async function toldOf(settings: (baseUrl: string) => Partial<RunSettings>, listed: Record<string, unknown>) {
  const ending = await startOpenaiServer({ shutdownDate: "2027-01-14", listed });
  servers.push(ending);
  const notices: string[] = [];
  const onNotice = (text: string) => notices.push(text.replace(new URL(ending.baseUrl).host, "HOST"));
  const parsed = settingsOf({ judge: false, ...settings(ending.baseUrl) });
  await checkEndpoints(parsed, workspace, { teacher: true, judge: true }, onNotice, signal);
  return notices;
}

test("the day a model is switched off is told before the run, and the flag that uses the successor", async () => {
  const taught = (baseUrl: string) => ({ teacher: online(baseUrl) });
  expect(await toldOf(taught, {})).toEqual(["The provider switches gpt-4o-mini off on 2027-01-14."]);
  const told = (flag: string) =>
    `The provider switches gpt-4o-mini off on 2027-01-14. new-mini: HOST names it as the successor. ${flag} new-mini uses it.`;
  const named = { deprecation_replacement_model: "new-mini" };
  expect(await toldOf(taught, named)).toEqual([told("--model")]);
  const judged = (baseUrl: string) => ({ judge: true, judgeModel: { model: "gpt-4o-mini", baseUrl } });
  expect(await toldOf(judged, named)).toEqual([told("--judge-model")]);
});

test("the teacher's key goes to the teacher alone; a judge elsewhere gets its own or none", async () => {
  const [at, elsewhere] = addresses();
  const settings = settingsOf({ teacher: online(at), judgeModel: { model: "gpt-4o-mini", baseUrl: elsewhere } });
  await check(settings);
  await judgeOnce(settings);
  expect(keysAt(servers[0])).toEqual(new Set([`Bearer ${teacherKey}`]));
  expect(keysAt(servers[1])).toEqual(new Set([undefined]));
  vi.stubEnv("JUDGE_API_KEY", judgeKey);
  servers[1]?.calls.splice(0);
  const judge = await judgeOnce(settings);
  expect(keysAt(servers[1])).toEqual(new Set([`Bearer ${judgeKey}`]));
  expect(judge?.usage()?.requests).toBe(1);
});

test("another model at the teacher's address has the teacher's key, and the teacher's own model its client", async () => {
  const [at] = addresses();
  const other = await judgeOnce(
    settingsOf({ teacher: online(at), judgeModel: { model: "text-embedding-3-small", baseUrl: at } }),
  );
  expect(keysAt(servers[0])).toEqual(new Set([`Bearer ${teacherKey}`]));
  expect(other?.usage()?.requests).toBe(1);
  const same = await judgeOnce(settingsOf({ teacher: online(at) }));
  expect(same?.usage()).toBeNull();
});

test("teacher and judge share a limiter where they share an account, and nothing elsewhere", async () => {
  const busy = await startOpenaiServer({
    script: ({ number }) =>
      number === 1 ? { kind: "status", status: 429, headers: { "retry-after": "1" } } : { kind: "normal" },
  });
  servers.push(busy);
  const [, elsewhere] = addresses();
  const accounts = createAccounts(
    createSpendingCap(null),
    { file: fakeRunFile(), updateFile: async () => {} },
    () => {},
  );
  const teacher = online(busy.baseUrl);
  const judgeAt = (baseUrl: string) =>
    composeJudge(
      settingsOf({ teacher, judgeModel: { model: "text-embedding-3-small", baseUrl } }),
      null,
      workspace,
      () => {},
      accounts,
    );
  const endpoint = await connectTeacher(teacher, workspace, () => {}, accounts);
  const [beside, apart] = [await judgeAt(busy.baseUrl), await judgeAt(elsewhere)];
  const teaching = createJudge(endpoint).chat(request, signal);
  await expect.poll(() => busy.calls).toHaveLength(1);
  await apart?.chat(request, signal);
  expect(busy.calls).toHaveLength(1);
  await Promise.all([teaching, beside?.chat(request, signal)]);
  const [first, ...later] = busy.calls.map(({ at }) => at);
  expect(later).toHaveLength(2);
  for (const at of later) expect(at - (first ?? 0)).toBeGreaterThanOrEqual(1000);
});

test("an offline teacher can be judged; the judge's address is confirmed as the teacher's is", async () => {
  const remote = { model: "j", baseUrl: "https://judge.example/v1" };
  await expect(check(settingsOf({}))).rejects.toMatchObject({ code: "E_SETTINGS" });
  await expect(check(settingsOf({ judgeModel: remote }), false)).rejects.toMatchObject({
    code: "E_SETTINGS",
    message: expect.stringContaining("--judge-url https://judge.example/v1"),
  });
  // Named on the command line it is known; OPENAI_API_KEY is not for it.
  await expect(check(settingsOf({ judgeModel: remote }))).rejects.toMatchObject({
    code: "E_NO_KEY",
    message: expect.stringContaining("JUDGE_API_KEY"),
  });
  const [, here] = addresses();
  await judgeOnce(settingsOf({ judgeModel: { model: "gpt-4o-mini", baseUrl: here } }));
  expect(keysAt(servers[1])).toEqual(new Set([undefined]));
});
