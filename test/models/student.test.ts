import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync, copyFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import { readyEnvironment } from "../../src/pipeline/adapters/environment.ts";
import { createStudent, type LocalStudent, type StudentOptions } from "../../src/pipeline/adapters/student.ts";
import { studentVariables } from "../../src/pipeline/adapters/studentProcess.ts";
import type { GenerateOptions } from "../../src/pipeline/ports.ts";
import { studentMessages, templates } from "../../src/pipeline/template.ts";
import { recipeSampling } from "../../src/protocol/run.ts";
import { spawnStudentHost } from "../fakes/studentHost.ts";
import { alive, gone, until } from "../fakes/processes.ts";

// The real embedded student throughout; only the process that dies at once is a fake.
const { embeddedStudent } = await readyEnvironment();
const folder = mkdtempSync(join(tmpdir(), "distillery-student-"));
const open: LocalStudent[] = [];
afterEach(() => Promise.all(open.splice(0).map((student) => student.close())));
afterAll(() => rmSync(folder, { recursive: true }));

function studentOf(options: Partial<StudentOptions> = {}): LocalStudent {
  const student = createStudent({ gguf: embeddedStudent, template: templates.chatml, gpu: "off", ...options });
  open.push(student);
  return student;
}

const ask = (student: Pick<LocalStudent, "generate">, question: string, options: Partial<GenerateOptions> = {}) =>
  student.generate(studentMessages({ name: "Kubernetes", version: "v1.28" }, question), {
    ...recipeSampling,
    maxNewTokens: 16,
    seed: 7,
    ...options,
  });
const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error: unknown) => error,
  );
/** Long enough that it is surely still going when something happens to it. */
const long = { maxNewTokens: 1_500, temperature: 1.5, repetitionPenalty: 1.5 };

test("the same prompt and seed give the same text, whatever was asked before or beside it", async () => {
  const student = studentOf();
  const first = await ask(student, "What is a Pod?");
  await ask(student, "What is a Pod for?");
  await student.generate([{ role: "user", content: "Another prompt altogether" }], {
    ...recipeSampling,
    maxNewTokens: 4,
    seed: 1,
  });
  const beside = await Promise.all(
    ["What is a Pod?", "What is DNS?", "What is a Pod?"].map((text) => ask(student, text)),
  );
  expect(beside[0]?.text).toBe(first.text);
  expect(beside[2]?.text).toBe(first.text);
  expect((await ask(studentOf(), "What is a Pod?")).text).toBe(first.text);
  expect((await ask(student, "What is a Pod?", { seed: 8 })).text).not.toBe(first.text);
  expect(first.text.length).toBeGreaterThan(10);
});

test("every sampling value arrives: greedy ignores the seed, one candidate is greedy, a penalty changes the text", async () => {
  const student = studentOf();
  const greedy = { temperature: 0, repetitionPenalty: 1, maxNewTokens: 40 };
  const plain = await ask(student, "List ten Kubernetes objects.", greedy);
  expect((await ask(student, "List ten Kubernetes objects.", { ...greedy, seed: 99 })).text).toBe(plain.text);
  const narrow = { ...greedy, temperature: 1.5, topK: 1 };
  expect((await ask(student, "List ten Kubernetes objects.", narrow)).text).toBe(plain.text);
  const nucleus = { ...greedy, temperature: 1.5, topK: 0, topP: 0.0001 };
  expect((await ask(student, "List ten Kubernetes objects.", nucleus)).text).toBe(plain.text);
  const penalized = await ask(student, "List ten Kubernetes objects.", { ...greedy, repetitionPenalty: 1.8 });
  expect(penalized.text).not.toBe(plain.text);
});

test("the model's own end, the length and the time each end an answer under their name", async () => {
  const student = studentOf();
  const greeting = await student.generate([{ role: "user", content: "Say only: yes" }], {
    ...recipeSampling,
    temperature: 0,
    seed: 1,
  });
  expect(greeting.stop).toBe("stop");
  expect(greeting.text).not.toMatch(/<\|im_(start|end)\|>|\s$/);
  const cut = await ask(student, "What is a Pod?", { maxNewTokens: 5 });
  expect(cut).toMatchObject({ stop: "length", tokens: 5 });
  const slow = await ask(student, "Tell a long story.", { ...long, maxTime: 0.5 });
  expect(slow.stop).toBe("time");
  expect(slow.tokens).toBeLessThan(1_500);
});

test("a stop text ends the answer and is no part of it", async () => {
  const whole = await ask(studentOf(), "What is a Pod?", { temperature: 0, maxNewTokens: 30 });
  const word = whole.text.split(" ")[4] ?? "";
  expect(word).not.toBe("");
  const stopping = studentOf({ template: { ...templates.chatml, stops: [` ${word}`] } });
  const stopped = await ask(stopping, "What is a Pod?", { temperature: 0, maxNewTokens: 30 });
  expect(stopped.stop).toBe("stop");
  expect(stopped.text).toBe(whole.text.slice(0, whole.text.indexOf(` ${word}`)));
});

test("chunks arrive while the answer is made and add up to it", async () => {
  const chunks: string[] = [];
  const answer = await ask(studentOf(), "What is a Pod?", { onText: (chunk) => chunks.push(chunk) });
  expect(chunks.length).toBeGreaterThan(3);
  expect(chunks.join("").trim()).toBe(answer.text);
});

test("an abort ends the answer, the waiting ones too, and leaves the process in use", async () => {
  const student = studentOf({ lanes: 1 });
  await student.device();
  const pid = student.pid();
  const stop = new AbortController();
  const running = failureOf(
    ask(student, "Tell a long story.", { ...long, signal: stop.signal, onText: () => stop.abort() }),
  );
  const waiting = failureOf(ask(student, "And another one.", { ...long, signal: stop.signal }));
  expect(await running).toMatchObject({ code: "E_STOPPED" });
  expect(await waiting).toMatchObject({ code: "E_STOPPED" });
  expect((await ask(student, "What is a Pod?")).text).not.toBe("");
  expect(student.pid()).toBe(pid);
});

