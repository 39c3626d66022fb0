import { expect, test } from "vitest";
import { rungsAbove, type MemoryNeeds } from "../../src/pipeline/adapters/memoryLadder.ts";

const plenty: MemoryNeeds = {
  microBatch: null,
  gradientCheckpointing: false,
  optimizer: "float32",
  embeddingsOnCpu: false,
  maxLength: 1024,
  device: "auto",
};
const least: MemoryNeeds = {
  microBatch: 1,
  gradientCheckpointing: true,
  optimizer: "paged8bit",
  embeddingsOnCpu: true,
  maxLength: 256,
  device: "auto",
};
const names = (needs: MemoryNeeds): string[] => rungsAbove(needs).map(({ name }) => name);
const rows = (length: number): string => `with rows of at most ${length} tokens`;

test("F1: the rungs come in order, shorter rows step by step, the CPU last", () => {
  expect(names(plenty)).toEqual([
    "one row at a time",
    "with gradient checkpointing",
    "with a paged 8-bit optimizer",
    "with the embeddings in main memory",
    rows(512),
    rows(384),
    rows(256),
    "on the CPU",
  ]);
});

test("F1: each rung keeps what those before it changed; the CPU needs nothing that spares a GPU", () => {
  const [first, second, third] = rungsAbove(plenty);
  expect(first?.needs).toEqual({ ...plenty, microBatch: 1 });
  expect(second?.needs).toEqual({ ...plenty, microBatch: 1, gradientCheckpointing: true });
  expect(third?.needs).toMatchObject({ microBatch: 1, gradientCheckpointing: true, optimizer: "paged8bit" });
  expect(rungsAbove(plenty).at(-1)?.needs).toEqual({
    ...{ ...least, device: "cpu", optimizer: "float32", embeddingsOnCpu: false },
  });
});

test.each([
  [513, [512, 384, 256]],
  [512, [384, 256]],
  [384, [256]],
  [256, []],
  [100, []],
])("F1: rows of %i tokens are never made longer", (maxLength, lengths) => {
  expect(names({ ...least, maxLength })).toEqual([...lengths.map(rows), "on the CPU"]);
});

test("F1: on the CPU nothing is tried that spares a GPU, and nothing is left at last", () => {
  expect(names({ ...plenty, device: "cpu", maxLength: 256 })).toEqual([
    "one row at a time",
    "with gradient checkpointing",
  ]);
  expect(rungsAbove({ ...least, device: "cpu" })).toEqual([]);
});
