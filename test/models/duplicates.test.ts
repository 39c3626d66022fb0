/** Does the filter find planted repetitions, and leave honest questions alone? With the real embedder. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createEmbedder } from "../../src/pipeline/adapters/embedder.ts";
import { readyEnvironment } from "../../src/pipeline/adapters/environment.ts";
import { DuplicateFilter } from "../../src/pipeline/duplicates.ts";
import { plantedQuestions } from "../fakes/plantedQuestions.ts";

const { originals, planted, lookAlikes, rewordings } = plantedQuestions("duplicatesTest");
const embed = await vectorsOf([
  ...originals,
  ...Object.values(planted).flat(),
  ...lookAlikes.flat(),
  ...rewordings.flat(),
]);

/** Vectors of all texts in a few batches, which is much quicker than one by one. */
async function vectorsOf(texts: readonly string[]): Promise<(asked: readonly string[]) => Promise<number[][]>> {
  const environment = await readyEnvironment();
  const folder = mkdtempSync(join(tmpdir(), "distillery-duplicates-"));
  const job = { ...environment, logFile: join(folder, "job.log") };
  const embedder = createEmbedder({ ...job, id: "all-MiniLM-L6-v2", folder: environment.embedder });
  try {
    const vectors = await embedder.embed(texts, new AbortController().signal);
    const known = new Map(texts.map((text, index) => [text, vectors[index] as number[]]));
    return (asked) => Promise.resolve(asked.map((text) => known.get(text) as number[]));
  } finally {
    await embedder.close();
    rmSync(folder, { recursive: true });
  }
}

/** The texts that are refused as families of their own, with the originals there already. */
async function refused(known: readonly string[], texts: readonly string[]): Promise<string[]> {
  const filter = new DuplicateFilter(embed);
  await filter.seed(known.map((text, index) => ({ text, family: `known-${index}` })));
  const found: string[] = [];
  for (const text of texts) if (!(await filter.accept({ wordings: [text], rewordings: [] }))) found.push(text);
  return found;
}

it.each(["case", "order", "filler"] as const)(
  "of 50 questions repeated with other %s 95 in 100 are refused",
  async (kind) => {
    const texts = planted[kind];
    const found = await refused(originals, texts);
    console.info(`${found.length} of ${texts.length} planted by ${kind} refused`);
    expect(texts).toHaveLength(50);
    expect(found.length / 50, texts.filter((text) => !found.includes(text)).join("\n")).toBeGreaterThanOrEqual(0.95);
  },
);

it("50 questions asked in other words are refused in part, and the share is told", async () => {
  const found = await refused(originals, planted.paraphrase);
  console.info(`${found.length} of ${planted.paraphrase.length} paraphrases refused`);
  // They differ from each other, so only their originals can have refused them.
  expect(await refused([], planted.paraphrase)).toEqual([]);
});

it("of 400 good questions at most 1 % is refused: rewordings of one family, and the same asked of another thing", async () => {
  const families = [...lookAlikes, ...rewordings];
  const filter = new DuplicateFilter(embed);
  const lost: string[] = [];
  for (const [wording = "", ...rest] of families)
    if (!(await filter.accept({ wordings: [wording], rewordings: rest }))) lost.push(wording, ...rest);
  console.info(`${lost.length} of ${families.flat().length} good questions refused`);
  expect([lookAlikes.flat().length, rewordings.flat().length]).toEqual([200, 200]);
  expect(lost.length / 400, lost.join("\n")).toBeLessThanOrEqual(0.01);
});
