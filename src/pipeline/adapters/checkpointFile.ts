/** A checkpoint's bytes: how a frame is written, and everything that is checked before one is believed. */
import { z } from "zod";
import { UserError } from "../../protocol/errors.ts";
import { stageOutputSchemas, type StageId } from "../../protocol/model.ts";
import {
  checkpointFrameSchema,
  checkpointSchemaVersion,
  runFileSchema,
  type CheckpointFrame,
  type RunFile,
} from "../../protocol/run.ts";
import { hashOf, stableJson } from "../hash.ts";
import { parseStrict } from "./strictJson.ts";

const checksumSchema = z.string().regex(/^[0-9a-f]{64}$/);

/** On disk a frame carries a checksum of itself: of random mutations, two in five still parse, to other content. */
export const storedCheckpointSchema = checkpointFrameSchema.extend({
  /** How often the stage had been asked to run afresh; restoring a superseded checkpoint needs it. */
  attempt: z.int().nonnegative(),
  checksum: checksumSchema,
});
export const storedRunFileSchema = runFileSchema.extend({ checksum: checksumSchema });

/** Larger files are no checkpoints; reading them would only fill the memory. */
export const largestCheckpoint = 256 * 1024 * 1024;

export interface Checkpoint {
  frame: CheckpointFrame;
  attempt: number;
}

function withChecksum(content: object): string {
  return `${stableJson({ ...content, checksum: hashOf(content) }, 2)}\n`;
}

export const encodeCheckpoint = ({ frame, attempt }: Checkpoint): string => withChecksum({ ...frame, attempt });
export const encodeRunFile = (file: RunFile): string => withChecksum(file);

type Code = "E_CKPT_CORRUPT" | "E_CKPT_SCHEMA" | "E_CKPT_NEWER";
const failed = (code: Code, name: string, what: string): UserError => new UserError(code, `${name} ${what}.`);

/** "output.questions.3.text: Invalid input", from the first thing the schema complains about. */
function complaintOf(error: z.ZodError, below = ""): string {
  const issue = error.issues[0];
  const extra = issue?.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [];
  const path = [...(below ? [below] : []), ...(issue?.path ?? []), ...extra].map(String).join(".").slice(0, 200);
  return `has an unexpected value at ${path || "the top level"}: ${issue?.message.slice(0, 200) ?? "it does not fit"}`;
}

/** Bytes → an object that says it is `schema`, of a version we know. */
function parseDocument(bytes: Uint8Array, schema: string, version: number, name: string): object {
  const parsed = parseStrict(bytes);
  if ("problem" in parsed)
    throw failed(
      parsed.kind === "syntax" ? "E_CKPT_CORRUPT" : "E_CKPT_SCHEMA",
      name,
      `does not verify: ${parsed.problem}`,
    );
  const { value } = parsed;
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw failed("E_CKPT_SCHEMA", name, "does not hold an object");
  const found = value as { schema?: unknown; version?: unknown };
  if (found.schema === schema && Number.isInteger(found.version) && (found.version as number) > version)
    throw failed(
      "E_CKPT_NEWER",
      name,
      `was written by a later version of Distillery (format ${found.version as number}; this one knows up to ${version})`,
    );
  return value;
}

function verifyChecksum({ checksum, ...content }: { checksum: string }, name: string): void {
  if (hashOf(content) !== checksum) throw failed("E_CKPT_CORRUPT", name, "does not match its own checksum");
}

/**
 * @param name the file as people know it.
 * @throws UserError E_CKPT_CORRUPT, E_CKPT_SCHEMA (with the path of the field), E_CKPT_NEWER.
 */
export function decodeCheckpoint(
  bytes: Uint8Array,
  expected: { run: string; cycle: number; stage: StageId },
  name: string,
): Checkpoint {
  const document = parseDocument(bytes, "distillery-checkpoint", checkpointSchemaVersion, name);
  const parsed = storedCheckpointSchema.safeParse(document);
  if (!parsed.success) throw failed("E_CKPT_SCHEMA", name, complaintOf(parsed.error));
  const output = stageOutputSchemas[parsed.data.stage].safeParse(parsed.data.output);
  if (!output.success) throw failed("E_CKPT_SCHEMA", name, complaintOf(output.error, "output"));
  verifyChecksum(parsed.data, name);
  const { attempt, checksum: _, ...frame } = parsed.data;
  if (hashOf(frame.output) !== frame.outputHash)
    throw failed("E_CKPT_CORRUPT", name, "holds an output that does not match its hash");
  if (frame.run !== expected.run) throw failed("E_CKPT_CORRUPT", name, `belongs to the run ${frame.run}`);
  if (frame.cycle !== expected.cycle || frame.stage !== expected.stage)
    throw failed("E_CKPT_CORRUPT", name, `holds the ${frame.stage} of cycle ${frame.cycle}`);
  return { frame, attempt };
}

/** `run.json`; errors as {@link decodeCheckpoint}. */
export function decodeRunFile(bytes: Uint8Array, id: string, name: string): RunFile {
  const parsed = storedRunFileSchema.safeParse(parseDocument(bytes, "distillery-run", 1, name));
  if (!parsed.success) throw failed("E_CKPT_SCHEMA", name, complaintOf(parsed.error));
  verifyChecksum(parsed.data, name);
  const { checksum: _, ...file } = parsed.data;
  if (file.id !== id) throw failed("E_CKPT_CORRUPT", name, `belongs to the run ${file.id}`);
  return file;
}
