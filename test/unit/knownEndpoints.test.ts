import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { isLocal } from "../../src/pipeline/adapters/origins.ts";
import { termsNotice, termsTold } from "../../src/pipeline/adapters/teacher/terms.ts";
import { checkEndpoint, rememberEndpoint } from "../../src/cli/knownEndpoints.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "endpoints-"));
  vi.stubEnv("DISTILLERY_HOME", folder);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

test("an address from a workspace gets the key only after the user has named its origin", async () => {
  const refused = { code: "E_SETTINGS", message: expect.stringContaining("https://models.example.org") };
  await expect(checkEndpoint("https://models.example.org/v1", "--base-url")).rejects.toMatchObject(refused);
  await rememberEndpoint("https://models.example.org/other/path");
  await checkEndpoint("https://models.example.org/v1", "--base-url");
  await expect(checkEndpoint("http://models.example.org/v1", "--base-url")).rejects.toMatchObject({
    code: "E_SETTINGS",
  });
  await expect(checkEndpoint("https://models.example.org:8443/v1", "--base-url")).rejects.toMatchObject({
    code: "E_SETTINGS",
  });
  await expect(checkEndpoint("https://models.example.org.evil.test/v1", "--base-url")).rejects.toMatchObject({
    code: "E_SETTINGS",
  });
});

test("the usual address and this machine need no confirmation", async () => {
  await checkEndpoint("https://api.openai.com/v1", "--base-url");
  await checkEndpoint("http://localhost:11434/v1", "--base-url");
  expect(isLocal("http://127.0.0.1:1/")).toBe(true);
  expect(isLocal("http://[::1]:1/")).toBe(true);
  expect(isLocal("http://127.0.0.1.evil.test/")).toBe(false);
});

test("a damaged list knows nobody and is replaced by the next confirmation", async () => {
  await writeFile(join(folder, "known-endpoints.json"), "{not json");
  await expect(checkEndpoint("https://a.example/v1", "--base-url")).rejects.toMatchObject({ code: "E_SETTINGS" });
  await rememberEndpoint("https://a.example/v1");
  await checkEndpoint("https://a.example/v1", "--base-url");
  expect(JSON.parse(await readFile(join(folder, "known-endpoints.json"), "utf8"))).toEqual(["https://a.example"]);
});

test("a teacher's terms are told once for each service, never for this machine", async () => {
  const [here, there] = ["https://models.example.org/v1", "https://api.openai.com/v1"];
  expect(await termsNotice("http://localhost:11434/v1")).toBeNull();
  expect(await termsNotice(here)).toMatch(/teacher at models\.example\.org: .* training other models .* to check\.$/);
  await termsTold(here);
  expect(await termsNotice(here)).toBeNull();
  expect(await termsNotice(there)).toContain("api.openai.com");
  // Being told of terms confirms no address.
  await expect(checkEndpoint(here, "--base-url")).rejects.toMatchObject({ code: "E_SETTINGS" });
});
