/** A stand-in for the sentence embedder: words hashed into a vector, so texts with common words are near. */
import { questionWords } from "../../src/pipeline/askedWords.ts";
import { seedOf } from "../../src/pipeline/hash.ts";
import type { Embedder } from "../../src/pipeline/ports.ts";

const size = 256;

export function wordEmbedder(): Embedder {
  return {
    id: "words",
    embed: (texts) => Promise.resolve(texts.map(vectorOf)),
    close: () => Promise.resolve(),
  };
}

/** One unit-length vector. */
export function vectorOf(text: string): number[] {
  const vector = Array.from({ length: size }, () => 0);
  for (const word of questionWords(text)) {
    const slot = seedOf("word", word) % size;
    vector[slot] = (vector[slot] ?? 0) + 1;
  }
  const length = Math.hypot(...vector) || 1;
  return vector.map((value) => value / length);
}
