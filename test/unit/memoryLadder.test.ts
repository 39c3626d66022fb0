import { expect, test } from "vitest";
import { climb, rungsAbove, type MemoryNeeds } from "../../src/pipeline/adapters/memoryLadder.ts";

const plenty: MemoryNeeds = {
  microBatch: null,
  gradientCheckpointing: false,
  optimizer: "float32",
  embeddingsOnCpu: false,
  maxLength: 1024,
  device: "auto",
  quantization: "nf4",
};
const least: MemoryNeeds = {
  microBatch: 1,
  gradientCheckpointing: true,
  optimizer: "paged8bit",
  embeddingsOnCpu: true,
  maxLength: 256,
  device: "auto",
  quantization: "nf4",
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

const slower = ["one row at a time", "with gradient checkpointing"];
const packed = "with the weights in NF4";

test("F1: on the CPU the weights are packed before rows are cut, and packed, all rows are computed at once again", () => {
  const start: MemoryNeeds = { ...plenty, device: "cpu", quantization: "auto", maxLength: 512 };
  expect(names(start)).toEqual([...slower, packed, ...slower, rows(384), rows(256)]);
  const above = rungsAbove(start);
  expect(above[2]?.needs).toEqual({ ...start, quantization: "nf4" });
  expect(above.at(-1)?.needs).toEqual({ ...least, device: "cpu", optimizer: "float32", embeddingsOnCpu: false });
  // The GGUF's own values were asked for.
  expect(names({ ...start, quantization: "gguf" })).toEqual([...slower, rows(384), rows(256)]);
});

test("F1: what a rung in the middle goes on to is the same as from the start", () => {
  const start: MemoryNeeds = { ...plenty, device: "cpu", quantization: "auto" };
  const above = rungsAbove(start);
  for (const [index, { needs }] of above.entries())
    expect(rungsAbove(needs, { first: start, device: "cpu" })).toEqual(above.slice(index + 1));
});

test("F1: a GPU packs the weights anyway; only after it, on the CPU, that is a rung", () => {
  const start: MemoryNeeds = { ...plenty, quantization: "auto", maxLength: 256 };
  const gpu = ["with a paged 8-bit optimizer", "with the embeddings in main memory", "on the CPU"];
  const after = [...slower, ...gpu, packed, ...slower];
  expect(rungsAbove(start, { first: start, device: "cuda" }).map(({ name }) => name)).toEqual(after);
  expect(names({ ...start, device: "cuda" })).toEqual(after);
  const fallen = rungsAbove({ ...start, device: "cuda" }).find(({ name }) => name === "on the CPU");
  expect(fallen?.needs).toMatchObject({ device: "cpu", quantization: "auto" });
  // As long as nobody knows whether there is a GPU.
  expect(names(start)).toEqual([...slower, packed, ...after]);
});

test("F1: a rung that undoes others takes their place", () => {
  const start: MemoryNeeds = { ...plenty, device: "cpu", quantization: "auto" };
  const [row, again, pack, rowPacked] = rungsAbove(start);
  const reasons = [row, again, pack, rowPacked].map((rung) => ({ name: rung!.name, reason: `no ${rung!.name}` }));
  const [first, second, third, fourth] = reasons;
  const both = climb(climb([], row!, first!), again!, second!);
  expect(both).toEqual([first, second]);
  expect(climb(both, pack!, third!)).toEqual([third]);
  expect(climb(climb(both, pack!, third!), rowPacked!, fourth!)).toEqual([third, fourth]);
  expect(climb(both, row!, { name: row!.name, reason: "again" }).map(({ reason }) => reason)).toEqual([
    second?.reason,
    "again",
  ]);
});
