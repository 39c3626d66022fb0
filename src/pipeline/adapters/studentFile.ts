/** `student.json` and the facts beside a kept adapter: their bytes, and what is checked before they are believed. */
import { z } from "zod";
import { UserError } from "../../protocol/errors.ts";
import { studentFactsSchema, studentFileSchema, type StudentFacts, type StudentFile } from "../../protocol/student.ts";
import { hashOf, stableJson } from "../hash.ts";
import { parseStrict } from "./strictJson.ts";

const checksum = z.string().regex(/^[0-9a-f]{64}$/);

/** On disk both carry a checksum of themselves, as checkpoints do. */
export const storedStudentFileSchema = studentFileSchema.extend({ checksum });
const storedFactsSchema = studentFactsSchema.extend({ checksum });

export const noStudent: StudentFile = { schema: "distillery-student", version: 1, current: null, history: [] };

export const encodeStudentFile = (file: StudentFile): string => withChecksum(file);
export const encodeFacts = (facts: StudentFacts): string => withChecksum(facts);

const withChecksum = (content: object): string => `${stableJson({ ...content, checksum: hashOf(content) }, 2)}\n`;

/**
 * @param name the file as people know it.
 * @throws UserError E_STUDENT_FILE; E_CKPT_NEWER for a format of a later version.
 */
export function decodeStudentFile(bytes: Uint8Array, name: string): StudentFile {
  return decode(bytes, storedStudentFileSchema, name);
}

/** Errors as {@link decodeStudentFile}. */
export function decodeFacts(bytes: Uint8Array, name: string): StudentFacts {
  return decode(bytes, storedFactsSchema, name);
}

function decode<T extends { checksum: string }>(
  bytes: Uint8Array,
  schema: z.ZodType<T>,
  name: string,
): Omit<T, "checksum"> {
  const parsed = parseStrict(bytes);
  if ("problem" in parsed) throw damaged(name, `does not verify: ${parsed.problem}`);
  const version = (parsed.value as { version?: unknown } | null)?.version;
  if (typeof version === "number" && version > 1)
    throw new UserError("E_CKPT_NEWER", `${name} was written by a later version of Distillery.`);
  const result = schema.safeParse(parsed.value);
  if (!result.success) throw damaged(name, `has an unexpected value at ${pathOf(result.error)}`);
  const { checksum: found, ...content } = result.data;
  if (hashOf(content) !== found) throw damaged(name, "does not match its own checksum");
  return content;
}

const damaged = (name: string, what: string) => new UserError("E_STUDENT_FILE", `${name} ${what}.`);
const pathOf = ({ issues }: z.ZodError) => issues[0]?.path.map(String).join(".").slice(0, 200) || "the top level";
