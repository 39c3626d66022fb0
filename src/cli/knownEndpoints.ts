/**
 * Endpoints this user has named before. A run's settings lie in the workspace and may come from anybody, so an
 * address found there gets no key until the user has given it once on the command line.
 */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { cacheFolder } from "../pipeline/adapters/cacheFolder.ts";
import { UserError } from "../protocol/errors.ts";

const listSchema = z.array(z.string());
const file = (): string => join(cacheFolder(), "known-endpoints.json");

/** The origin of the address a teacher has when none is named. */
const usual = "https://api.openai.com";

/** True for an address on this machine: what is sent there goes to nobody else. */
export function isLocal(baseUrl: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(new URL(baseUrl).hostname);
}

/** True for OpenAI's own address, which OPENAI_API_KEY is named after. */
export const isUsual = (baseUrl: string): boolean => new URL(baseUrl).origin === usual;

/** Remembers the origin of an address that the user typed. */
export async function rememberEndpoint(baseUrl: string): Promise<void> {
  const known = await readKnown();
  const { origin } = new URL(baseUrl);
  if (known.includes(origin) || origin === usual) return;
  const partial = `${file()}.${process.pid}`;
  await mkdir(dirname(file()), { recursive: true, mode: 0o700 });
  await writeFile(partial, JSON.stringify([...known, origin]), { mode: 0o600 });
  await rename(partial, file());
}

/**
 * @param flag the one that names this address on the command line.
 * @throws UserError E_SETTINGS for an address that came with the workspace and was never named by the user.
 */
export async function checkEndpoint(baseUrl: string, flag: "--base-url" | "--judge-url"): Promise<void> {
  const { origin } = new URL(baseUrl);
  if (origin === usual || isLocal(baseUrl) || (await readKnown()).includes(origin)) return;
  throw new UserError(
    "E_SETTINGS",
    `The run names the endpoint ${origin}, which you have not used from here. No key was sent; add ${flag} ${baseUrl} to confirm it.`,
  );
}

async function readKnown(): Promise<string[]> {
  const text = await readFile(file(), "utf8").catch(() => "[]");
  try {
    return listSchema.parse(JSON.parse(text));
  } catch {
    // An unreadable list knows nobody: the user is asked again.
    return [];
  }
}
