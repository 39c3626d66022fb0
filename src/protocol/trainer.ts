/**
 * The line protocol between the host and a Python job: one JSON object a line, both ways.
 * trainer/PROTOCOL.md describes it for people; trainer/protocol.py is the other end.
 */
import { z } from "zod";
import { lossPointSchema, scoreSchema, metricSchema } from "./model.ts";

export const protocolVersion = 1;

export const jobNames = ["train", "evaluate", "embed", "parity", "merge", "convert", "toy"] as const;
export type JobName = (typeof jobNames)[number];

/** The memory of a training before it starts; see trainer/PROTOCOL.md. */
export const planLineSchema = z.strictObject({
  type: z.literal("plan"),
  /** How many entries of the spec's `ladder` were passed; 0 is the spec itself. */
  rung: z.int().nonnegative(),
  device: z.enum(["cpu", "cuda"]),
  /** What was estimated up to the one that was chosen, and what there is. */
  tried: z.array(z.strictObject({ bytes: z.number(), limitBytes: z.number() })).min(1),
  parts: z.strictObject({
    weights: z.number(),
    adapter: z.number(),
    gradients: z.number(),
    optimizer: z.number(),
    step: z.number(),
    program: z.number(),
  }),
  /** How long the training takes, roughly; null on a GPU. */
  seconds: z.number().nullable(),
});
export type PlanLine = z.infer<typeof planLineSchema>;

/** What Python says. */
export const trainerLineSchema = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("hello"),
    protocol: z.int(),
    job: z.string(),
    pid: z.int(),
    versions: z.record(z.string(), z.string()),
  }),
  z.strictObject({ type: z.literal("phase"), name: z.string() }),
  planLineSchema,
  z.strictObject({ type: z.literal("progress"), done: z.number(), total: z.number() }),
  z.strictObject({ type: z.literal("metric"), ...lossPointSchema.shape, memoryBytes: z.number() }),
  z.strictObject({
    type: z.literal("scored"),
    item: z.string(),
    scores: z.partialRecord(metricSchema, scoreSchema),
    overWindow: z.boolean(),
  }),
  z.strictObject({ type: z.literal("vectors"), id: z.int(), vectors: z.array(z.array(z.number())) }),
  z.strictObject({ type: z.literal("ask"), id: z.int(), kind: z.enum(["chat", "embed"]), body: z.json() }),
  z.strictObject({ type: z.literal("beat") }),
  z.strictObject({ type: z.literal("notice"), text: z.string() }),
  z.strictObject({ type: z.literal("result"), result: z.json() }),
  z.strictObject({ type: z.literal("error"), code: z.string(), message: z.string() }),
]);
export type TrainerLine = z.infer<typeof trainerLineSchema>;

/** What the host says. `spec` comes once, right after `hello`; end of input means "the host is gone": the job ends. */
export type HostLine =
  | { type: "spec"; spec: unknown }
  | { type: "embed"; id: number; texts: string[] }
  | { type: "score"; item: string; question: string; answer: string; reference: string; context: string }
  | { type: "done" }
  | { type: "answer"; id: number; ok: true; body: unknown }
  | { type: "answer"; id: number; ok: false; message: string }
  | { type: "stop" };
