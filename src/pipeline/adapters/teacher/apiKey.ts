/** Finds the teacher's key: in the environment, else under its one name in the workspace's `.env`. */
import { lstat, readFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../../protocol/errors.ts";

export interface FoundKey {
  /** Null when there is none. */
  key: string | null;
  /** For people: where the key was found. */
  source: string;
  /** What was seen and left alone. */
  notices: string[];
}

/** Bytes; a larger `.env` is not one. */
const largest = 64_000;
const baseUrlNames = ["OPENAI_BASE_URL", "OPENAI_API_BASE", "OPENAI_API_HOST", "OPENAI_ENDPOINT"];

/**
 * Reads the key and nothing else; no variable is set. The file belongs to whoever wrote the workspace, so
 * an address in it is named and ignored: it could send the key to anyone.
 * @param workspace folder with the `.env`; null looks in the environment only.
 */
export async function findApiKey(
  environment: Readonly<Record<string, string | undefined>>,
  workspace: string | null,
  name = "OPENAI_API_KEY",
): Promise<FoundKey> {
  const fromEnvironment = environment[name]?.trim();
  const notices: string[] = [];
  const file = workspace === null ? null : await readDotEnv(join(workspace, ".env"), notices);
  const values = file === null ? {} : namedValues(file, [name, ...baseUrlNames]);
  for (const each of baseUrlNames)
    if (values[each]) notices.push(`${each} in .env is ignored; give the address with --base-url.`);
  if (fromEnvironment)
    return { key: checked(fromEnvironment, name), source: `the environment variable ${name}`, notices };
  const fromFile = values[name]?.trim();
  if (fromFile) return { key: checked(fromFile, name), source: `${name} in .env`, notices };
  return { key: null, source: "nowhere", notices };
}

/** @throws UserError E_NO_KEY */
export function requireKey({ key }: FoundKey, name = "OPENAI_API_KEY"): string {
  if (key === null)
    throw new UserError(
      "E_NO_KEY",
      `There is no API key: ${name} is neither in the environment nor in the workspace's .env.`,
    );
  return key;
}

/** Some tools paste keys with quotes, line ends or typographic dashes; the key itself stays out of the message. */
function checked(key: string, name: string): string {
  if (!/^[\x21-\x7e]+$/.test(key))
    throw new UserError("E_AUTH", `${name} has characters no key can have, such as a space or a typographic quote.`);
  return key;
}

async function readDotEnv(path: string, notices: string[]): Promise<string | null> {
  try {
    const { size, isLink, isFile } = await lstat(path).then((stat) => ({
      size: stat.size,
      isLink: stat.isSymbolicLink(),
      isFile: stat.isFile(),
    }));
    if (isFile && size <= largest) return await readFile(path, "utf8");
    notices.push(`.env is ignored: it is ${isLink ? "a link" : isFile ? "too large" : "no file"}.`);
    return null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") notices.push(".env cannot be read and is ignored.");
    return null;
  }
}

/** The last value of each name that is asked for; all other lines are passed over. */
function namedValues(text: string, names: readonly string[]): Record<string, string> {
  const values: Record<string, string> = Object.create(null);
  for (const line of text.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/)) {
    const [, name, value] = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined && names.includes(name)) values[name] = unquoted(value);
  }
  return values;
}

function unquoted(value: string): string {
  const quoted = /^(["'`])(.*?)\1\s*(?:#.*)?$/.exec(value.trim());
  return quoted ? (quoted[2] ?? "") : value.replace(/(^|\s)#.*$/, "").trim();
}
