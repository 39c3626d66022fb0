/**
 * A backup is one gzip'ed file of JSON lines: a header that lists every file with size and SHA-256, then the
 * files' bytes in that order in base64 lines, then an end line. Readable with zcat, and no archive library.
 */
import { createGunzip, createGzip } from "node:zlib";
import { Readable } from "node:stream";
import { createReadStream } from "node:fs";
import { z } from "zod";
import { UserError } from "../../protocol/errors.ts";
import { idSchema } from "../../protocol/model.ts";
import { stableJson } from "../hash.ts";
import { errorCode } from "./fileLayer.ts";
import { readError } from "./storageError.ts";
import { parseStrictText } from "./strictJson.ts";

export const backupHeaderSchema = z.strictObject({
  schema: z.literal("distillery-backup"),
  version: z.literal(1),
  run: idSchema,
  created: z.iso.datetime(),
  files: z
    .array(
      z.strictObject({ path: z.string(), size: z.int().nonnegative(), sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
    )
    .max(100_000),
});
export type BackupHeader = z.infer<typeof backupHeaderSchema>;

const dataSchema = z.strictObject({ data: z.base64() });

const longestLine = 32 * 1024 * 1024;

/**
 * Starts when it is read: an error of `pieces` reaches the reader, where a stream with no reader yet would end the process.
 * @param pieces the bytes of the header's files, one after the other.
 */
export async function* packBackup(
  header: BackupHeader,
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  async function* lines() {
    yield `${stableJson(header)}\n`;
    for await (const piece of pieces) yield `${stableJson({ data: Buffer.from(piece).toString("base64") })}\n`;
    yield `${stableJson({ end: true })}\n`;
  }
  const gzip = createGzip();
  const source = Readable.from(lines());
  source.on("error", (error) => gzip.destroy(error));
  try {
    yield* source.pipe(gzip) as AsyncIterable<Uint8Array>;
  } finally {
    source.destroy();
  }
}

export const badBackup = (what: string): UserError =>
  new UserError("E_BACKUP", `This backup cannot be restored: ${what}.`);

async function* linesOf(path: string): AsyncGenerator<string> {
  const gunzip = createGunzip();
  const source = createReadStream(path);
  source.on("error", (error) => gunzip.destroy(error));
  let rest: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of source.pipe(gunzip) as AsyncIterable<Buffer>) {
      let start = 0;
      for (let newline = chunk.indexOf(0x0a); newline >= 0; newline = chunk.indexOf(0x0a, start)) {
        yield Buffer.concat([...rest, chunk.subarray(start, newline)]).toString();
        rest = [];
        length = 0;
        start = newline + 1;
      }
      rest.push(chunk.subarray(start));
      length += chunk.length - start;
      if (length > longestLine) throw badBackup("one of its lines is too long");
    }
  } catch (error) {
    if (errorCode(error)?.startsWith("Z_")) throw badBackup("it is damaged or no gzip file");
    throw readError(error, "the backup");
  } finally {
    source.destroy();
  }
  if (length > 0) throw badBackup("its last line is cut off");
}

function parseLine<T>(schema: z.ZodType<T>, line: string, what: string): T {
  const parsed = parseStrictText(line);
  const checked = schema.safeParse("value" in parsed ? parsed.value : undefined);
  if (!checked.success) throw badBackup(`${what} is not what \`distillery backup\` writes`);
  return checked.data;
}

/**
 * The header, then the files' bytes piece by piece; the end of the file was seen when they are through.
 * `close` lets go of the file and is always to be called.
 * @throws UserError E_BACKUP, E_STORAGE.
 */
export async function openBackup(
  path: string,
): Promise<{ header: BackupHeader; pieces: AsyncGenerator<Buffer>; close(): Promise<void> }> {
  const lines = linesOf(path);
  const close = async () => void (await lines.return(undefined));
  let header: BackupHeader;
  try {
    const first = await lines.next();
    if (first.done) throw badBackup("it is empty");
    if (/"schema":"distillery-backup","version":(?!1\D)/.test(first.value))
      throw badBackup("it was written by another version of Distillery");
    header = parseLine(backupHeaderSchema, first.value, "its first line");
  } catch (error) {
    await close();
    throw error;
  }
  async function* pieces() {
    let ended = false;
    for await (const line of lines) {
      if (ended) throw badBackup("something follows its end");
      ended = line === stableJson({ end: true });
      if (!ended) yield Buffer.from(parseLine(dataSchema, line, "one of its lines").data, "base64");
    }
    if (!ended) throw badBackup("its end is missing");
  }
  return { header, pieces: pieces(), close };
}
