import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { createChatTeacher } from "../../src/pipeline/adapters/teacher/chatTeacher.ts";
import { createClock } from "../../src/pipeline/adapters/teacher/clock.ts";
import { createLimiter } from "../../src/pipeline/adapters/teacher/limiter.ts";
import { createMeter } from "../../src/pipeline/adapters/teacher/meter.ts";
import { createOpenaiModel } from "../../src/pipeline/adapters/teacher/openaiModel.ts";
import { startOpenaiServer, type FakeOptions } from "../fakes/openaiServer.ts";
import {
  always,
  answer,
  closeAll,
  domain,
  failure,
  fast,
  inTurn,
  key,
  liftQuestion,
  open,
  section,
  setUp,
  signal,
} from "../fakes/openaiSetup.ts";

afterEach(closeAll);

describe("C1: waits a service demands", () => {
  it.each<[string, Record<string, string>, number]>([
    ["Retry-After: 2", { "retry-after": "2" }, 2000],
    ["retry-after-ms", { "retry-after-ms": "1500" }, 1500],
    ["Retry-After: 120", { "retry-after": "120" }, 120_000],
    ["x-ratelimit-reset", { "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "3s" }, 3000],
    ["a date", { date: "Sun, 22 Nov 2026 10:00:00 GMT", "retry-after": "Sun, 22 Nov 2026 10:00:20 GMT" }, 20_000],
    ["-1", { "retry-after": "-1" }, 500],
    ["soon", { "retry-after": "soon" }, 500],
    ["nothing", {}, 500],
  ])("%s", async (_, headers, demanded) => {
    const { teacher, server } = await setUp({ script: inTurn({ kind: "status", status: 429, headers }) });
    const all = await Promise.all([1, 2, 3].map(() => teacher.reference(liftQuestion, section, domain, signal)));
    expect(all).toMatchObject([answer, answer, answer]);
    const [first, ...later] = server.calls.map(({ at }) => at);
    // The clock runs fast; what the server sees is real time.
    for (const at of later) expect((at - (first ?? 0)) * fast).toBeGreaterThanOrEqual(demanded);
    expect(server.calls).toHaveLength(4);
  });
});

it(
  "C2: gets 1,000 requests through a service that refuses what is too fast, with few tries each",
  { timeout: 20_000 },
  async () => {
    const { model, server, limiter } = await setUp({
      capacity: { perSecond: 400, burst: 20 },
      delayMs: 2,
      script: always({ kind: "content", text: '{"ok":true}' }),
    });
    const seen: number[] = [];
    const results = await Promise.all(
      Array.from({ length: 1000 }, async (_, number) => {
        const result = await model.generateJson(
          [{ role: "user", content: `n${number}` }],
          z.strictObject({ ok: z.boolean() }),
          { name: "ok", maxTokens: 20, temperature: 0, signal },
        );
        seen.push(limiter.concurrency);
        return result;
      }),
    );
    expect(results.filter(({ status }) => status === "answered")).toHaveLength(1000);
    const tries = new Map<string, number>();
    for (const { body } of server.calls)
      tries.set(body.messages?.[0]?.content ?? "", (tries.get(body.messages?.[0]?.content ?? "") ?? 0) + 1);
    expect(Math.max(...tries.values()) - 1).toBeLessThanOrEqual(6);
    expect(server.calls.some(({ behavior }) => behavior === "status")).toBe(true);
    expect(Math.max(...seen)).toBeGreaterThan(Math.min(...seen));
  },
);

describe("C3, C4: errors that no retry can mend end everything after one request", () => {
  it.each<[string, FakeOptions, string, RegExp]>([
    ["no credit", { script: always({ kind: "quota" }) }, "E_QUOTA", /no credit left/],
    ["payment required", { script: always({ kind: "status", status: 402 }) }, "E_QUOTA", /no credit left/],
    ["wrong key", { key: "sk-another-key-0000000" }, "E_AUTH", /does not accept the API key/],
    [
      "forbidden",
      { script: always({ kind: "status", status: 403, error: { message: `no, ${key}` } }) },
      "E_AUTH",
      /status 403\): no, \[key\]/,
    ],
    ["unknown model", { models: ["gpt-7"] }, "E_MODEL_NAME", /has no model "gpt-4o-mini"/],
    [
      "wrong path",
      { script: always({ kind: "status", status: 404, error: { message: "nothing here" } }) },
      "E_ENDPOINT",
      /base URL/,
    ],
  ])("%s", async (_, fake, code, message) => {
    const { teacher, server, logged, notices } = await setUp(fake);
    const errors = await Promise.all(
      [1, 2, 3, 4, 5].map(() => failure(teacher.reference(liftQuestion, section, domain, signal))),
    );
    for (const error of errors) {
      expect(error.code).toBe(code);
      expect(error.message).toMatch(message);
    }
    expect(server.calls).toHaveLength(1);
    expect(JSON.stringify([errors, logged, notices]) + String((errors[0] as { stack?: string }).stack)).not.toContain(
      key,
    );
  });
});

describe("C5: a service that fails", () => {
  it.each([500, 502, 503, 529])("a burst of %d is sat out", async (status) => {
    const { teacher, server } = await setUp({
      script: inTurn(...Array.from({ length: 4 }, () => ({ kind: "status", status }) as const)),
    });
    expect(await teacher.reference(liftQuestion, section, domain, signal)).toMatchObject(answer);
    expect(server.calls).toHaveLength(5);
  });

  it("one that is gone ends the run after six tries", async () => {
    const { teacher, server } = await setUp({ script: always({ kind: "status", status: 503 }) });
    expect(await failure(teacher.reference(liftQuestion, section, domain, signal))).toMatchObject({
      code: "E_SERVICE",
      message: expect.stringMatching(/^127\.0\.0\.1:\d+ answered with status 503, at the last of 6 tries\.$/),
    });
    expect(server.calls).toHaveLength(6);
  });

  it("an error hidden in status 200 counts as what it says", async () => {
    const { teacher, server } = await setUp({ script: inTurn({ kind: "hiddenError" }) });
    expect(await teacher.reference(liftQuestion, section, domain, signal)).toMatchObject(answer);
    expect(server.calls).toHaveLength(2);
  });
});

describe("C6: a service that does not come to an end", () => {
  it.each(["hangBeforeHeaders", "hangInBody", "slowBody"] as const)(
    "%s: the whole request has one time limit",
    async (kind) => {
      const meter = createMeter();
      const { teacher, server } = await setUp({ script: inTurn({ kind }) }, { timeoutMs: 1000, meter });
      expect(await teacher.reference(liftQuestion, section, domain, signal)).toMatchObject(answer);
      expect(server.paid()).toHaveLength(2);
      expect(meter.possiblyPaid()).toBe(1);
    },
  );

  it("names the time limit when it stays so", async () => {
    const { teacher } = await setUp({ script: always({ kind: "hangInBody" }) }, { timeoutMs: 50 });
    expect(await failure(teacher.reference(liftQuestion, section, domain, signal))).toMatchObject({
      code: "E_SERVICE",
      message: expect.stringContaining("did not finish answering"),
    });
  });
});

describe("C7: connections that break", () => {
  it.each(["reset", "cut", "wrongLength"] as const)("%s is tried again", async (kind) => {
    const { teacher, server } = await setUp({ script: inTurn({ kind }) });
    expect(await teacher.reference(liftQuestion, section, domain, signal)).toMatchObject(answer);
    expect(server.calls).toHaveLength(2);
  });

  it("one that always breaks is named", async () => {
    const { teacher, server } = await setUp({ script: always({ kind: "reset" }) });
    expect(await failure(teacher.reference(liftQuestion, section, domain, signal))).toMatchObject({
      code: "E_ENDPOINT",
      message: expect.stringContaining("ECONNRESET"),
    });
    expect(server.calls).toHaveLength(6);
  });

  it("a proxy that wants a sign-in is named", async () => {
    const { teacher, server } = await setUp({ script: always({ kind: "status", status: 407 }) });
    expect(await failure(teacher.reference(liftQuestion, section, domain, signal))).toMatchObject({
      code: "E_ENDPOINT",
      message: expect.stringContaining("a proxy asks for a sign-in"),
    });
    expect(server.calls).toHaveLength(2);
  });

  it("nobody there, no such name, no TLS: named, soon, and not charged", async () => {
    const server = await startOpenaiServer();
    await server.close();
    const meter = createMeter();
    const ask = (baseUrl: string) => {
      const clock = createClock(fast);
      const model = createOpenaiModel({
        model: "m",
        baseUrl,
        apiKey: key,
        clock,
        limiter: createLimiter({ clock }),
        meter,
      });
      return failure(createChatTeacher(model).reference(liftQuestion, section, domain, signal));
    };
    expect(await ask(server.baseUrl)).toMatchObject({
      code: "E_ENDPOINT",
      message: expect.stringContaining("ECONNREFUSED"),
    });
    expect(await ask("http://no-such-host.invalid/v1")).toMatchObject({
      code: "E_ENDPOINT",
      message: expect.stringMatching(/no-such-host\.invalid.*(ENOTFOUND|EAI_AGAIN)/),
    });
    expect(meter.possiblyPaid()).toBe(0);
    const plain = await startOpenaiServer();
    open.push(plain);
    expect(await ask(plain.baseUrl.replace("http:", "https:"))).toMatchObject({ code: "E_ENDPOINT" });
  });
});

it("does not follow a server that is no HTTP server", async () => {
  const server: Server = createServer();
  server.on("connection", (socket) => socket.end("SSH-2.0-OpenSSH_9.7\r\n"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  open.push({ close: () => new Promise((resolve) => void server.close(() => resolve())) });
  const clock = createClock(fast);
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  const model = createOpenaiModel({ model: "m", baseUrl, apiKey: key, clock, limiter: createLimiter({ clock }) });
  expect(await failure(createChatTeacher(model).reference(liftQuestion, section, domain, signal))).toMatchObject({
    code: "E_ENDPOINT",
  });
});
