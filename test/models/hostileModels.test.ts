/** Damaged models through the whole of what loads them: the check of the head, then llama.cpp in its process. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readyEnvironment } from "../../src/pipeline/adapters/environment.ts";
import { startJob } from "../../src/pipeline/adapters/pythonJob.ts";
import { createStudent } from "../../src/pipeline/adapters/student.ts";
import { templates } from "../../src/pipeline/template.ts";
import { UserError } from "../../src/protocol/errors.ts";
import { recipeSampling } from "../../src/protocol/run.ts";
import { amount, faultSeed, tell } from "../fakes/amounts.ts";
import { mutations } from "../fakes/mutator.ts";
import { below, pick, seededRandom } from "../fakes/random.ts";
import { freshFolder } from "../fakes/runs.ts";

const files = amount("HOSTILE_FILES", 60);
const folder = freshFolder();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test(
  `${files} damaged GGUF files: each is refused by name or answers, and this process is none the worse`,
  { timeout: 60_000 + files * 10_000 },
  async () => {
    const environment = await readyEnvironment();
    const model = join(folder, "toy");
    mkdirSync(model);
    const toy = startJob("toy", { ...environment, logFile: join(folder, "toy.log") });
    toy.send({
      type: "spec",
      spec: { kind: "llama", tokenizerGguf: environment.embeddedStudent, output: model, seed: 1 },
    });
    await toy.stopped;
    const whole = readFileSync(join(model, "model.gguf"));
    // Where metadata begin, and where the tensors are described; what lies between is the tokenizer's words.
    const tensors = whole.indexOf("token_embd.weight");
    const seed = faultSeed(20);
    const random = seededRandom(seed);
    const hurt = [mutations["bitFlip"]!, mutations["delete"]!, mutations["double"]!, mutations["truncate"]!];
    const ends: Record<string, number> = {};
    for (let round = 0; round < files; round++) {
      let damaged = Buffer.from(whole);
      if (round % 3 === 0) damaged = Buffer.from(pick(random, hurt)(damaged, random, none));
      else {
        const [from, to] = round % 3 === 1 ? [4, 2_000] : [tensors - 8, tensors + 1_500];
        for (let byte = 0; byte < 2; byte++) damaged[from + below(random, to - from)] = below(random, 256);
      }
      const gguf = join(folder, "damaged.gguf");
      writeFileSync(gguf, damaged);
      const student = createStudent({ gguf, template: templates.chatml, gpu: "off" });
      const end = await student
        .generate([{ role: "user", content: "What is it?" }], { ...recipeSampling, maxNewTokens: 4, seed: 1 })
        .then(
          () => "answered",
          (error: unknown) => (error instanceof UserError ? error.code : String(error)),
        );
      await student.close();
      ends[end] = (ends[end] ?? 0) + 1;
    }
    const named = ["answered", "E_MODEL_FILE", "E_MODEL_LOAD", "E_STUDENT_DIED"];
    expect(Object.keys(ends).filter((end) => !named.includes(end))).toEqual([]);
    expect(ends["E_MODEL_FILE"]).toBeGreaterThan(0);
    expect(files - (ends["E_MODEL_FILE"] ?? 0), "some get past the check of the head").toBeGreaterThan(files / 10);
    tell("damaged GGUF files", { tried: files, seed, ...ends });
  },
);

const none = { older: Buffer.alloc(0), foreign: Buffer.alloc(0), sibling: Buffer.alloc(0) };
