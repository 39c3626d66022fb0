import { afterEach, describe, expect, it } from "vitest";
import { createOpenaiModel } from "../../src/pipeline/adapters/teacher/openaiModel.ts";
import { createEndpointEmbedder, createJudge } from "../../src/pipeline/adapters/teacher/judge.ts";
import { startOpenaiServer } from "../fakes/openaiServer.ts";
import {
  always,
  answer,
  closeAll,
  domain,
  failure,
  inTurn,
  key,
  liftQuestion,
  open,
  section,
  setUp,
  signal,
  text,
} from "../fakes/openaiSetup.ts";

afterEach(closeAll);

describe("what a model refuses", () => {
  it("is left out after the first refusal, and noted once", async () => {
    const { teacher, server, model, notices } = await setUp({
      refuses: ["temperature", "max_tokens", "seed", "json_schema", "json_object"],
    });
    expect(await teacher.reference(liftQuestion, section, domain, signal)).toMatchObject(answer);
    expect(server.calls).toHaveLength(6);
    expect(await teacher.reference(liftQuestion, section, domain, signal)).toMatchObject(answer);
    expect(server.calls).toHaveLength(7);
    const body = server.calls.at(-1)?.body ?? {};
    expect(Object.keys(body).sort()).toEqual(["max_completion_tokens", "messages", "model"]);
    expect(body.messages?.[0]?.content).toContain('It must fit this JSON Schema:\n{"type":"object"');
    expect(model.notes()).toHaveLength(5);
    expect(notices).toEqual(model.notes());
  });

  it("effort is asked for with room to think, and left out where it is refused", async () => {
    const thinking = await setUp({}, { effort: "low" });
    expect(thinking.model.id).toBe("gpt-4o-mini with low effort at 127.0.0.1");
    await thinking.teacher.reference(liftQuestion, section, domain, signal);
    expect(thinking.server.calls[0]?.body).toMatchObject({ reasoning_effort: "low", max_tokens: 2600 });

    const learnt: string[] = [];
    const { teacher, server } = await setUp(
      { refuses: ["reasoning_effort"] },
      { effort: "low", onLearnt: (note) => learnt.push(note) },
    );
    expect(await teacher.reference(liftQuestion, section, domain, signal)).toMatchObject(answer);
    expect(server.calls.map(({ body }) => [body["reasoning_effort"], body.max_tokens])).toEqual([
      ["low", 2600],
      [undefined, 600],
    ]);
    expect(learnt).toEqual(["gpt-4o-mini refuses `reasoning_effort`; it is left out."]);
  });

  it("a length that is too large is lowered to what is allowed", async () => {
    const { teacher, server } = await setUp({
      script: inTurn({
        kind: "status",
        status: 400,
        error: {
          message: "max_tokens is too large: 600. This model supports at most 512 completion tokens.",
          param: "max_tokens",
        },
      }),
    });
    expect(await teacher.reference(liftQuestion, section, domain, signal)).toMatchObject(answer);
    expect(server.calls.map(({ body }) => body.max_tokens)).toEqual([600, 512]);
  });

  it("a prompt that is too long fails that item only", async () => {
    const { teacher } = await setUp({
      script: inTurn({
        kind: "status",
        status: 400,
        error: { message: "This model's maximum context length is 4096 tokens.", code: "context_length_exceeded" },
      }),
    });
    expect(await teacher.reference(liftQuestion, section, domain, signal)).toMatchObject({ status: "bad_output" });
    expect(await teacher.reference(liftQuestion, section, domain, signal)).toMatchObject(answer);
  });
});

describe("the key", () => {
  it("goes into one header and stays out of answers, logs and the other headers", async () => {
    process.env["OPENAI_CUSTOM_HEADERS"] = "X-Canary: 1";
    process.env["OPENAI_ORG_ID"] = "org-canary";
    try {
      const { teacher, server, logged, model } = await setUp({ script: always({ kind: "echoKey" }) });
      const generated = await model.generate([{ role: "user", content: "Hello" }], {
        maxNewTokens: 50,
        temperature: 0,
        topP: 1,
        topK: 0,
        repetitionPenalty: 1,
        maxTime: 5,
        seed: 1,
      });
      expect(generated.text).toContain("The key is [key].");
      await teacher.reference(liftQuestion, section, domain, signal);
      const { authorization, ...others } = server.calls[0]?.headers ?? {};
      expect(authorization).toBe(`Bearer ${key}`);
      expect(JSON.stringify([others, server.calls[0]?.body, logged])).not.toMatch(/canary/);
    } finally {
      delete process.env["OPENAI_CUSTOM_HEADERS"];
      delete process.env["OPENAI_ORG_ID"];
    }
  });

  it("follows no redirect to another host", async () => {
    const elsewhere = await startOpenaiServer();
    open.push(elsewhere);
    for (const status of [301, 302, 307, 308]) {
      const { teacher, server } = await setUp({
        script: always({ kind: "redirect", to: `${elsewhere.baseUrl}/chat/completions`, status }),
      });
      expect(await failure(teacher.reference(liftQuestion, section, domain, signal))).toMatchObject({
        code: "E_ENDPOINT",
        message: expect.stringContaining("the key is not sent there"),
      });
      expect(server.calls).toHaveLength(1);
    }
    expect(elsewhere.calls).toHaveLength(0);
  });

  it("follows a redirect on the same host", async () => {
    const { teacher, server } = await setUp({ script: inTurn({ kind: "redirect", to: "/v1/chat/completions?again" }) });
    // The fake knows no query; what matters is that the same request arrives there with its body.
    await failure(teacher.reference(liftQuestion, section, domain, signal));
    expect(server.calls[1]).toMatchObject({ path: "/v1/chat/completions?again", body: server.calls[0]?.body });
  });

  it("that cannot be one is refused before anything is sent, unseen", () => {
    const make = () => createOpenaiModel({ model: "m", baseUrl: "https://api.openai.com/v1", apiKey: "sk-bad\nkey" });
    expect(make).toThrow(expect.objectContaining({ code: "E_AUTH", message: expect.not.stringContaining("sk-bad") }));
  });

  it("over plain http to another computer brings a notice, and to this one none", () => {
    const notices: string[] = [];
    const make = (baseUrl: string) =>
      createOpenaiModel({ model: "m", baseUrl, apiKey: key, onNotice: (notice) => notices.push(notice) });
    make("http://127.0.0.1:9/v1");
    make("https://example.org/v1");
    expect(notices).toEqual([]);
    make("http://example.org/v1");
    expect(notices).toEqual([expect.stringContaining("unencrypted")]);
  });

  it("is left away where there is none", async () => {
    const { teacher, server } = await setUp({}, { apiKey: null });
    await teacher.reference(liftQuestion, section, domain, signal);
    expect(server.calls[0]?.headers.authorization).toBeUndefined();
  });
});

