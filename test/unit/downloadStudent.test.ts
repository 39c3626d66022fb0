/** Downloading a student from a hub on this machine: cut, resumed, refused. */
import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { downloadStudent, isDownloaded, type DownloadOptions } from "../../src/pipeline/adapters/downloadStudent.ts";
import type { Environment } from "../../src/pipeline/adapters/environment.ts";
import { hubAddress } from "../../src/pipeline/adapters/hub.ts";
import { downloadable } from "../../src/pipeline/adapters/studentCatalogue.ts";
import { findStudent } from "../../src/pipeline/adapters/studentRegistry.ts";
import { startModelHub, type ModelHub } from "../fakes/modelHub.ts";
import { freshFolder } from "../fakes/runs.ts";

const weights = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7919) % 251));
const config = { model_type: "phi" };
const files = (change: Record<string, unknown> = {}): Record<string, Buffer> => ({
  "config.json": Buffer.from(JSON.stringify({ ...config, ...change })),
  "tokenizer.json": Buffer.from("{}"),
  "model.safetensors": weights,
  "pytorch_model.bin": Buffer.from("pickle"),
  "modeling_phi.py": Buffer.from("raise SystemExit"),
});
const source = { repository: "owner/tiny", revision: "main" };

let hub: ModelHub;
let cache: string;
let notices: string[];
beforeEach(async () => {
  hub = await startModelHub(files());
  cache = freshFolder();
  notices = [];
});
afterEach(async () => {
  await hub.close();
  rmSync(cache, { recursive: true, force: true });
});

const fetchIt = (more: Partial<DownloadOptions> = {}) =>
  downloadStudent(source, {
    hub: hub.address,
    cache,
    signal: new AbortController().signal,
    onNotice: (text) => notices.push(text),
    onProgress: () => {},
    ...more,
  });
const folder = () => join(cache, "students", "owner--tiny");

it("fetches weights and tokenizer, no pickle and no code, tells sizes first, and needs no hub afterwards", async () => {
  const progress: [number, number][] = [];
  expect(await fetchIt({ onProgress: (...point) => progress.push(point) })).toBe(folder());
  expect(readFileSync(join(folder(), "model.safetensors")).equals(weights)).toBe(true);
  expect(existsSync(join(folder(), "pytorch_model.bin"))).toBe(false);
  expect(existsSync(join(folder(), "modeling_phi.py"))).toBe(false);
  expect(notices).toContain("  model.safetensors: 300 KB");
  expect(progress.at(-1)?.[0]).toBe(progress.at(-1)?.[1]);
  const asked = hub.asked.length;
  await hub.close();
  await fetchIt();
  expect(hub.asked.length).toBe(asked);
});

it("goes on after cuts from where the file ends, with the right content", async () => {
  hub.cuts = [100_000, 50_000];
  await fetchIt();
  const ranges = hub.asked.filter((line) => line.startsWith("model.safetensors"));
  expect(ranges).toEqual([
    "model.safetensors all",
    "model.safetensors bytes=100000-",
    "model.safetensors bytes=150000-",
  ]);
  expect(readFileSync(join(folder(), "model.safetensors")).equals(weights)).toBe(true);
});

it("goes on in a later call, after a stop", async () => {
  const stop = new AbortController();
  hub.cuts = [120_000];
  const onProgress = (done: number) => done > 100_000 && stop.abort(new Error("stopped by a person"));
  await expect(fetchIt({ signal: stop.signal, onProgress })).rejects.toThrow("stopped by a person");
  const { size } = statSync(join(folder(), "model.safetensors.part"));
  expect(await isDownloaded(folder())).toBe(false);
  // What is there already needs no room again.
  const room = 500e6 + 1.7 * weights.length - size;
  await fetchIt({ freeBytes: async () => room });
  expect(hub.asked.at(-1)).toBe(`model.safetensors bytes=${size}-`);
  expect(await isDownloaded(folder())).toBe(true);
});

it("begins anew where the server knows no ranges", async () => {
  hub.ranges = false;
  hub.cuts = [100_000];
  await fetchIt();
  expect(readFileSync(join(folder(), "model.safetensors")).equals(weights)).toBe(true);
});

