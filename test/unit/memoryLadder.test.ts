import { expect, test } from "vitest";
import { createMemoryLadder, type MemoryNeeds } from "../../src/pipeline/adapters/memoryLadder.ts";

/** Every rung from `needs` to the last, as a job that never has enough memory climbs them. */
function climbAll(needs: MemoryNeeds): string[] {
  const climb = createMemoryLadder();
  const names: string[] = [];
  for (let rung = climb(needs); rung; rung = climb(rung.needs)) names.push(rung.name);
  return names;
}

const plenty: MemoryNeeds = { microBatch: null, gradientCheckpointing: false, maxLength: 1024, device: "auto" };
const rows = (length: number): string => `with rows of at most ${length} tokens`;

test("F1: the rungs come in order, shorter rows step by step, the CPU last", () => {
  expect(climbAll(plenty)).toEqual([
    "one row at a time",
    "with gradient checkpointing",
    rows(512),
    rows(384),
    rows(256),
    "on the CPU",
  ]);
});

test.each([
  [513, [512, 384, 256]],
  [512, [384, 256]],
  [384, [256]],
  [256, []],
])("F1: rows of %i tokens are never made longer", (maxLength, lengths) => {
  const needs: MemoryNeeds = { ...plenty, microBatch: 1, gradientCheckpointing: true, maxLength };
  expect(climbAll(needs)).toEqual([...lengths.map(rows), "on the CPU"]);
});

test("F1: nothing is left when all rungs are in force", () => {
  expect(climbAll({ microBatch: 1, gradientCheckpointing: true, maxLength: 256, device: "cpu" })).toEqual([]);
});
