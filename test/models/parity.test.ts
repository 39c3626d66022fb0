/** Hugging Face, which trains, and llama.cpp, which answers, must see one model: same ids, same greedy tokens. */
import { execa } from "execa";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { z } from "zod";
import { readyEnvironment } from "../../src/pipeline/adapters/environment.ts";
import { startJob } from "../../src/pipeline/adapters/pythonJob.ts";
import { createStudent } from "../../src/pipeline/adapters/student.ts";
import { templates } from "../../src/pipeline/template.ts";
import { recipeRoles } from "../../src/protocol/run.ts";
import type { JobName } from "../../src/protocol/trainer.ts";
import { askedPrompts, tokenPrompts } from "./parityPrompts.ts";

type Source = { gguf: string } | { folder: string };
const paritySchema = z.object({
  prompts: z.array(z.object({ ids: z.array(z.int()), tokens: z.array(z.int()), margins: z.array(z.number()) })),
});

const environment = await readyEnvironment();
const folder = mkdtempSync(join(tmpdir(), "distillery-parity-"));
afterAll(() => rmSync(folder, { recursive: true }));
const tokens = 32;
/** Where the best two logits are closer than this, rounding may decide. */
const tie = 0.01;

function runJob(job: JobName, spec: unknown): Promise<unknown> {
  const started = startJob(job, { ...environment, logFile: join(folder, "job.log") });
  started.send({ type: "spec", spec });
  return started.stopped;
}

/** Some steps at a high rate: an adapter that changes what the model says, and is not zero anywhere. */
function train(model: Source, output: string): Promise<unknown> {
  mkdirSync(output, { recursive: true });
  const rows = askedPrompts.slice(0, 4).map((prompt, index) => ({
    prompt,
    completion: templates.chatml.completion(`Answer ${index}: it keeps the wanted number of copies running.`),
  }));
  return runJob("train", {
    ...{ model, output, rows, heldBack: [], steps: { rule: "fixed", count: 6 } },
    ...{ rank: 8, alpha: 16, learningRate: 0.004, batchSize: 1, accumulation: 1, maxLength: 256 },
    ...{ roles: [...recipeRoles], modules: null, quantization: "auto", device: "cpu", dtype: "float32" },
    ...{ threads: null, seed: 3, saveSeconds: 60, endText: "<|im_end|>" },
  });
}

async function huggingFace(model: Source, adapter: string | null, prompts: string[], maxNewTokens: number) {
  return paritySchema.parse(await runJob("parity", { model, adapter, prompts, maxNewTokens })).prompts;
}

async function llamaCpp(gguf: string, adapter: string | null, prompts: string[]): Promise<number[][]> {
  const student = createStudent({ gguf, template: templates.chatml, gpu: "off" });
  try {
    return await Promise.all(prompts.map((prompt) => student.greedy(prompt, adapter, tokens)));
  } finally {
    await student.close();
  }
}

/** Positions where the two differ although the best two logits do not tie; after a difference the texts are others. */
function unexcused(theirs: Awaited<ReturnType<typeof huggingFace>>, ours: number[][]): string[] {
  return theirs.flatMap(({ tokens: expected, margins }, prompt) => {
    const at = expected.findIndex((token, index) => token !== ours[prompt]?.[index]);
    if (at === -1 || (margins[at] ?? Infinity) <= tie) return [];
    return [`prompt ${prompt}, token ${at}: ${expected[at]} and ${ours[prompt]?.[at]}, margin ${margins[at]}`];
  });
}

interface Model {
  name: string;
  source: Source;
  gguf: string;
  adapter: string;
  /** Writes source and gguf. */
  make(): Promise<unknown>;
}
const models: Model[] = [
  {
    name: "SmolLM2",
    source: { gguf: join(folder, "f16.gguf") },
    gguf: join(folder, "f16.gguf"),
    adapter: join(folder, "smol"),
    make: () =>
      execa(
        environment.python,
        ["-I", join(import.meta.dirname, "f16_model.py"), environment.embeddedStudent, join(folder, "f16.gguf")],
        { preferLocal: false, cwd: folder },
      ),
  },
  {
    name: "a random Phi, converted,",
    source: { folder: join(folder, "phi") },
    gguf: join(folder, "converted.gguf"),
    adapter: join(folder, "phi-adapter"),
    async make() {
      const [output, target] = [join(folder, "phi"), join(folder, "converted.gguf")];
      await runJob("toy", { kind: "phi", tokenizerGguf: environment.embeddedStudent, output, seed: 5 });
      await runJob("convert", { folder: output, target, precision: "F16" });
    },
  },
];

test("50 prompts have the same token ids in both", { timeout: 300_000 }, async () => {
  expect(tokenPrompts).toHaveLength(50);
  const theirs = await huggingFace({ gguf: environment.embeddedStudent }, null, tokenPrompts, 0);
  const student = createStudent({ gguf: environment.embeddedStudent, template: templates.chatml, gpu: "off" });
  const ours = await Promise.all(tokenPrompts.map((prompt) => student.tokenize(prompt)));
  await student.close();
  for (const [index, prompt] of tokenPrompts.entries()) expect(ours[index], prompt).toEqual(theirs[index]?.ids);
});

test.each(models)(
  "$name and its adapter give the same greedy tokens in both",
  { timeout: 1_500_000 },
  async (model) => {
    expect(askedPrompts).toHaveLength(20);
    await model.make();
    await train(model.source, model.adapter);
    const adapterGguf = join(model.adapter, "adapter.gguf");
    const base = await llamaCpp(model.gguf, null, askedPrompts);
    const tuned = await llamaCpp(model.gguf, adapterGguf, askedPrompts);
    expect(unexcused(await huggingFace(model.source, null, askedPrompts, tokens), base)).toEqual([]);
    expect(unexcused(await huggingFace(model.source, model.adapter, askedPrompts, tokens), tuned)).toEqual([]);
    // An adapter that did nothing would pass as well.
    expect(tuned.filter((text, index) => String(text) !== String(base[index])).length).toBeGreaterThan(10);
  },
);
