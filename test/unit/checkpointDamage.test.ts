import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { UserError } from "../../src/protocol/errors.ts";
import {
  decodeCheckpoint,
  decodeRunFile,
  encodeCheckpoint,
  encodeRunFile,
} from "../../src/pipeline/adapters/checkpointFile.ts";
import { createCheckpointStore } from "../../src/pipeline/adapters/checkpointStore.ts";
import type { FileRunStore } from "../../src/pipeline/adapters/runStore.ts";
import type { CheckpointFrame } from "../../src/protocol/run.ts";
import { amount, faultSeed, tell } from "../fakes/amounts.ts";
import { adapterContent, adapterFiles, fakeFrame, fakeStages } from "../fakes/checkpoints.ts";
import { mutate } from "../fakes/mutator.ts";
import { pick, seededRandom } from "../fakes/random.ts";
import { fakeRunFile, freshFolder } from "../fakes/runs.ts";

const checkpoints = amount("MUTATED_CHECKPOINTS", 500);
const runFiles = amount("MUTATED_RUN_FILES", 200);

let root: string;
let run: FileRunStore;
const at = (path: string) => join(root, "runs", "run-1", path);

const caught = async (work: Promise<unknown>): Promise<UserError> => {
  const error = await work.then(
    () => null,
    (each: unknown) => each,
  );
  expect(error).toBeInstanceOf(UserError);
  return error as UserError;
};
const quarantined = () => (readdirSync(at(".")).includes("quarantine") ? readdirSync(at("quarantine")) : []);

afterEach(() => run.close().catch(() => {}));

beforeEach(async () => {
  root = freshFolder();
  run = await createCheckpointStore(root).create(fakeRunFile());
  mkdirSync(at("cycle-1/adapter"), { recursive: true });
  for (const file of adapterFiles) writeFileSync(at(`cycle-1/adapter/${file}`), adapterContent(file, "one"));
  for (const stage of fakeStages) await run.writeCheckpoint(fakeFrame("run-1", 1, stage, "one"));
});

it(
  `${checkpoints} mutated checkpoints: a named error or proof of no difference, and nothing is deleted`,
  { timeout: 60_000 + checkpoints * 100 },
  async () => {
    const seed = faultSeed(42);
    const random = seededRandom(seed);
    const outcomes = { error: 0, same: 0, older: 0 };
    for (let round = 0; round < checkpoints; round++) {
      // A folder of tens of thousands would take longer to list than all the rest.
      if (round % 500 === 0) rmSync(at("quarantine"), { recursive: true, force: true });
      const stage = pick(random, fakeStages);
      const path = at(`cycle-1/${stage}.json`);
      const original = readFileSync(path);
      const frame = fakeFrame("run-1", 1, stage, "one");
      const older = fakeFrame("run-1", 1, stage, "older");
      const stored = (each: CheckpointFrame) => Buffer.from(encodeCheckpoint({ frame: each, attempt: 0 }));
      const sibling = fakeFrame(
        "run-1",
        1,
        pick(
          random,
          fakeStages.filter((id) => id !== stage),
        ),
        "one",
      );
      const mutated = mutate(original, random, {
        older: stored(older),
        foreign: stored(fakeFrame("run-2", 1, stage, "one")),
        sibling: stored(sibling),
      });
      writeFileSync(path, mutated.bytes);
      const before = quarantined().length;
      const what = `${mutated.kind} in round ${round}`;
      const result = await run.readCheckpoint(1, stage).catch((error: unknown) => error);
      if (result instanceof UserError) {
        outcomes.error += 1;
        if (mutated.kind === "olderCopy") expect(result.code, what).toMatch(/^E_ARTEFACT_/);
        else expect(result.code, what).toMatch(/^E_CKPT_(CORRUPT|SCHEMA|NEWER)$/);
        expect(result.message, what).toContain("cycle-1/");
        if (result.code === "E_CKPT_NEWER" || mutated.kind === "olderCopy")
          expect(readFileSync(path)).toEqual(mutated.bytes);
        else {
          const [file, reason] = quarantined().slice(before);
          expect(readFileSync(at(`quarantine/${file}`)), what).toEqual(mutated.bytes);
          expect(JSON.parse(readFileSync(at(`quarantine/${reason}`), "utf8"))).toMatchObject({
            code: result.code,
            reason: result.message,
          });
        }
      } else {
        expect(result, what).not.toBeInstanceOf(Error);
        const read = (result as { frame: CheckpointFrame }).frame;
        // An older copy is whole; that it is not the newest shows in its fingerprint, which is what the runner goes by.
        if (mutated.kind === "olderCopy") {
          expect(read).toEqual(older);
          expect(read.fingerprint).not.toBe(frame.fingerprint);
          outcomes.older += 1;
        } else {
          expect(read, what).toEqual(frame);
          outcomes.same += 1;
        }
      }
      writeFileSync(path, original);
    }
    expect(Object.prototype).not.toHaveProperty("polluted");
    expect(outcomes.error + outcomes.same + outcomes.older).toBe(checkpoints);
    expect(outcomes.error / checkpoints).toBeGreaterThan(0.76);
    tell("mutated checkpoints", { tried: checkpoints, seed, ...outcomes });
  },
);

