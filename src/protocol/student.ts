/** The student in use, as a workspace remembers it: `student.json`, and what is kept beside each adapter. */
import { z } from "zod";
import { domainSchema, idSchema } from "./model.ts";
import { runSettingsSchema } from "./run.ts";

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);

/** A tuned student by name: the cycle it came from, and the SHA-256 of its adapter's GGUF. */
export const studentEntrySchema = z.strictObject({
  run: idSchema,
  cycle: z.int().min(1).max(10),
  adapterHash: sha256Schema,
});
export type StudentEntry = z.infer<typeof studentEntrySchema>;

export const studentChangeSchema = z.strictObject({
  at: z.iso.datetime(),
  kind: z.enum(["gate", "hand", "rollback"]),
  from: studentEntrySchema.nullable(),
  to: studentEntrySchema,
  /** For people: "gate passed", "chosen by hand, although …", "rolled back". */
  why: z.string(),
});
export type StudentChange = z.infer<typeof studentChangeSchema>;

/** `student.json`. No path: an adapter is found by its hash. */
export const studentFileSchema = z.strictObject({
  schema: z.literal("distillery-student"),
  version: z.literal(1),
  current: studentEntrySchema.nullable(),
  /** Oldest first. */
  history: z.array(studentChangeSchema),
});
export type StudentFile = z.infer<typeof studentFileSchema>;

/** What asking a tuned student takes besides its adapter; kept beside it as `facts.json`. */
export const studentFactsSchema = z.strictObject({
  /** Names the exact base weights the adapter belongs to. */
  model: z.string(),
  settings: runSettingsSchema.pick({ student: true, template: true, sampling: true, seed: true }),
  domain: domainSchema,
  /** "semantic_similarity 0.72 (+0.12)"; null when it was never compared. */
  score: z.string().nullable(),
});
export type StudentFacts = z.infer<typeof studentFactsSchema>;
