import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findApiKey, requireKey } from "../../src/pipeline/adapters/teacher/apiKey.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "distillery-key-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));
const dotEnv = (text: string) => writeFile(join(folder, ".env"), text);

describe("findApiKey", () => {
  it("prefers the environment", async () => {
    await dotEnv("OPENAI_API_KEY=sk-from-file-0001");
    const found = await findApiKey({ OPENAI_API_KEY: " sk-from-environment " }, folder);
    expect(found).toEqual({
      key: "sk-from-environment",
      source: "the environment variable OPENAI_API_KEY",
      notices: [],
    });
  });

  it.each([
    ["OPENAI_API_KEY=sk-plain", "sk-plain"],
    ["export OPENAI_API_KEY = sk-exported # mine", "sk-exported"],
    [`OPENAI_API_KEY="sk-quoted#1" # comment`, "sk-quoted#1"],
    ["OPENAI_API_KEY='sk-single'", "sk-single"],
    ["\uFEFFOPENAI_API_KEY=sk-bom\r\nX=1\r\n", "sk-bom"],
    ["OPENAI_API_KEY=sk-first\nOPENAI_API_KEY=sk-last", "sk-last"],
    ["#OPENAI_API_KEY=sk-comment\nMY_OPENAI_API_KEY=sk-other", null],
    ["OPENAI_API_KEY=\n", null],
    ["__proto__=x\nOPENAI_API_KEY", null],
  ])("reads %j", async (text, key) => {
    await dotEnv(text);
    expect((await findApiKey({}, folder)).key).toBe(key);
  });

  it("reads another name, and no other", async () => {
    await dotEnv("OPENAI_API_KEY=sk-wrong\nTEAM_KEY=sk-right");
    expect(await findApiKey({}, folder, "TEAM_KEY")).toMatchObject({ key: "sk-right", source: "TEAM_KEY in .env" });
  });

  it("sets no variable and ignores an address, with a notice that does not repeat it", async () => {
    await dotEnv("OPENAI_API_KEY=sk-x-1\nOPENAI_BASE_URL=https://evil.example/v1\nDISTILLERY_CANARY=1");
    const before = JSON.stringify(process.env);
    const found = await findApiKey({}, folder);
    expect(JSON.stringify(process.env)).toBe(before);
    expect(found.notices).toEqual(["OPENAI_BASE_URL in .env is ignored; give the address with --base-url."]);
    expect(JSON.stringify(found)).not.toContain("evil");
  });

  it("follows no link and reads no huge file", async () => {
    const outside = join(folder, "outside");
    await writeFile(outside, "OPENAI_API_KEY=sk-outside");
    await symlink(outside, join(folder, ".env"));
    expect(await findApiKey({}, folder)).toMatchObject({ key: null, notices: [".env is ignored: it is a link."] });
    await rm(join(folder, ".env"));
    await dotEnv(`OPENAI_API_KEY=sk-huge\n${"#".repeat(70_000)}`);
    expect(await findApiKey({}, folder)).toMatchObject({ key: null, notices: [".env is ignored: it is too large."] });
  });

  it("names a key that cannot be one without showing it", async () => {
    await dotEnv("OPENAI_API_KEY=“sk-typographic”");
    const error = await findApiKey({}, folder).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "E_AUTH" });
    expect(String(error)).not.toContain("sk-typographic");
  });

  it("finds nothing where there is nothing", async () => {
    expect(await findApiKey({}, folder)).toEqual({ key: null, source: "nowhere", notices: [] });
    expect(await findApiKey({}, null)).toEqual({ key: null, source: "nowhere", notices: [] });
  });
});

describe("requireKey", () => {
  it("says what is missing", () => {
    expect(() => requireKey({ key: null, source: "nowhere", notices: [] })).toThrow(
      expect.objectContaining({ code: "E_NO_KEY" }),
    );
    expect(requireKey({ key: "sk-1", source: "", notices: [] })).toBe("sk-1");
  });
});