test("an abort is answered before the model is loaded, which goes on for whoever asks next", async () => {
  const student = studentOf();
  const stop = new AbortController();
  const order: string[] = [];
  const ended = [
    student.device(stop.signal),
    student.tokenize("a Pod", stop.signal),
    ask(student, "What is a Pod?", { signal: stop.signal }),
  ].map(async (work) => {
    expect(await failureOf(work)).toMatchObject({ code: "E_STOPPED" });
    order.push("stopped");
  });
  const loaded = student.device().then(() => order.push("loaded"));
  stop.abort();
  await Promise.all([...ended, loaded]);
  expect(order).toEqual(["stopped", "stopped", "stopped", "loaded"]);
});

test("a killed process is an error of its own, and the next request gets a new one", async () => {
  const student = studentOf();
  const kill = () => process.kill(student.pid() ?? 0, "SIGKILL");
  const lost = await failureOf(ask(student, "Tell a long story.", { ...long, onText: kill }));
  expect(lost).toMatchObject({ code: "E_STUDENT_DIED", message: expect.stringContaining("SIGKILL") });
  expect((await ask(student, "What is a Pod?")).stop).toBe("length");
});

test("a process that dies again and again is started three times and no more", async () => {
  const childFile = join(folder, "dying.mjs");
  const starts = join(folder, "starts");
  writeFileSync(
    childFile,
    `import{appendFileSync}from"node:fs";appendFileSync(${JSON.stringify(starts)},"x");process.exit(7)`,
  );
  const student = studentOf({ childFile });
  for (let round = 0; round < 3; round++)
    expect(await failureOf(ask(student, "?"))).toMatchObject({
      code: "E_STUDENT_DIED",
      message: expect.stringContaining("exit code 7"),
    });
  expect(await failureOf(ask(student, "?"))).toMatchObject({ message: expect.stringContaining("3 times in a row") });
  expect(readFileSync(starts, "utf8")).toBe("xxx");
});

test("after close no process is left, and nothing is started again", async () => {
  const student = studentOf();
  const running = failureOf(ask(student, "Tell a long story.", long));
  const pid = await until(() => student.pid() ?? undefined);
  await student.close();
  expect(await gone(pid)).toBe(true);
  expect(await running).toMatchObject({ code: "E_STOPPED" });
  expect(await failureOf(ask(student, "?"))).toMatchObject({ code: "E_STOPPED" });
});

test("the process goes with its host, even when that is killed", async () => {
  const host = await spawnStudentHost(embeddedStudent);
  expect(alive(host.student)).toBe(true);
  host.kill();
  expect(await gone(host.student)).toBe(true);
});

test("an idle model is unloaded and comes back when it is needed", async () => {
  const student = studentOf({ idleMilliseconds: 100 });
  await ask(student, "What is a Pod?", { maxNewTokens: 2 });
  await until(() => (student.pid() === null ? true : undefined));
  expect((await ask(student, "What is a Pod?", { maxNewTokens: 2 })).tokens).toBe(2);
});

test("the process gets no key", async () => {
  const planted = { OPENAI_API_KEY: "sk-planted", HF_TOKEN: "hf-planted", NODE_OPTIONS: "--no-warnings", PATH: "/bin" };
  expect(JSON.stringify(studentVariables(planted))).not.toMatch(/planted|NODE_OPTIONS/);
  process.env["OPENAI_API_KEY"] = "sk-planted";
  try {
    const student = studentOf();
    await student.device();
    if (process.platform === "linux")
      expect(readFileSync(`/proc/${student.pid()}/environ`, "utf8")).not.toContain("planted");
    expect(studentVariables()).not.toHaveProperty("OPENAI_API_KEY");
  } finally {
    delete process.env["OPENAI_API_KEY"];
  }
});

test("a damaged model, one llama.cpp cannot load and a prompt that is too long are named", async () => {
  const cut = join(folder, "cut.gguf");
  copyFileSync(embeddedStudent, cut);
  truncateSync(cut, 60_000_000);
  expect(await failureOf(ask(studentOf({ gguf: cut }), "?"))).toMatchObject({ code: "E_MODEL_FILE" });
  const empty = join(folder, "empty.gguf");
  writeFileSync(empty, emptyModel());
  expect(await failureOf(ask(studentOf({ gguf: empty }), "?"))).toMatchObject({ code: "E_MODEL_LOAD" });
  const student = studentOf({ contextSize: 256 });
  expect(await failureOf(ask(student, "word ".repeat(400)))).toMatchObject({ code: "E_SETTINGS" });
  expect(() => student.tuned(join(folder, "none.gguf"))).toThrow(/cannot be read/);
  expect(await failureOf(ask(student.tuned(embeddedStudent), "?"))).toMatchObject({ code: "E_MODEL_LOAD" });
});

/** A consistent GGUF head that names an architecture and holds no tensor. */
function emptyModel(): Buffer {
  const text = (value: string) => {
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(value.length));
    return Buffer.concat([length, Buffer.from(value)]);
  };
  const numbers = Buffer.alloc(20);
  numbers.writeUInt32LE(3, 0);
  numbers.writeBigUInt64LE(1n, 12);
  const stringType = Buffer.from([8, 0, 0, 0]);
  return Buffer.concat([
    Buffer.from("GGUF"),
    numbers,
    text("general.architecture"),
    stringType,
    text("llama"),
    Buffer.alloc(64),
  ]);
}
