/** The small model on this machine, behind the port: rendered prompts in, answers out. */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import PQueue from "p-queue";
import { UserError } from "../../protocol/errors.ts";
import type { Answer } from "../../protocol/model.ts";
import { sha256 } from "../hash.ts";
import type { GenerateOptions, LanguageModel, Message, Student } from "../ports.ts";
import type { PromptTemplate } from "../template.ts";
import { createStudentLife, usualContextSize } from "./studentLife.ts";
import type { Load } from "./studentMessages.ts";
import type { StudentProcess } from "./studentProcess.ts";
import { unlessAborted } from "./unlessAborted.ts";

export interface StudentOptions {
  /** Absolute path of the base model. */
  gguf: string;
  template: PromptTemplate;
  /** Names the base model in checkpoints; the file's name by default. */
  id?: string;
  /** The program of the student's process; the one beside this file by default. */
  childFile?: string | undefined;
  gpu?: Load["gpu"];
  /** Answers worked on at the same time; by default as many as there are cores for a small model, else 1. */
  lanes?: number;
  /** Threads of each of them; by default the cores are shared out. */
  threads?: number;
  /** Tokens of prompt and answer together; Phi-2's window by default. */
  contextSize?: number;
  /** Takes what llama.cpp says. */
  logFile?: string;
  /** Unloads the model after this many milliseconds without a request; never by default. */
  idleMilliseconds?: number;
}

/** The port, and what the parity test and the process tests look at. */
export interface LocalStudent extends Student {
  tuned(adapterGguf: string): LanguageModel;
  /** Process id while the model is loaded. */
  pid(): number | null;
  /** The most likely `count` tokens after a prompt, by the base (null) or an adapter. */
  greedy(prompt: string, adapterGguf: string | null, count: number): Promise<number[]>;
}

/** Beyond the time an answer may take: opening a context, and one evaluation that cannot be interrupted. */
const patienceMilliseconds = 120_000;

/**
 * A student over one GGUF file. The process starts with the first request; calls may come at the same
 * time and are worked on `lanes` at a time.
 */
export function createStudent(options: StudentOptions): LocalStudent {
  const { gguf, template } = options;
  const id = options.id ?? basename(gguf, ".gguf");
  const queue = new PQueue({ concurrency: 1 });
  const life = createStudentLife(options, (lanes) => (queue.concurrency = lanes));
  const adapters = new Map<string, string>();
  let idle: NodeJS.Timeout | undefined;

  /** Whoever aborts need not wait until the model is loaded or a prompt is read; the lane stays taken until then. */
  async function use<T>(signal: AbortSignal | undefined, work: (process: StudentProcess) => Promise<T>): Promise<T> {
    clearTimeout(idle);
    const task = queue.add(async () => {
      if (signal?.aborted) throw stopped();
      return life.work(work);
    });
    const result = task.finally(() => {
      if (options.idleMilliseconds === undefined || queue.size + queue.pending > 0) return;
      clearTimeout(idle);
      idle = setTimeout(() => void queue.add(() => life.unload()), options.idleMilliseconds).unref();
    });
    return signal ? unlessAborted(result, signal, stopped) : result;
  }

  /** llama.cpp keeps an adapter by its path: one that was written anew needs a new process. */
  async function know(adapter: string, content: string): Promise<void> {
    const known = adapters.get(adapter);
    if (known === content) return;
    if (known !== undefined) {
      adapters.clear();
      await queue.onIdle();
      await life.unload();
    }
    adapters.set(adapter, content);
  }

  async function generate(
    adapter: { path: string; content: string } | null,
    messages: readonly Message[],
    { seed, signal, onText, ...sampling }: GenerateOptions,
  ): Promise<Answer> {
    if (adapter) await know(adapter.path, adapter.content);
    const { maxNewTokens, temperature, topP, topK, repetitionPenalty, maxTime } = sampling;
    return use(signal, async (process) => {
      const reply = await process.request(
        {
          type: "generate",
          adapter: adapter?.path ?? null,
          prompt: template.render(messages),
          prefix: sharedPrefix(template, messages),
          stops: [...template.stops],
          sampling: { maxNewTokens, temperature, topP, topK, repetitionPenalty, maxTime },
          seed,
          stream: onText !== undefined,
        },
        {
          signal,
          onText: onText && ((chunk) => signal?.aborted || onText(chunk)),
          patience: maxTime * 1000 + patienceMilliseconds,
        },
      );
      if (reply.type !== "answer") throw new Error(`an answer was expected, not ${reply.type}`);
      return reply.answer;
    });
  }

  async function tokens(
    message:
      | { type: "tokenize"; text: string }
      | { type: "greedy"; adapter: string | null; prompt: string; count: number },
    signal?: AbortSignal,
  ) {
    return use(signal, async (process) => {
      const reply = await process.request(message, { patience: patienceMilliseconds });
      if (reply.type !== "tokens") throw new Error(`tokens were expected, not ${reply.type}`);
      return reply.tokens;
    });
  }

  return {
    id,
    contextSize: options.contextSize ?? usualContextSize,
    generate: (messages, generateOptions) => generate(null, messages, generateOptions),
    device: (signal) => use(signal, async ({ ready }) => (await ready).device),
    tuned(path) {
      const content = contentOf(path);
      return {
        id: `${id}+${content.slice(0, 12)}`,
        generate: (messages, generateOptions) => generate({ path, content }, messages, generateOptions),
      };
    },
    pid: life.pid,
    tokenize: (text, signal) => tokens({ type: "tokenize", text }, signal),
    async greedy(prompt, adapter, count) {
      if (adapter !== null) await know(adapter, contentOf(adapter));
      return tokens({ type: "greedy", adapter, prompt, count });
    },
    async close() {
      clearTimeout(idle);
      await life.close();
    },
  };
}

const stopped = () => new UserError("E_STOPPED", "The answer was stopped.");

/** The part of a prompt before its last message's text: the same for all questions of a run. */
function sharedPrefix(template: PromptTemplate, messages: readonly Message[]): string {
  const last = messages.at(-1);
  if (!last) return "";
  const mark = "\u0000";
  const rendered = template.render([...messages.slice(0, -1), { ...last, content: mark }]);
  return rendered.slice(0, Math.max(0, rendered.indexOf(mark)));
}

/** SHA-256 of an adapter file. Adapters have some megabytes, so reading one at once is fine. */
function contentOf(adapter: string): string {
  try {
    return sha256(readFileSync(adapter));
  } catch (error) {
    throw new UserError("E_ARTEFACT_MISSING", `The adapter ${adapter} cannot be read.`, { cause: error });
  }
}
