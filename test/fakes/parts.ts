/**
 * Fast stand-ins for everything a run works with, for tests of the runner and the store. They are
 * deterministic, and count their calls. test/pipeline runs the same pipeline on the real parts.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Knowledge, Section } from "../../src/protocol/model.ts";
import type {
  AdoptedStudent,
  Embedder,
  Evaluator,
  LanguageModel,
  Student,
  Teacher,
  Trainer,
  TrainingJob,
} from "../../src/pipeline/ports.ts";
import { hashOf, seedOf } from "../../src/pipeline/hash.ts";

const words = [
  "valve",
  "rotor",
  "gauge",
  "spindle",
  "hopper",
  "baffle",
  "lantern",
  "piston",
  "bracket",
  "funnel",
  "cradle",
  "ratchet",
];

/** A knowledge base of `topics` × 3 sections. */
export function fakeKnowledge(topics = 8): Knowledge {
  const names = words.slice(0, topics);
  const sections = names.flatMap((topic, index) =>
    [1, 2, 3].map((part): Section => {
      const text = `The ${topic} part ${part} turns ${index * 3 + part} times a minute. Each ${topic} part ${part} is checked daily.`;
      return {
        id: `${topic}-part-${part}`,
        topic,
        heading: `Part ${part}`,
        file: `${topic}.md`,
        firstLine: part * 4,
        lastLine: part * 4 + 2,
        text,
        hash: hashOf(text),
      };
    }),
  );
  return { domain: { name: "Mill", version: "1" }, topics: names, sections, skipped: [], hash: hashOf(sections) };
}

export interface Calls {
  questions: number;
  references: number;
  answers: number;
  scores: number;
  trainings: number;
}

export interface FakeParts {
  teacher: Teacher;
  student: Student;
  embedder: Embedder;
  evaluator: Evaluator;
  trainer: Trainer;
  adopted?: AdoptedStudent | null;
  calls: Calls;
}

/** All parts, with `delay` milliseconds before every answer so that a kill can land in between. */
export function fakeParts(delay = 0): FakeParts {
  const calls: Calls = { questions: 0, references: 0, answers: 0, scores: 0, trainings: 0 };
  const pause = async (signal?: AbortSignal): Promise<void> => {
    signal?.throwIfAborted();
    if (delay > 0)
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(resolve, delay);
        signal?.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)), { once: true });
      });
  };

  const teacher: Teacher = {
    id: "fake-teacher",
    online: false,
    async questions({ section, count, wordings, rewordings, seed, signal }) {
      await pause(signal);
      calls.questions += 1;
      const mark = (n: number) => words[(seed + n) % words.length];
      const families = Array.from({ length: count }, (_, index) => ({
        wordings: Array.from(
          { length: wordings },
          (_w, w) => `${section.id} form ${w} number ${index} about ${mark(index)} ${seed % 977}?`,
        ),
        rewordings: Array.from(
          { length: rewordings },
          (_r, r) => `Tell ${r} of ${section.id} entry ${index} near ${mark(index)} ${seed % 977}.`,
        ),
        origin: "sentence" as const,
      }));
      return { families, unusable: 0 };
    },
    async reference(question, section, _domain, signal) {
      await pause(signal);
      calls.references += 1;
      const text = section.text.split(". ")[0] ?? section.text;
      return {
        status: "answered",
        text: `${text}.`,
        quotes: [{ text, line: section.firstLine }],
        grounded: question.length > 0,
        author: "teacher",
      };
    },
    usage: () => null,
  };

  const model = (id: string, good: boolean): LanguageModel => ({
    id,
    async generate(messages, { seed, signal }) {
      await pause(signal);
      calls.answers += 1;
      const text = `${good ? "good" : "poor"} ${hashOf([messages, seed]).slice(0, 12)}`;
      return { text, stop: "stop", tokens: 5, milliseconds: 1 };
    },
  });
  const student: Student = {
    ...model("fake-student", false),
    device: async () => "CPU",
    contextSize: 2048,
    tokenize: async (text) => text.split(/\s+/).map((_, index) => index),
    tuned: (gguf) => model(`fake-student+${gguf.length}`, true),
    close: async () => {},
  };

  const embedder: Embedder = {
    id: "fake-embedder",
    embed: async (texts) =>
      texts.map((text) => {
        const raw = Array.from({ length: 8 }, (_, index) => (seedOf(text, index) % 1000) - 500);
        const length = Math.hypot(...raw);
        return raw.map((value) => value / length);
      }),
    close: async () => {},
  };

  const evaluator: Evaluator = {
    embedder: "fake-embedder",
    judge: null,
    usage: () => null,
    async score(items, metrics, onScored, signal) {
      for (const { item, answer } of items) {
        await pause(signal);
        calls.scores += 1;
        const value = (answer.startsWith("good") ? 0.8 : 0.4) + (seedOf(answer) % 100) / 1000;
        await onScored(item, Object.fromEntries(metrics.map((metric) => [metric, { value }])), false);
      }
      return { versions: { ragas: "fake" }, prompts: {} };
    },
  };

  const trainer: Trainer = {
    prepare() {},
    async train(job: TrainingJob, onPoint, _onNotice, signal) {
      calls.trainings += 1;
      mkdirSync(join(job.output, "training"), { recursive: true });
      writeFileSync(join(job.output, "training", "state.json"), "{}");
      const steps = job.steps.rule === "fixed" ? job.steps.count : 12;
      const losses = [];
      for (let step = 1; step <= Math.min(steps, 12); step++) {
        await pause(signal);
        const point = { step, loss: 2 / step, learningRate: 2e-4, tokensPerSecond: 100 };
        losses.push(point);
        onPoint(point, steps);
      }
      const seen = hashOf([job.rows, job.settings, job.seed]);
      for (const file of ["adapter_model.safetensors", "adapter_config.json", "adapter.gguf", "spec.json"])
        writeFileSync(join(job.output, file), `${file} ${seen}`);
      return {
        device: "cpu",
        dtype: "float32",
        threads: 1,
        quantization: "none (fake)",
        modules: ["q_proj"],
        trainableParameters: 8,
        rows: job.rows.length,
        steps,
        plannedSteps: steps,
        finalLoss: 0.1,
        losses,
        tokensPerSecond: 100,
        peakMemoryBytes: 1,
        rowsTooLong: 0,
        exactResume: true,
      };
    },
    discardCheckpoints: async (output) => rmSync(join(output, "training"), { recursive: true, force: true }),
    close: async () => {},
  };
  return { teacher, student, embedder, evaluator, trainer, calls };
}

/** As {@link fakeParts}, with a base that answers well and a tuned student that answers badly. */
export function spoiltParts(): FakeParts {
  const parts = fakeParts();
  const { student } = parts;
  const generate = student.generate.bind(student);
  return {
    ...parts,
    student: { ...student, generate: student.tuned("a").generate, tuned: () => ({ id: "spoilt", generate }) },
  };
}
