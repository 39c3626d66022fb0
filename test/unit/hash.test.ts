import { describe, expect, it } from "vitest";
import { hashOf, seedOf, shuffled, stableJson } from "../../src/pipeline/hash.ts";

describe("stableJson", () => {
  it("sorts keys at every depth and keeps array order", () => {
    expect(stableJson({ b: [{ z: 1, a: 2 }, 3], a: null })).toBe('{"a":null,"b":[{"a":2,"z":1},3]}');
  });

  it("leaves out undefined like JSON.stringify", () => {
    expect(stableJson({ a: undefined, b: 1 })).toBe('{"b":1}');
  });

  it("keeps a key named __proto__ as data", () => {
    expect(stableJson(JSON.parse('{"__proto__":{"x":1}}'))).toBe('{"__proto__":{"x":1}}');
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 10n])("refuses %s", (value) => {
    expect(() => stableJson({ value })).toThrow(TypeError);
  });
});

it("hashes equal values alike, whatever their key order", () => {
  expect(hashOf({ a: 1, b: 2 })).toBe(hashOf({ b: 2, a: 1 }));
  expect(hashOf({ a: 1 })).not.toBe(hashOf({ a: 2 }));
});

it("makes seeds that fit 31 bits and depend on every part", () => {
  const seeds = [seedOf(42, "a", 0), seedOf(42, "a", 1), seedOf(42, "b", 0), seedOf(43, "a", 0)];
  expect(new Set(seeds).size).toBe(4);
  for (const seed of seeds) expect(seed).toBeLessThan(2 ** 31);
});

it("shuffles so that an added element moves no other", () => {
  const few = shuffled(["a", "b", "c", "d"], 7, String);
  const more = shuffled(["a", "b", "x", "c", "d"], 7, String).filter((item) => item !== "x");
  expect(more).toEqual(few);
  expect(shuffled(["a", "b", "c", "d", "e", "f"], 8, String)).not.toEqual(
    shuffled(["a", "b", "c", "d", "e", "f"], 7, String),
  );
});
