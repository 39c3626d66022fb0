/** A tuned student as files for other programs, each proved to answer as the served one does. */
import { randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { UserError } from "../../protocol/errors.ts";
import type { Question } from "../../protocol/model.ts";
import { stableJson } from "../hash.ts";
import { modelfile } from "../modelfile.ts";
import type { TunedStudent } from "../ports.ts";
import { answerSystemPrompt, templates } from "../template.ts";
import { ensureFolder, moveDurably, writeDurably, writePiecesDurably } from "./durableFile.ts";
import { greedyAnswers } from "./exportAnswers.ts";
import { mergeModel, peftAsGguf } from "./exportJobs.ts";
import { sha256OfFile } from "./modelFiles.ts";
import type { PythonPlace } from "./pythonJob.ts";
import { usualContextSize } from "./studentLife.ts";

export const exportKinds = ["peft", "gguf", "merged", "ollama"] as const;
export type ExportKind = (typeof exportKinds)[number];

export interface ExportOptions {
  student: TunedStudent;
  /** The questions of its cycle; ten of them are asked. */
  questions: readonly Question[];
  /** The GGUF of its base model. */
  gguf: string;
  kinds: readonly ExportKind[];
  /** Absolute; must not be there yet. */
  target: string;
  place: PythonPlace;
  /** Where the bundled program has the student's process. */
  childFile?: string;
  signal?: AbortSignal;
  onProgress?: (text: string) => void;
}

/** What was compared for one kind of export, and how it came out. */
export interface Proof {
  as: ExportKind;
  compared: string;
  equal: number;
  asked: number;
  /** Questions whose answers differ, with the answer of the exported files. */
  differing: { question: string; answer: string }[];
  notes: string[];
}

const proofFile = "proof.json";
const baseFile = "base.gguf";
const mergedFile = "merged.gguf";
const peftFiles = ["adapter_model.safetensors", "adapter_config.json"];
/** Kinds of number for the changed tensors, the base file's own first; the first that answers alike is kept. */
const precisions = ["base", "Q8_0", "F16"] as const;

/**
 * Writes the exports and `proof.json` aside and puts them under `target` as a whole.
 * @throws UserError E_EXPORT_UNPROVED when answers differ: the files are then in `TARGET-unproved`. E_USAGE when the
 * target is there; E_MODEL_FILE, E_ARTEFACT_MISSING, E_STOPPED, and as writeDurably.
 */
export async function exportStudent(options: ExportOptions): Promise<Proof[]> {
  const { target } = options;
  for (const folder of [target, unprovedName(target)])
    if (await stat(folder).catch(() => null)) throw new UserError("E_USAGE", `${folder} is there already.`);
  const aside = `${target}.${randomBytes(6).toString("hex")}.tmp`;
  await ensureFolder(aside);
  try {
    const proofs = await writeAndProve(options, aside);
    const unproved = proofs.filter(({ equal, asked }) => equal < asked);
    await moveDurably(aside, unproved.length === 0 ? target : unprovedName(target));
    if (unproved.length > 0) throw new UserError("E_EXPORT_UNPROVED", whatDiffers(unproved));
    return proofs;
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

const unprovedName = (target: string): string => `${target}-unproved`;

function whatDiffers(unproved: readonly Proof[]): string {
  const parts = unproved.map(
    ({ as, equal, asked, differing }) => `${as}: ${equal} of ${asked}, not “${differing[0]?.question ?? ""}”`,
  );
  return `Exported files answer otherwise than the served student; alike are ${parts.join("; ")}.`;
}

async function writeAndProve(options: ExportOptions, aside: string): Promise<Proof[]> {
  const { student, gguf, kinds, place, childFile, signal } = options;
  const say = options.onProgress ?? (() => {});
  const questions = tenOf(options.questions);
  const adapterFolder = dirname(student.adapterGguf);
  const copy = async (name: string) => writeDurably(join(aside, name), await readFile(join(adapterFolder, name)));
  const ask = (model: string, adapter: string | null) =>
    greedyAnswers({ student, gguf: model, adapter, questions, logFile: place.logFile, childFile, signal });

  say(`Asking the served student ${questions.length} questions.`);
  const served = await ask(gguf, student.adapterGguf);
  const compare = (as: ExportKind, compared: string, answers: readonly string[], notes: string[] = []): Proof => {
    const differing = questions.flatMap((question, index) =>
      answers[index] === served[index] ? [] : [{ question, answer: answers[index] ?? "" }],
    );
    return { as, compared, equal: questions.length - differing.length, asked: questions.length, differing, notes };
  };
  const proofs: Proof[] = [];

  if (kinds.includes("peft")) {
    say("Proving the PEFT files.");
    for (const name of peftFiles) await copy(name);
    const readBack = join(aside, "read-back.gguf");
    await peftAsGguf({ gguf, peft: aside, adapterGguf: readBack }, place, signal);
    proofs.push(compare("peft", "the PEFT files, read back into an adapter GGUF", await ask(gguf, readBack)));
    await rm(readBack);
  }
  if (kinds.includes("gguf") || kinds.includes("ollama")) {
    say("Proving the adapter GGUF.");
    await copy("adapter.gguf");
    // The Modelfile names base and adapter, whose sums are the served student's own.
    const base = kinds.includes("ollama") ? join(aside, baseFile) : gguf;
    if (base !== gguf) await writePiecesDurably(base, createReadStream(gguf));
    const answers = await ask(base, join(aside, "adapter.gguf"));
    if (kinds.includes("gguf")) proofs.push(compare("gguf", "base model and exported adapter", answers));
    if (kinds.includes("ollama")) {
      await writeDurably(join(aside, "Modelfile"), modelfileOf(student));
      proofs.push(compare("ollama", "the two files the Modelfile names, in llama.cpp", answers));
    }
  }
  if (kinds.includes("merged")) proofs.push(await bestMerge());
  await writeDurably(join(aside, proofFile), `${stableJson(await proofOf(), 2)}\n`);
  return proofs;

  /** Quantising merged weights anew rounds them; where that changes an answer the next finer kind is tried. */
  async function bestMerge(): Promise<Proof> {
    let best: Proof | null = null;
    const notes: string[] = [];
    for (const precision of precisions) {
      say(`Merging base and adapter (${precision === "base" ? "the base's precision" : precision}).`);
      const file = join(aside, `merged-${precision}.gguf`);
      const tensors = await mergeModel({ gguf, adapter: student.adapterGguf, merged: file, precision }, place, signal);
      const proof = compare("merged", "the merged model alone", await ask(file, null));
      notes.push(`Changed tensors as ${tensors.join(", ")}: ${proof.equal} of ${proof.asked} answers alike.`);
      if (best === null || proof.equal > best.equal) {
        best = proof;
        await rename(file, join(aside, mergedFile));
      } else await rm(file);
      if (proof.equal === proof.asked) break;
    }
    return { ...best!, notes };
  }

  async function proofOf() {
    const names = (await readdir(aside)).toSorted();
    const files = Object.fromEntries(
      await Promise.all(names.map(async (name) => [name, await sha256OfFile(join(aside, name))])),
    );
    const { run, cycle, model } = student;
    const answers = questions.map((question, index) => ({ question, answer: served[index] }));
    return {
      run,
      cycle,
      base: { model, file: basename(gguf), sha256: await sha256OfFile(gguf) },
      files,
      served: answers,
      proofs,
    };
  }
}

function modelfileOf({ settings, domain }: TunedStudent): string {
  return modelfile({
    gguf: baseFile,
    adapter: "adapter.gguf",
    template: templates[settings.template],
    system: answerSystemPrompt(domain),
    sampling: settings.sampling,
    contextSize: usualContextSize,
  });
}

/** Ten questions, of as many families as there are. */
function tenOf(questions: readonly Question[]): string[] {
  const firsts = new Map(questions.toReversed().map((question) => [question.family, question.text]));
  return [...new Set([...[...firsts.values()].toReversed(), ...questions.map(({ text }) => text)])].slice(0, 10);
}
