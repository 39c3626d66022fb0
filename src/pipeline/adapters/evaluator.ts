/** RAGAS scores, from the Python job `evaluate`. What it asks for, a judge's answer or vectors, the host gets. */
import { z } from "zod";
import { UserError } from "../../protocol/errors.ts";
import { scoringSchema, type Scoring, type Usage } from "../../protocol/model.ts";
import type { TrainerLine } from "../../protocol/trainer.ts";
import type { Evaluator, Message } from "../ports.ts";
import { startJob, type PythonPlace } from "./pythonJob.ts";
import { createWarmJob, stopOnAbort } from "./warmJob.ts";

export interface JudgeRequest {
  messages: Message[];
  maxTokens: number;
  temperature: number;
  /** The answer should be one JSON object. */
  json: boolean;
}

/**
 * The model that judges. A UserError E_TEACHER_OUTPUT fails the one score; every other error ends the scoring.
 * Time limits, retries and the cap are the judge's own.
 */
export interface Judge {
  readonly id: string;
  /** What it spent since it was made; null when somebody else counts it. */
  usage(): Usage | null;
  chat(request: JudgeRequest, signal: AbortSignal): Promise<string>;
}

/** A local sentence embedder, or the endpoint's. Errors of `embed` count as the judge's do. */
export type ScoringEmbedder =
  | { id: string; folder: string }
  | { id: string; embed(texts: string[], signal: AbortSignal): Promise<number[][]> };

export interface EvaluatorOptions extends PythonPlace {
  embedder: ScoringEmbedder;
  judge: Judge | null;
  /** Answers in work at once; matters with a judge only. Default 8. */
  concurrency?: number;
}

/** An evaluator that can be started early and must be closed. */
export interface EvaluatorProcess extends Evaluator {
  prepare(): void;
  close(): Promise<void>;
}

const chatSchema = z.object({
  messages: z.array(z.object({ role: z.enum(["system", "user", "assistant"]), content: z.string() })),
  maxTokens: z.int().positive(),
  temperature: z.number(),
  json: z.boolean(),
});
const embedSchema = z.object({ texts: z.array(z.string()) });

type Ask = Extract<TrainerLine, { type: "ask" }>;

export function createEvaluator({ embedder, judge, concurrency = 8, ...place }: EvaluatorOptions): EvaluatorProcess {
  const warm = createWarmJob(() => startJob("evaluate", place));

  async function bodyFor({ kind, body }: Ask, signal: AbortSignal): Promise<unknown> {
    if (kind === "embed") {
      if (!("embed" in embedder)) throw new UserError("E_PROTOCOL", "The scoring asked for vectors it has itself.");
      return { vectors: await embedder.embed(embedSchema.parse(body).texts, signal) };
    }
    if (!judge) throw new UserError("E_PROTOCOL", "The scoring asked for a judge, but there is none.");
    return { text: await judge.chat(chatSchema.parse(body), signal) };
  }

  return {
    embedder: embedder.id,
    judge: judge?.id ?? null,
    usage: () => judge?.usage() ?? null,
    prepare: warm.prepare,
    close: warm.close,
    async score(items, metrics, onScored, signal) {
      signal.throwIfAborted();
      const job = warm.take();
      const asking = new AbortController();
      const detach = stopOnAbort(job, signal);
      const waiting = new Set(items.map(({ item }) => item));
      let failure: { error: unknown } | undefined;
      let handedOver = Promise.resolve();

      const fail = (error: unknown): void => {
        failure ??= { error };
        asking.abort();
        void job.stop();
      };
      const answer = async (ask: Ask): Promise<void> => {
        try {
          job.send({
            type: "answer",
            id: ask.id,
            ok: true,
            body: await bodyFor(ask, AbortSignal.any([signal, asking.signal])),
          });
        } catch (error) {
          if (error instanceof UserError && error.code === "E_TEACHER_OUTPUT")
            job.send({ type: "answer", id: ask.id, ok: false, message: error.message });
          else fail(error);
        }
      };
      job.onLine = (line) => {
        if (line.type === "ask") return void answer(line);
        if (line.type !== "scored") return;
        if (!waiting.delete(line.item))
          return fail(
            new UserError("E_PROTOCOL", `A score came for "${line.item.slice(0, 80)}", which was not waited for.`),
          );
        handedOver = handedOver
          .then(() => (failure ? undefined : onScored(line.item, line.scores, line.overWindow)))
          .catch(fail);
      };

      job.send({
        type: "spec",
        spec: {
          embedder: "folder" in embedder ? embedder.folder : null,
          metrics,
          judge: judge?.id ?? null,
          concurrency,
        },
      });
      for (const { item, question, answer: text, reference, context } of items)
        job.send({
          type: "score",
          item,
          question: question.toWellFormed(),
          answer: text.toWellFormed(),
          reference: reference.toWellFormed(),
          context: context.toWellFormed(),
        });
      job.send({ type: "done" });

      const ended = await job.stopped.then(
        (result) => ({ result }),
        (error: unknown) => ({ error }),
      );
      asking.abort();
      detach();
      await handedOver;
      signal.throwIfAborted();
      if (failure) throw failure.error;
      if ("error" in ended) throw ended.error;
      if (waiting.size > 0)
        throw new UserError(
          "E_PROTOCOL",
          `The scoring ended with ${waiting.size} of ${items.length} answers left out.`,
        );
      return scoringOf(ended.result);
    },
  };
}

function scoringOf(result: unknown): Scoring {
  const parsed = scoringSchema.safeParse(result);
  if (!parsed.success)
    throw new UserError("E_PROTOCOL", "The result of the scoring is not as agreed.", { cause: parsed.error });
  return parsed.data;
}
