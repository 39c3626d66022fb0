/** Every export of a trained adapter answers as the served student, or says that it does not. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readyEnvironment } from "../../src/pipeline/adapters/environment.ts";
import { greedyAnswers } from "../../src/pipeline/adapters/exportAnswers.ts";
import { exportKinds, exportStudent, type ExportKind, type Proof } from "../../src/pipeline/adapters/exportStudent.ts";
import { startJob } from "../../src/pipeline/adapters/pythonJob.ts";
import type { TunedStudent } from "../../src/pipeline/ports.ts";
import { sha256 } from "../../src/pipeline/hash.ts";
import { studentMessages, templates } from "../../src/pipeline/template.ts";
import type { Question } from "../../src/protocol/model.ts";
import { recipeRoles, runSettingsSchema } from "../../src/protocol/run.ts";

const environment = await readyEnvironment();
const folder = mkdtempSync(join(tmpdir(), "distillery-export-"));
afterAll(() => rmSync(folder, { recursive: true }));
const place = { ...environment, logFile: join(folder, "job.log") };
const gguf = environment.embeddedStudent;
const settings = runSettingsSchema.parse({});
const domain = { name: "Kubernetes", version: "v1.28" };
const things = "Pod Service Deployment Node Job Secret Ingress Volume Namespace ConfigMap DaemonSet Taint".split(" ");
const texts = things.map((thing) => `What is a ${thing} for?`);
const questions = texts.map((text, index) => ({ text, family: `f${index}` })) as Question[];

function studentAt(name: string): TunedStudent {
  const made = { run: "run-1", cycle: 1, model: "smollm2-135m", settings, domain };
  return { ...made, adapterGguf: join(folder, name, "adapter.gguf") } as unknown as TunedStudent;
}

/** Some steps at a high rate: an adapter that changes what the model says. */
async function train(name: string, thing: string): Promise<TunedStudent> {
  const output = join(folder, name);
  mkdirSync(output);
  const rows = texts.slice(0, 4).map((text, index) => ({
    prompt: templates[settings.template].render(studentMessages(domain, text)),
    completion: templates[settings.template].completion(`A ${things[index]} keeps the wanted ${thing} running.`),
  }));
  const job = startJob("train", place);
  job.send({
    type: "spec",
    spec: {
      ...{ model: { gguf }, output, rows, heldBack: [], steps: { rule: "fixed", count: 4 } },
      ...{ rank: 8, alpha: 16, learningRate: 0.004, batchSize: 1, accumulation: 1, maxLength: 256, wordDropout: 0 },
      ...{ roles: [...recipeRoles], modules: null, quantization: "auto", device: "cpu", dtype: "float32" },
      ...{ threads: null, seed: 3, saveSeconds: 60, endText: "<|im_end|>" },
    },
  });
  await job.stopped;
  return studentAt(name);
}

let student: TunedStudent;
beforeAll(async () => {
  student = await train("adapter", "copies");
}, 500_000);

const run = (kinds: readonly ExportKind[], name: string, of = student): Promise<Proof[]> =>
  exportStudent({ student: of, questions, gguf, kinds, target: join(folder, name), place });

const exact = exportKinds.filter((kind) => kind !== "merged");

test("PEFT, adapter and Ollama files each answer ten questions as the served student does", async () => {
  const proofs = await run(exact, "all");
  expect(proofs.map(({ as, equal, asked }) => [as, equal, asked])).toEqual(exact.map((as) => [as, 10, 10]));
  const target = join(folder, "all");
  const proof = JSON.parse(readFileSync(join(target, "proof.json"), "utf8"));
  expect(readdirSync(target).toSorted()).toEqual([...Object.keys(proof.files), "proof.json"].toSorted());
  for (const [name, hash] of Object.entries(proof.files))
    expect(sha256(readFileSync(join(target, name))), name).toBe(hash);
  expect(proof.served).toHaveLength(10);
  // An adapter that did nothing would pass as well.
  const asked = proof.served.map(({ question }: { question: string }) => question);
  const untuned = await greedyAnswers({ student, gguf, adapter: null, questions: asked, ...place, signal: undefined });
  const changed = proof.served.filter(({ answer }: { answer: string }, at: number) => answer !== untuned[at]);
  expect(changed.length).toBeGreaterThan(5);
});

test("a merged model answers nearly alike, and is called proved only where it answers alike", async () => {
  const error = await run(["merged"], "merged").then(
    () => null,
    (reason: unknown) => reason,
  );
  const proved = existsSync(join(folder, "merged"));
  if (proved) expect(error).toBeNull();
  else expect(error).toMatchObject({ code: "E_EXPORT_UNPROVED" });
  const proof = JSON.parse(readFileSync(join(folder, proved ? "merged" : "merged-unproved", "proof.json"), "utf8"));
  const { equal, notes } = proof.proofs[0];
  expect(equal === 10).toBe(proved);
  expect(equal).toBeGreaterThanOrEqual(7);
  expect(notes[0]).toMatch(/^Changed tensors as .*Q4_1.*: \d+ of 10 answers alike\.$/);
  expect(Object.keys(proof.files)).toEqual(["merged.gguf"]);
});

test("files that answer otherwise are set apart and named; nothing lies under the name asked for", async () => {
  const config = join(folder, "adapter", "adapter_config.json");
  const before = readFileSync(config, "utf8");
  writeFileSync(config, JSON.stringify({ ...JSON.parse(before), lora_alpha: 160 }));
  await expect(run(["peft", "gguf"], "wrong")).rejects.toMatchObject({
    code: "E_EXPORT_UNPROVED",
    message: expect.stringMatching(/alike are peft: \d of 10, not “What is/),
  });
  writeFileSync(config, before);
  expect(existsSync(join(folder, "wrong"))).toBe(false);
  expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  const { proofs } = JSON.parse(readFileSync(join(folder, "wrong-unproved", "proof.json"), "utf8"));
  expect(proofs.map(({ as, equal }: Proof) => [as, equal === 10])).toEqual([
    ["peft", false],
    ["gguf", true],
  ]);
  await expect(run(["gguf"], "wrong")).rejects.toMatchObject({ code: "E_USAGE" });
});
