import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { examine } from "../../src/pipeline/adapters/doctor.ts";
import { readyEnvironment } from "../../src/pipeline/adapters/environment.ts";

await readyEnvironment();
const folder = mkdtempSync(join(tmpdir(), "distillery-doctor-"));
afterAll(() => rmSync(folder, { recursive: true }));
const noKey = { baseUrl: "https://api.openai.com/v1", key: undefined };
const names = ["Node", "Python", "Python packages", "Device", "Memory", "Disk", "Models", "Endpoint"];

test("with everything in place all is well, with versions, and nothing is sent without a key", async () => {
  const checks = await examine({ endpoint: noKey });
  expect(checks.map(({ name }) => name)).toEqual(names);
  for (const { name, ok, fix } of checks.filter((check) => check.name !== "Memory" && check.name !== "Disk"))
    expect([name, ok, fix]).toEqual([name, true, null]);
  const found = Object.fromEntries(checks.map((check) => [check.name, check.found]));
  expect(found["Python packages"]).toMatch(/torch 2\.13\.0.*ragas 0\.4\.3/);
  expect(found["Endpoint"]).toContain("no key");
});

test("with an empty cache each missing thing comes with its fix, and nothing is written", async () => {
  const cache = join(folder, "cache");
  const checks = await examine({ cache, endpoint: noKey });
  for (const name of ["Python packages", "Models"])
    expect(checks.find((check) => check.name === name)).toMatchObject({
      ok: false,
      fix: expect.stringContaining("doctor --fix"),
    });
  expect(checks.find(({ name }) => name === "Disk")?.found).toContain(cache);
  expect(existsSync(cache)).toBe(false);
});

test("a cache folder that cannot be made and a missing Python come with their fixes", async () => {
  const file = join(folder, "file");
  writeFileSync(file, "");
  const path = process.env["PATH"];
  try {
    process.env["PATH"] = folder;
    const checks = await examine({ cache: join(file, "cache"), endpoint: noKey });
    expect(checks.find(({ name }) => name === "Disk")).toEqual({
      name: "Disk",
      ok: false,
      found: `${join(file, "cache")} cannot be written`,
      fix: "Set DISTILLERY_HOME to a folder that can be written.",
    });
    expect(checks.find(({ name }) => name === "Python")).toMatchObject({
      ok: false,
      found: expect.stringContaining("No Python was found"),
      fix: expect.stringContaining("Install Python"),
    });
  } finally {
    process.env["PATH"] = path;
  }
});

test("a refusing, an answering and an absent endpoint are told apart, without the key", async () => {
  let status = 401;
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.authorization}`);
    response.writeHead(status).end(`{"error":"${request.headers.authorization}"}`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const endpoint = { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, key: "sk-secret" };
  const look = async () => (await examine({ cache: join(folder, "none"), endpoint })).at(-1);
  const refused = await look();
  status = 200;
  const fine = await look();
  await new Promise((resolve) => server.close(resolve));
  const absent = await look();
  expect(asked).toEqual(["GET /v1/models Bearer sk-secret", "GET /v1/models Bearer sk-secret"]);
  expect(refused).toMatchObject({ ok: false, found: expect.stringContaining("refuses the key (401)") });
  expect(fine).toMatchObject({ ok: true, fix: null });
  expect(absent).toMatchObject({ ok: false, found: expect.stringContaining("cannot be reached") });
  expect(JSON.stringify([refused, fine, absent])).not.toContain("sk-secret");
});