it("refuses a wrong hash, sets the file aside, and fetches the right one next time", async () => {
  hub.replaced = Buffer.alloc(weights.length, 1);
  await expect(fetchIt()).rejects.toMatchObject({ code: "E_DOWNLOAD", message: expect.stringContaining("set aside") });
  expect(existsSync(join(folder(), "model.safetensors"))).toBe(false);
  expect(existsSync(join(folder(), "model.safetensors.part"))).toBe(false);
  expect(statSync(join(folder(), "quarantine", "model.safetensors")).size).toBe(weights.length);
  hub.replaced = null;
  await fetchIt();
  expect(readFileSync(join(folder(), "model.safetensors")).equals(weights)).toBe(true);
});

it("refuses before any weights are fetched: unknown models, code, foreign architectures, a full disk", async () => {
  const unknown = { repository: "owner/none", revision: "main" };
  const options = { cache, signal: new AbortController().signal, onNotice: () => {}, onProgress: () => {} };
  await expect(downloadStudent(unknown, { ...options, hub: hub.address })).rejects.toMatchObject({
    code: "E_DOWNLOAD",
    message: expect.stringContaining("no public model owner/none"),
  });
  await expect(fetchIt({ freeBytes: async () => 1e6 })).rejects.toMatchObject({ code: "E_DISK_FULL" });
  expect(hub.asked).toEqual([]);
  for (const [change, code] of [
    [{ auto_map: { AutoModel: "modeling_phi.Phi" } }, "E_UNSAFE_FORMAT"],
    [{ model_type: "mamba" }, "E_STUDENT_UNSUITABLE"],
  ] as const) {
    const other = await startModelHub(files(change));
    const own = freshFolder();
    await expect(fetchIt({ hub: other.address, cache: own })).rejects.toMatchObject({ code });
    expect(other.asked.some((line) => line.startsWith("model.safetensors"))).toBe(false);
    await other.close();
    rmSync(own, { recursive: true, force: true });
  }
});

it("names what is no hub: nobody there, an answer of another kind, and a configuration that is none", async () => {
  const away = await startModelHub({});
  await away.close();
  await expect(fetchIt({ hub: away.address })).rejects.toMatchObject({
    code: "E_DOWNLOAD",
    message: expect.stringContaining("cannot be reached"),
  });
  const page = createServer((_request, response) => void response.end("<html>Sign in</html>"));
  await new Promise<void>((resolve) => page.listen(0, "127.0.0.1", resolve));
  const { port } = page.address() as AddressInfo;
  await expect(fetchIt({ hub: `http://127.0.0.1:${port}` })).rejects.toMatchObject({
    code: "E_DOWNLOAD",
    message: expect.stringContaining("did not answer as a model hub does"),
  });
  await new Promise((resolve) => page.close(resolve));
  const odd = await startModelHub({ ...files(), "config.json": Buffer.from("{") });
  await expect(fetchIt({ hub: odd.address })).rejects.toMatchObject({
    code: "E_MODEL_FILE",
    message: expect.stringContaining("config.json of owner/tiny cannot be read"),
  });
  expect(odd.asked.filter((line) => line.startsWith("model.safetensors"))).toEqual([]);
  await odd.close();
  expect(await isDownloaded(folder())).toBe(false);
});

it("takes phi-2 at its pinned commit, any owner/name, and no path", () => {
  expect(downloadable("phi-2")).toMatchObject({
    repository: "microsoft/phi-2",
    revision: expect.stringMatching(/^\w{40}$/),
  });
  expect(downloadable("owner/tiny")).toEqual(source);
  for (const name of ["nonsense", "../x", "a/../b", "/etc/passwd", "a/b/c"])
    expect(() => downloadable(name)).toThrow(`no student "${name}"`);
});

it("tells at the start of a run how to get a student that is not here", async () => {
  const environment = {} as Environment;
  mkdirSync(join(cache, "models", "own"), { recursive: true });
  await expect(findStudent("models/own", environment, cache)).rejects.toMatchObject({ code: "E_MODEL_FILE" });
  await expect(findStudent("owner/not-here", environment, cache)).rejects.toThrow("distillery download owner/not-here");
});

it("names a hub's address that is none", () => {
  expect(hubAddress({ HF_ENDPOINT: "http://mirror.example/" })).toBe("http://mirror.example");
  expect(() => hubAddress({ HF_ENDPOINT: "mirror" })).toThrow('HF_ENDPOINT is no web address: "mirror"');
});
