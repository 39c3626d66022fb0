/** What people decided about the questions and answers of a run: `review.json`, plain JSON that may be edited by hand. */
import { z } from "zod";
import { idSchema } from "./model.ts";

/** Names the text that was judged, so that a decision never acts on another one: 16 hex digits of its SHA-256. */
const judgedSchema = z.string().regex(/^[0-9a-f]{16}$/);
const words = z.string().regex(/\S/).max(20_000);

export const decisionSchema = z.discriminatedUnion("action", [
  z.strictObject({ action: z.literal("approve"), of: judgedSchema }),
  /** Another wording of a question, or another text of a reference. */
  z.strictObject({ action: z.literal("edit"), of: judgedSchema, text: words }),
  z.strictObject({ action: z.literal("exclude"), of: judgedSchema, reason: words }),
]);
export type Decision = z.infer<typeof decisionSchema>;

export const reviewSchema = z.strictObject({
  $schema: z.string().optional(),
  schema: z.literal("distillery-review"),
  version: z.literal(1),
  /** By id: a question's id is about its wording, a family's about its reference answer. */
  decisions: z.record(idSchema, decisionSchema),
  /** Families whose reference the teacher was asked for again: after which first answer, and how often. */
  askedAgain: z.record(idSchema, z.strictObject({ of: judgedSchema, times: z.int().min(1).max(100) })),
});
export type Review = z.infer<typeof reviewSchema>;

/** What has become of a question or a reference. */
export type ReviewState = "open" | "unsupported" | "approved" | "edited" | "excluded" | "asked again";

export const emptyReview: Review = { schema: "distillery-review", version: 1, decisions: {}, askedAgain: {} };
