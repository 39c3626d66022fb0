/**
 * Endpoints this user has named before. A run's settings lie in the workspace and may come from anybody, so an
 * address found there gets no key until the user has given it once on the command line.
 */
import { addOrigin, isLocal, readOrigins } from "../pipeline/adapters/origins.ts";
import { UserError } from "../protocol/errors.ts";

/** The origin of the address a teacher has when none is named. */
const usual = "https://api.openai.com";

/** True for OpenAI's own address, which OPENAI_API_KEY is named after. */
export const isUsual = (baseUrl: string): boolean => new URL(baseUrl).origin === usual;

/** Remembers the origin of an address that the user typed. */
export async function rememberEndpoint(baseUrl: string): Promise<void> {
  const { origin } = new URL(baseUrl);
  if (origin !== usual) await addOrigin("known-endpoints", origin);
}

/**
 * @param flag the one that names this address on the command line.
 * @throws UserError E_SETTINGS for an address that came with the workspace and was never named by the user.
 */
export async function checkEndpoint(baseUrl: string, flag: "--base-url" | "--judge-url"): Promise<void> {
  const { origin } = new URL(baseUrl);
  if (origin === usual || isLocal(baseUrl) || (await readOrigins("known-endpoints")).includes(origin)) return;
  throw new UserError(
    "E_SETTINGS",
    `The run names the endpoint ${origin}, which you have not used from here. No key was sent; add ${flag} ${baseUrl} to confirm it.`,
  );
}