describe("the judge", () => {
  const prompt = (instruction: string, input: object) =>
    `${instruction}\nPlease return JSON.\n-----\n\nNow perform the same with the following input\ninput: ${JSON.stringify(input, null, 4)}\nOutput: `;
  const chat = (content: string) => ({
    messages: [{ role: "user" as const, content }],
    json: true,
    maxTokens: 2048,
    temperature: 0.01,
  });

  it("answers in the metrics' shapes over json_object", async () => {
    const { model, server } = await setUp();
    const judge = createJudge(model);
    const claims = JSON.parse(
      await judge.chat(chat(prompt("Decompose and break down.", { response: text })), signal),
    ) as { claims: string[] };
    expect(claims.claims).toHaveLength(4);
    const verdicts = JSON.parse(
      await judge.chat(
        chat(
          prompt("Your task is to judge.", {
            context: text,
            statements: [claims.claims[0], "Snow falls in July on Mars."],
          }),
        ),
        signal,
      ),
    ) as { statements: { verdict: number }[] };
    expect(verdicts.statements.map(({ verdict }) => verdict)).toEqual([1, 0]);
    const question = JSON.parse(
      await judge.chat(
        chat(prompt("Generate a question for the given answer.", { response: "I don't know." })),
        signal,
      ),
    ) as { noncommittal: number };
    expect(question.noncommittal).toBe(1);
    expect(server.calls[0]?.body).toMatchObject({
      response_format: { type: "json_object" },
      max_tokens: 2048,
      temperature: 0.01,
    });
    expect(server.calls[0]?.body.messages).toHaveLength(1);
  });

  it("fails one score for bad output or one bad item, and all of them when the service is gone", async () => {
    const bad = await setUp({
      script: ({ body }) => ({ kind: body.messages?.[0]?.content === "bad" ? "truncatedJson" : "normal" }),
    });
    await createJudge(bad.model).chat(chat(prompt("Decompose.", { response: text })), signal);
    expect(await failure(createJudge(bad.model).chat(chat("bad"), signal))).toMatchObject({ code: "E_TEACHER_OUTPUT" });
    const gone = await setUp({ script: always({ kind: "status", status: 500 }) });
    expect(await failure(createJudge(gone.model).chat(chat("x"), signal))).toMatchObject({ code: "E_SERVICE" });
  });

  it("has the endpoint's vectors in the order of the texts, in batches", async () => {
    const { model, server } = await setUp();
    const embedder = createEndpointEmbedder(model, "text-embedding-3-small");
    const texts = Array.from({ length: 70 }, (_, index) => "a".repeat(index));
    const vectors = await embedder.embed(texts, signal);
    expect(vectors.map(([first]) => Math.round(first ?? -1))).toEqual(texts.map(({ length }) => length));
    expect(server.calls.map(({ body }) => body.input?.length)).toEqual([64, 6]);
    expect(server.calls[0]?.body["encoding_format"]).toBe("float");
  });
});

it.each([
  ["2027-01-14", "2027-01-14"],
  ["2027-01-14T00:00:00Z", "2027-01-14"],
  [1_799_884_800, "2027-01-14"],
  [null, null],
  [{ day: 14 }, null],
  ["some day", null],
  [1e300, null],
])("a model's end given as %j is %s", async (shutdownDate, day) => {
  const { model } = await setUp({ shutdownDate });
  expect((await model.models(signal))[0]).toEqual({ id: "gpt-4o-mini", shutdown: day, successor: null });
});

it("lists the endpoint's models", async () => {
  const { model } = await setUp({ models: ["gpt-4o-mini", "other"] });
  expect(await model.models(signal)).toEqual([
    { id: "gpt-4o-mini", shutdown: null, successor: null },
    { id: "other", shutdown: null, successor: null },
  ]);
  const without = await setUp({ script: always({ kind: "status", status: 404 }) });
  expect(await without.model.models(signal)).toEqual([]);
  const locked = await setUp({ key: "sk-another-key-0000000" });
  expect(await failure(locked.model.models(signal))).toMatchObject({ code: "E_AUTH" });
});
