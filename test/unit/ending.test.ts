/** The end of a model, and which one is named as its successor. */
import { expect, test } from "vitest";
import { endingNotice, endingOf } from "../../src/pipeline/adapters/teacher/ending.ts";
import { modelList } from "../../src/pipeline/adapters/teacher/replies.ts";

const openai = "https://api.openai.com/v1";
const day = "2027-01-14";

/** An entry of a list, as `GET /models` sends it. */
const entry = (id: string, rest: Record<string, unknown> = {}) => ({ id, object: "model", ...rest });
const ending = (model: string, baseUrl: string, ...entries: Record<string, unknown>[]) =>
  endingOf(modelList({ object: "list", data: entries }), { model, baseUrl });

test("a list as Mistral writes it names the day and the successor", () => {
  const old = entry("small-1", { deprecation: "2026-08-31T12:00:00Z", deprecation_replacement_model: "small-2" });
  const found = ending("small-1", "https://api.mistral.ai/v1", old, entry("small-2", { deprecation: null }));
  expect(found).toEqual({
    model: "small-1",
    day: "2026-08-31",
    successor: { model: "small-2", source: "api.mistral.ai names it as the successor." },
  });
  expect(ending("small-2", "https://api.mistral.ai/v1", old, entry("small-2"))).toBeNull();
  expect(ending("unlisted", "https://api.mistral.ai/v1", old)).toBeNull();
});

test("the published successor is named at OpenAI's own address, while its list has it and does not end it", () => {
  const old = entry("gpt-4o-mini", { shutdown_date: day });
  const next = entry("gpt-6-luna", { shutdown_date: null });
  expect(ending("gpt-4o-mini", openai, old, next)?.successor).toMatchObject({
    model: "gpt-6-luna",
    source: expect.stringContaining("27 October 2026"),
  });
  const dated = entry("gpt-4o-mini-2024-07-18", { shutdown_date: day });
  expect(ending("gpt-4o-mini-2024-07-18", openai, dated, next)?.successor?.model).toBe("gpt-6-luna");
  expect(ending("gpt-4o-mini", "https://gateway.example/v1", old, next)?.successor).toBeNull();
  expect(ending("gpt-4o-mini", openai, old)?.successor).toBeNull();
  expect(ending("gpt-4o-mini", openai, old, { ...next, shutdown_date: "2027-06-01" })?.successor).toBeNull();
  expect(ending("o9", openai, entry("o9", { shutdown_date: day }), next)?.successor).toBeNull();
  expect(ending("toString", openai, entry("toString", { shutdown_date: day }), next)?.successor).toBeNull();
});

test.each([
  ["x; rm -rf ~"],
  ["$(id)"],
  ["--yes"],
  [""],
  ["a".repeat(300)],
  [7],
  [null],
  [{ id: "next" }],
  ["gpt-4o-mini"],
])("%j is no successor", (named) => {
  const old = entry("gpt-4o-mini", { shutdown_date: day, deprecation_replacement_model: named });
  const found = ending("gpt-4o-mini", "https://gateway.example/v1", old);
  expect(found).toEqual({ model: "gpt-4o-mini", day, successor: null });
});

test("no flag is named where there is no successor", () => {
  expect(endingNotice({ model: "old", day, successor: null }, "--model")).toBe(
    "The provider switches old off on 2027-01-14.",
  );
});
