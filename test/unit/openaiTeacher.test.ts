import { afterEach, describe, expect, it } from "vitest";
import { priceOf } from "../../src/pipeline/adapters/teacher/prices.ts";
import {
  always,
  answer,
  closeAll,
  domain,
  inTurn,
  liftQuestion,
  section,
  setUp,
  signal,
  text,
  wish,
} from "../fakes/openaiSetup.ts";

afterEach(closeAll);

describe("questions", () => {
  it("come as families whose wordings differ, asked for with the section as delimited data", async () => {
    const { teacher, server, model } = await setUp();
    const { families, unusable } = await teacher.questions(wish);
    expect(unusable).toBe(0);
    expect(families).toHaveLength(2);
    for (const { wordings, rewordings, origin } of families) {
      expect([wordings.length, rewordings.length, origin]).toEqual([3, 1, "teacher"]);
      expect(new Set([...wordings, ...rewordings]).size).toBe(4);
    }
    const body = server.calls[0]?.body;
    expect(body?.messages?.[0]?.content).toMatch(
      /^You are an expert Ondrelle question generator specializing in Ondrelle\./,
    );
    expect(body?.messages?.[1]?.content).toContain(
      `<<<SECTION ${section.hash.slice(0, 12)}\n${text}\nSECTION ${section.hash.slice(0, 12)}>>>`,
    );
    expect(body?.response_format).toMatchObject({
      type: "json_schema",
      json_schema: { strict: true, schema: { additionalProperties: false, required: ["families"] } },
    });
    expect(body).toMatchObject({ seed: 1, temperature: 0.8, model: "gpt-4o-mini" });
    expect(model.id).toBe("gpt-4o-mini at 127.0.0.1");
  });

  it("share one prefix over sections, for the provider's cache", async () => {
    const { teacher, server } = await setUp();
    await teacher.questions(wish);
    await teacher.questions({
      ...wish,
      section: { ...section, text: `${text} More.`, hash: "f".repeat(64) },
      count: 1,
    });
    const [first, second] = server.calls.map(({ body }) => body.messages?.[0]?.content);
    expect(first).toBe(second);
  });

  it("throws away wordings that lean on the text or repeat each other, and families left with too few", async () => {
    const families = [
      {
        wordings: [
          "What does this section say about the arm?",
          "How heavy may the arm's load be?",
          "1. What can the arm lift?",
          "what can the ARM lift",
        ],
        rewordings: ["Which weight is the arm's limit?"],
      },
      { wordings: ["What is felt for?", "According to the text, what is felt for?"], rewordings: [] },
      { wordings: [], rewordings: [] },
    ];
    const { teacher } = await setUp({ script: always({ kind: "content", text: JSON.stringify({ families }) }) });
    expect(await teacher.questions({ ...wish, count: 3 })).toEqual({
      families: [
        {
          wordings: ["How heavy may the arm's load be?", "What can the arm lift?"],
          rewordings: ["Which weight is the arm's limit?"],
          origin: "teacher",
        },
      ],
      unusable: 2,
    });
  });

  it("makes up missing rewordings from surplus wordings", async () => {
    const families = [
      {
        wordings: [
          "How heavy may a load be?",
          "What can the arm lift?",
          "Which weight is too much?",
          "Where does the lifting end?",
        ],
        rewordings: [],
      },
    ];
    const { teacher } = await setUp({ script: always({ kind: "content", text: JSON.stringify({ families }) }) });
    expect((await teacher.questions(wish)).families).toEqual([
      {
        wordings: ["How heavy may a load be?", "What can the arm lift?", "Which weight is too much?"],
        rewordings: ["Where does the lifting end?"],
        origin: "teacher",
      },
    ]);
  });
});

describe("references", () => {
  it("answer from the section, with quotes and their lines", async () => {
    const { teacher, server } = await setUp();
    const reference = await teacher.reference(liftQuestion, section, domain, signal);
    expect(reference).toMatchObject({ ...answer, quotes: [{ line: 5 }] });
    expect(reference.text).toContain("7.25 kilograms");
    expect(server.calls).toHaveLength(1);
  });

  it("are asked for again, once, when a quote is not in the section, and marked when it stays so", async () => {
    const wrong = JSON.stringify({ answer: "It lifts nine tons.", quotes: ["The arm lifts nine tons."] });
    const better = await setUp({ script: inTurn({ kind: "content", text: wrong }) });
    expect(await better.teacher.reference(liftQuestion, section, domain, signal)).toMatchObject(answer);
    expect(better.server.calls[1]?.body.messages?.at(-1)?.content).toContain('"The arm lifts nine tons."');
    const never = await setUp({ script: always({ kind: "content", text: wrong }) });
    const reference = await never.teacher.reference(liftQuestion, section, domain, signal);
    expect(reference).toMatchObject({
      status: "answered",
      grounded: false,
      quotes: [{ text: "The arm lifts nine tons.", line: null }],
    });
    expect(never.server.calls).toHaveLength(2);
  });

  it("are refused when the section does not answer", async () => {
    const { teacher } = await setUp();
    expect(await teacher.reference("Who painted Guernica?", section, domain, signal)).toEqual({
      status: "refused",
      text: "",
      quotes: [],
      grounded: false,
      author: "teacher",
    });
  });
});

describe("what was used", () => {
  it("is counted from the answers", async () => {
    const { teacher, server } = await setUp({}, { prices: { "gpt-4o-mini": { input: 2, cachedInput: 1, output: 4 } } });
    await teacher.reference(liftQuestion, section, domain, signal);
    await teacher.questions(wish);
    const sum = (name: "inputTokens" | "outputTokens") => server.paid().reduce((total, call) => total + call[name], 0);
    expect(teacher.usage()).toEqual({
      requests: 2,
      inputTokens: sum("inputTokens"),
      outputTokens: sum("outputTokens"),
      dollars: expect.closeTo((2 * sum("inputTokens") + 4 * sum("outputTokens")) / 1e6, 12),
    });
  });

  it("has no dollars where the price or the usage is unknown", async () => {
    const unpriced = await setUp();
    await unpriced.teacher.reference(liftQuestion, section, domain, signal);
    expect(unpriced.teacher.usage()?.dollars).toBeNull();
    const uncounted = await setUp(
      { script: always({ kind: "noUsage" }) },
      { prices: { "gpt-4o-mini": { input: 1, output: 1 } } },
    );
    await uncounted.teacher.reference(liftQuestion, section, domain, signal);
    expect(uncounted.teacher.usage()).toEqual({ requests: 1, inputTokens: 0, outputTokens: 0, dollars: null });
  });

  it("is priced for OpenAI's own address only", () => {
    expect(priceOf("gpt-4o-mini-2024-07-18", "https://api.openai.com/v1")).toEqual(
      priceOf("gpt-4o-mini", "https://api.openai.com/v1"),
    );
    expect(priceOf("gpt-4o-mini", "https://api.openai.com/v1")?.output).toBe(0.6);
    expect(priceOf("gpt-4o-mini", "http://localhost:8000/v1")).toBeNull();
    expect(priceOf("constructor", "https://api.openai.com/v1")).toBeNull();
  });
});

it("stops at once when told to", async () => {
  const { teacher } = await setUp({ script: always({ kind: "hangInBody" }) });
  const controller = new AbortController();
  const begin = performance.now();
  setTimeout(() => controller.abort(new Error("stopped by hand")), 50);
  await expect(teacher.reference(liftQuestion, section, domain, controller.signal)).rejects.toThrow("stopped by hand");
  expect(performance.now() - begin).toBeLessThan(5000);
});