it(`${runFiles} mutated run files: a named error or proof of no difference`, () => {
  const seed = faultSeed(7);
  const random = seededRandom(seed);
  const file = fakeRunFile();
  const bytes = Buffer.from(encodeRunFile(file));
  const others = {
    older: Buffer.from(""),
    foreign: Buffer.from(encodeRunFile(fakeRunFile({}, "run-2"))),
    sibling: Buffer.from("{}"),
  };
  let errors = 0;
  for (let round = 0; round < runFiles; round++) {
    const mutated = mutate(bytes, random, others);
    try {
      expect(decodeRunFile(mutated.bytes, "run-1", "run.json"), mutated.kind).toEqual(file);
    } catch (error) {
      expect((error as UserError).code, `${mutated.kind}: ${String(error)}`).toMatch(/^E_CKPT_/);
      errors += 1;
    }
  }
  expect(errors / runFiles).toBeGreaterThan(0.7);
  tell("mutated run files", { tried: runFiles, seed, errors });
});

describe("valid JSON of another kind is named with the field", () => {
  const expected = { run: "run-1", cycle: 1, stage: "references" } as const;
  const decoded = (change: (text: string) => string): UserError => {
    const text = encodeCheckpoint({ frame: fakeFrame("run-1", 1, "references", "one"), attempt: 0 });
    expect(change(text)).not.toBe(text);
    try {
      decodeCheckpoint(Buffer.from(change(text)), expected, "references.json");
    } catch (error) {
      return error as UserError;
    }
    throw new Error("it was accepted");
  };

  it.each([
    ["a wrong type", (text: string) => text.replace('"seconds": 12.5', '"seconds": "12.5"'), "seconds: "],
    [
      "a wrong type in the output",
      (text: string) => text.replace('"line": 3', '"line": -3'),
      "output.references.f1.quotes.0.line: ",
    ],
    [
      "an extra key",
      (text: string) => text.replace('"run":', '"!!python/object": "os.system",\n  "run":'),
      "!!python/object: ",
    ],
    [
      "__proto__",
      (text: string) => text.replace('"teacher": "fake"', '"__proto__": {"polluted": 1}'),
      "the key __proto__ is not allowed at models.__proto__",
    ],
    [
      "an escaped __proto__",
      (text: string) => text.replace('"teacher": "fake"', '"\\u005f_proto__": {"polluted": 1}'),
      "the key __proto__ is not allowed at models.__proto__",
    ],
    [
      "a key twice",
      (text: string) => text.replace('"seed": 42', '"seed": 42, "seed": 42'),
      "the key params.seed stands there twice",
    ],
    [
      "a key twice, once escaped",
      (text: string) => text.replace('"seed": 42', '"seed": 42, "\\u0073eed": 42'),
      "the key params.seed stands there twice",
    ],
    [
      "a number too large",
      (text: string) => text.replace('"seed": 42', '"seed": 1e400'),
      "the number at params.seed is too large",
    ],
    [
      "deep nesting",
      (text: string) => text.replace('"seed": 42', `"seed": ${"[".repeat(10_000)}${"]".repeat(10_000)}`),
      "nested more than 64 deep at params.seed.0",
    ],
    [
      "deep nesting of objects",
      (text: string) => text.replace('"seed": 42', `"seed": ${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`),
      "nested more than 64 deep at params.seed.a",
    ],
    ["no object", () => "[]", "does not hold an object"],
  ])("%s", (_name, change, said) => {
    const error = decoded(change);
    expect(error.code).toBe("E_CKPT_SCHEMA");
    expect(error.message).toContain(said);
    expect({}).not.toHaveProperty("polluted");
  });

  it("a newer version is left alone and listed as newer", async () => {
    const path = at("cycle-1/references.json");
    const newer = readFileSync(path, "utf8").replace('"version": 1', '"version": 2');
    writeFileSync(path, newer);
    const error = await caught(run.readCheckpoint(1, "references"));
    expect([error.code, error.message]).toEqual([
      "E_CKPT_NEWER",
      "cycle-1/references.json was written by a later version of Distillery (format 2; this one knows up to 1).",
    ]);
    expect([readFileSync(path, "utf8"), quarantined()]).toEqual([newer, []]);
    expect((await run.list()).find(({ stage }) => stage === "references")?.state).toBe("newer");
  });

  it("two checkpoints in each other's place are told apart", async () => {
    renameSync(at("cycle-1/baselineAnswers.json"), at("x"));
    renameSync(at("cycle-1/tunedAnswers.json"), at("cycle-1/baselineAnswers.json"));
    expect((await caught(run.readCheckpoint(1, "baselineAnswers"))).message).toBe(
      "cycle-1/baselineAnswers.json holds the tunedAnswers of cycle 1.",
    );
  });
});
