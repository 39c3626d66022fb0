/**
 * Reads the head of a GGUF file and checks that everything it announces lies within the file, so that
 * a cut or foreign file gets a sentence instead of a crash in native code.
 * Format: the GGUF specification of the ggml project, versions 2 and 3.
 */
import { open, type FileHandle } from "node:fs/promises";
import { UserError } from "../../protocol/errors.ts";

export interface GgufHead {
  architecture: string;
  tensors: number;
}

/** Elements and bytes of one block, by ggml type number; types that are not here are only checked for their start. */
const blocks: Readonly<Record<number, readonly [elements: number, bytes: number]>> = {
  0: [1, 4], // F32
  1: [1, 2], // F16
  2: [32, 18], // Q4_0
  3: [32, 20], // Q4_1
  6: [32, 22], // Q5_0
  7: [32, 24], // Q5_1
  8: [32, 34], // Q8_0
  10: [256, 84], // Q2_K
  11: [256, 110], // Q3_K
  12: [256, 144], // Q4_K
  13: [256, 176], // Q5_K
  14: [256, 210], // Q6_K
  30: [1, 2], // BF16
};
/** Bytes of a metadata value by its type number; 8 is a string and 9 an array. */
const valueBytes: Readonly<Record<number, number>> = {
  0: 1,
  1: 1,
  2: 2,
  3: 2,
  4: 4,
  5: 4,
  6: 4,
  7: 1,
  10: 8,
  11: 8,
  12: 8,
};
const stringType = 8;
const arrayType = 9;
const uint32Type = 4;

/**
 * Checks a model or adapter file.
 * @throws UserError E_MODEL_FILE, naming what does not fit
 */
export async function checkGguf(file: string): Promise<GgufHead> {
  const handle = await open(file).catch((error: NodeJS.ErrnoException) => {
    throw new UserError("E_MODEL_FILE", `The model file ${file} cannot be read (${error.code}).`);
  });
  try {
    const { size } = await handle.stat();
    return await readHead(new Cursor(handle, size));
  } catch (error) {
    if (!(error instanceof Misfit)) throw error;
    throw new UserError("E_MODEL_FILE", `${file} is no usable GGUF model: ${error.message}.`);
  } finally {
    await handle.close();
  }
}

class Misfit extends Error {}

async function readHead(cursor: Cursor): Promise<GgufHead> {
  if ((await cursor.bytes(4)).toString("latin1") !== "GGUF")
    throw new Misfit("it does not begin with the letters GGUF");
  const version = await cursor.uint32();
  if (version !== 2 && version !== 3) throw new Misfit(`its format version is ${version}, and 2 and 3 are supported`);
  const tensors = await cursor.count();
  const { architecture, alignment } = await readMetadata(cursor, await cursor.count());
  let end = 0;
  for (let index = 0; index < tensors; index++) end = Math.max(end, await readTensor(cursor));
  const dataStart = Math.ceil(cursor.position / alignment) * alignment;
  if (dataStart + end > cursor.size)
    throw new Misfit(`it is cut off: ${cursor.size} bytes of ${dataStart + end} are there`);
  return { architecture, tensors };
}

async function readMetadata(cursor: Cursor, count: number): Promise<{ architecture: string; alignment: number }> {
  let architecture = "";
  let alignment = 32;
  for (let index = 0; index < count; index++) {
    const key = await cursor.string();
    const type = await cursor.uint32();
    if (key === "general.architecture" && type === stringType) architecture = await cursor.string();
    else if (key === "general.alignment" && type === uint32Type) alignment = await cursor.uint32();
    else await skipValue(cursor, type, 0);
  }
  if (architecture === "") throw new Misfit("it names no architecture");
  if (alignment < 1 || alignment > 65_536) throw new Misfit(`its alignment of ${alignment} bytes is out of range`);
  return { architecture, alignment };
}

async function skipValue(cursor: Cursor, type: number, depth: number): Promise<void> {
  if (type === stringType) return cursor.skip(await cursor.count());
  const bytes = valueBytes[type];
  if (bytes !== undefined) return cursor.skip(bytes);
  if (type !== arrayType || depth > 3) throw new Misfit(`its metadata holds a value of unknown type ${type}`);
  const element = await cursor.uint32();
  const count = await cursor.count();
  const elementBytes = valueBytes[element];
  if (elementBytes !== undefined) return cursor.skip(count * elementBytes);
  for (let index = 0; index < count; index++) await skipValue(cursor, element, depth + 1);
}

/** Resolves to where the tensor ends, counted from the start of the data. */
async function readTensor(cursor: Cursor): Promise<number> {
  const name = await cursor.string();
  const dimensions = await cursor.uint32();
  if (dimensions < 1 || dimensions > 4) throw new Misfit(`tensor ${name.slice(0, 60)} has ${dimensions} dimensions`);
  let elements = 1;
  for (let index = 0; index < dimensions; index++) elements *= await cursor.uint64();
  const block = blocks[await cursor.uint32()];
  const offset = await cursor.uint64();
  return offset + (block ? Math.ceil(elements / block[0]) * block[1] : 0);
}

/** Reads forward in pieces; whatever would pass the end of the file is a misfit. */
class Cursor {
  position = 0;
  readonly size: number;
  readonly #handle: FileHandle;
  #piece = Buffer.alloc(0);
  #pieceStart = 0;

  constructor(handle: FileHandle, size: number) {
    this.#handle = handle;
    this.size = size;
  }

  async bytes(length: number): Promise<Buffer> {
    this.#claim(length);
    const from = this.position - this.#pieceStart;
    if (from < 0 || from + length > this.#piece.length) {
      this.#piece = Buffer.alloc(Math.min(Math.max(length, 1 << 20), this.size - this.position));
      this.#pieceStart = this.position;
      await this.#handle.read(this.#piece, 0, this.#piece.length, this.position);
    }
    const start = this.position - this.#pieceStart;
    this.position += length;
    return this.#piece.subarray(start, start + length);
  }

  skip(length: number): void {
    this.#claim(length);
    this.position += length;
  }

  async uint32(): Promise<number> {
    return (await this.bytes(4)).readUInt32LE();
  }

  async uint64(): Promise<number> {
    return Number((await this.bytes(8)).readBigUInt64LE());
  }

  /** A number of things that take at least a byte each, so it cannot exceed the rest of the file. */
  async count(): Promise<number> {
    const count = await this.uint64();
    this.#claim(count);
    return count;
  }

  /** A name; the specification allows 65,535 bytes. */
  async string(): Promise<string> {
    const length = await this.count();
    if (length > 65_535) throw new Misfit(`it holds a name of ${length} bytes`);
    return (await this.bytes(length)).toString("utf8");
  }

  #claim(length: number): void {
    if (this.position + length > this.size) throw new Misfit("it ends in the middle of its head");
  }
}
