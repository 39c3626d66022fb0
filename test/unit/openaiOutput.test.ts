import { afterEach, describe, expect, it } from "vitest";
import { createSpendingCap } from "../../src/pipeline/adapters/teacher/spendingCap.ts";
import {
  always,
  answer,
  closeAll,
  domain,
  failure,
  inTurn,
  liftQuestion,
  section,
  setUp,
  signal,
  wish,
} from "../fakes/openaiSetup.ts";

afterEach(closeAll);

describe("C8, C9: answers that are cut or refused", () => {
  it("a cut one is asked for once more with more room", async () => {
    const { teacher, server } = await setUp({ script: inTurn({ kind: "length" }) });
    expect(await teacher.reference(liftQuestion, section, domain, signal)).toMatchObject(answer);
    expect(server.calls.map(({ body }) => body.max_tokens)).toEqual([600, 2400]);
  });

  it("and is named truncated when that does not help", async () => {
    const { teacher, server } = await setUp({ script: always({ kind: "length" }) });
    expect(await teacher.reference(liftQuestion, section, domain, signal)).toMatchObject({
      status: "truncated",
      text: "",
      grounded: false,
    });
    expect(server.calls).toHaveLength(2);
  });

  it.each(["contentFilter", "refusal"] as const)("%s is not tried again", async (kind) => {
    const { teacher, server } = await setUp({ script: always({ kind }) });
    expect(await teacher.reference(liftQuestion, section, domain, signal)).toMatchObject({
      status: "refused",
      text: "",
    });
    expect(await teacher.questions(wish)).toEqual({ families: [], unusable: 2 });
    expect(server.calls).toHaveLength(2);
  });
});

describe("C10: output that is no answer", () => {
  it.each(["truncatedJson", "wrongShape", "emptyContent", "html", "empty", "brokenEnvelope", "huge"] as const)(
    "%s is repaired",
    async (kind) => {
      const { teacher, server } = await setUp({ script: inTurn({ kind: "normal" }, { kind }, { kind }) });
      await teacher.reference(liftQuestion, section, domain, signal);
      expect(await teacher.reference(liftQuestion, section, domain, signal)).toMatchObject(answer);
      expect(server.calls).toHaveLength(4);
    },
  );

  it.each(["fenced", "trailingText", "noUsage"] as const)("%s is understood at once", async (kind) => {
    const { teacher, server } = await setUp({ script: always({ kind }) });
    expect(await teacher.reference(liftQuestion, section, domain, signal)).toMatchObject(answer);
    expect(server.calls).toHaveLength(1);
  });

  it("tells the model what was wrong", async () => {
    const { teacher, server } = await setUp({ script: inTurn({ kind: "wrongShape" }) });
    await teacher.reference(liftQuestion, section, domain, signal);
    const [, , bad, complaint] = server.calls[1]?.body.messages ?? [];
    expect(bad).toMatchObject({ role: "assistant", content: expect.stringContaining('"families":"none"') });
    expect(complaint?.content).toMatch(/expected string, received number/);
  });

  it("is named after two repairs, with a sample in the log, and the run goes on while it is rare", async () => {
    const { teacher, server, logged } = await setUp({
      script: ({ number }) => (number <= 3 ? { kind: "truncatedJson" } : { kind: "normal" }),
    });
    expect(await teacher.reference(liftQuestion, section, domain, signal)).toMatchObject({
      status: "bad_output",
      text: "",
    });
    expect(server.calls).toHaveLength(3);
    expect(logged[0]).toMatch(/bad_output: The answer was no complete JSON object\.\n\{"answer"/);
    expect(await teacher.reference(liftQuestion, section, domain, signal)).toMatchObject(answer);
  });

  it("pauses the run when it is not rare", async () => {
    const { teacher } = await setUp({ script: always({ kind: "wrongShape" }) });
    const ask = () => failure(teacher.reference(liftQuestion, section, domain, signal));
    expect([await ask(), await ask()]).toMatchObject([{ code: "none" }, { code: "none" }]);
    expect(await ask()).toMatchObject({ code: "E_TEACHER_OUTPUT", message: expect.stringContaining("3 of 3 answers") });
  });

  it("is an address error when nothing usable ever came", async () => {
    const { teacher, server } = await setUp({ script: always({ kind: "html" }) });
    expect(await failure(teacher.reference(liftQuestion, section, domain, signal))).toMatchObject({
      code: "E_ENDPOINT",
      message: expect.stringContaining("sent a web page instead of JSON"),
    });
    expect(server.calls).toHaveLength(3);
  });
});

describe("C12: the spending limit", () => {
  const prices = { "gpt-4o-mini": { input: 1000, output: 1000 } };

  it.each(["normal", "noUsage"] as const)("is never passed (%s)", async (kind) => {
    const cap = 15;
    const { teacher, server } = await setUp({ script: always({ kind }) }, { prices, cap: createSpendingCap(cap) });
    const all = await Promise.all(
      Array.from({ length: 40 }, () => failure(teacher.reference(liftQuestion, section, domain, signal))),
    );
    expect(all.some(({ code }) => code === "E_BUDGET")).toBe(true);
    const spent = server
      .paid()
      .reduce((sum, { inputTokens, outputTokens }) => sum + (inputTokens + outputTokens) / 1000, 0);
    expect(spent).toBeLessThanOrEqual(cap);
    // What is not told counts in full; else it ends only where one more request at its most could pass the limit.
    const most = server.calls.map(({ body }) => Buffer.byteLength(JSON.stringify(body)) + (body.max_tokens ?? 0));
    expect(spent).toBeGreaterThan(kind === "normal" ? cap - Math.max(...most) / 1000 : 0);
  });

  it("counts what failed inside the service as paid", async () => {
    const { teacher, server } = await setUp(
      { script: always({ kind: "status", status: 500 }) },
      { prices, cap: createSpendingCap(5) },
    );
    expect(await failure(teacher.reference(liftQuestion, section, domain, signal))).toMatchObject({ code: "E_BUDGET" });
    expect(server.calls.length).toBeLessThan(6);
  });

  it("cannot be kept without a price", async () => {
    const { teacher, server } = await setUp({}, { cap: createSpendingCap(1) });
    expect(await failure(teacher.reference(liftQuestion, section, domain, signal))).toMatchObject({ code: "E_BUDGET" });
    expect(server.calls).toHaveLength(0);
  });
});
