/** Where the student is loaded: on a GPU, on the CPU when that fails, and nowhere without llama.cpp. */
import { expect, it } from "vitest";
import { readyEnvironment } from "../../src/pipeline/adapters/environment.ts";
import { loadStudentModel } from "../../src/pipeline/adapters/studentModel.ts";
import { fakeLlama } from "../fakes/llama.ts";

const { embeddedStudent } = await readyEnvironment();
const load = { type: "load" as const, gguf: embeddedStudent, contextSize: 2048, lanes: 1, threads: 2 };
const deviceWith = async (start: Parameters<typeof fakeLlama>[0]) =>
  (await loadStudentModel({ ...load, gpu: "auto" }, fakeLlama(start))).device;

it("names the GPU, and the kind of it where the driver tells no name", async () => {
  expect(await deviceWith(() => ({ device: "cuda", name: "A card" }))).toBe("A card");
  expect(await deviceWith(() => ({ device: "cuda" }))).toBe("cuda");
});

it("goes to the CPU when the library for the GPU does not load", async () => {
  const asked: unknown[] = [];
  const start = (gpu: "auto" | false) => (
    asked.push(gpu),
    gpu === "auto" ? new Error("no libcuda") : { device: false as const }
  );
  expect(await deviceWith(start)).toBe("CPU, 2 threads");
  expect(asked).toEqual(["auto", false]);
});

it("says that llama.cpp does not load", async () => {
  await expect(deviceWith(() => new Error("no binary for this machine"))).rejects.toMatchObject({
    code: "E_MODEL_LOAD",
    message: "Loading llama.cpp failed: no binary for this machine",
  });
});
