/** What a model hub says about a model: its commit, its files, their sizes and hashes. Nothing of it is run. */
import { z } from "zod";
import { UserError } from "../../protocol/errors.ts";
import type { StudentSource } from "./studentCatalogue.ts";

export interface HubFile {
  name: string;
  bytes: number;
  /** What the content must come to: the SHA-256 of a large file, git's own SHA-1 of a small one. */
  hash: { kind: "sha256" | "gitSha1"; hex: string };
  url: string;
}

export interface HubModel {
  repository: string;
  /** The commit, 40 hex digits. */
  revision: string;
  files: HubFile[];
}

/** No answer to a request, or no further byte of a file, for this long means that the connection is dead. */
export const silenceMilliseconds = 60_000;

/** Weights as safetensors, and what is needed to read them; no code, no pickle, no folders. */
const wanted =
  /^(model(-\d{5}-of-\d{5})?\.safetensors|model\.safetensors\.index\.json|(config|generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab)\.json|merges\.txt)$/;

const commitSchema = z.object({ sha: z.string().regex(/^[0-9a-f]{40}$/) });
const treeSchema = z.array(
  z.object({
    type: z.string(),
    path: z.string(),
    size: z.number().int().nonnegative(),
    oid: z.string(),
    lfs: z.object({ oid: z.string().regex(/^[0-9a-f]{64}$/), size: z.number().int().nonnegative() }).optional(),
  }),
);

/** The hub's address: `HF_ENDPOINT` of the environment as in the hub's own client, never a workspace's setting. @throws UserError E_SETTINGS */
export function hubAddress(variables: Readonly<Record<string, string | undefined>> = process.env): string {
  const address = variables["HF_ENDPOINT"] || "https://huggingface.co";
  if (!/^https?:$/.test(URL.parse(address)?.protocol ?? ""))
    throw new UserError("E_SETTINGS", `HF_ENDPOINT is no web address: "${address}".`);
  return address.replace(/\/+$/, "");
}

/**
 * The files of a model that would be fetched, at one commit.
 * @throws UserError E_DOWNLOAD when there is no such model or no answer, E_UNSAFE_FORMAT without safetensors
 */
export async function readHubModel(hub: string, source: StudentSource, signal: AbortSignal): Promise<HubModel> {
  const { repository } = source;
  const api = `${hub}/api/models/${repository}`;
  const { sha } = await readJson(
    `${api}/revision/${encodeURIComponent(source.revision)}`,
    commitSchema,
    source,
    signal,
  );
  const entries = await readJson(`${api}/tree/${sha}`, treeSchema, source, signal);
  const files = entries
    .filter(({ type, path }) => type === "file" && wanted.test(path))
    .map(({ path, size, oid, lfs }): HubFile => {
      const hash = lfs ? { kind: "sha256" as const, hex: lfs.oid } : { kind: "gitSha1" as const, hex: oid };
      return { name: path, bytes: lfs?.size ?? size, hash, url: `${hub}/${repository}/resolve/${sha}/${path}` };
    });
  if (!files.some(({ name }) => name.endsWith(".safetensors")))
    throw new UserError("E_UNSAFE_FORMAT", `${repository} has no weights as safetensors.`);
  for (const needed of ["config.json", "tokenizer.json"])
    if (!files.some(({ name }) => name === needed))
      throw new UserError("E_DOWNLOAD", `${repository} has no ${needed}, so it cannot be a student.`);
  return { repository, revision: sha, files };
}

async function readJson<T>(url: string, schema: z.ZodType<T>, source: StudentSource, signal: AbortSignal): Promise<T> {
  const { host } = new URL(url);
  const limited = AbortSignal.any([signal, AbortSignal.timeout(silenceMilliseconds)]);
  const response = await fetch(url, { signal: limited }).catch((error: unknown) => {
    signal.throwIfAborted();
    throw new UserError("E_DOWNLOAD", `${host} cannot be reached.`, { cause: error });
  });
  // The hub answers 401 for what does not exist, lest names of private models can be guessed.
  if ([401, 403, 404].includes(response.status))
    throw new UserError(
      "E_DOWNLOAD",
      `${host} has no public model ${source.repository} at ${source.revision} (status ${response.status}).`,
    );
  if (!response.ok) throw new UserError("E_DOWNLOAD", `${host} answered with status ${response.status}.`);
  const parsed = schema.safeParse(await response.json().catch(() => null));
  if (parsed.success) return parsed.data;
  signal.throwIfAborted();
  throw new UserError("E_DOWNLOAD", `${host} did not answer as a model hub does.`, { cause: parsed.error });
}
