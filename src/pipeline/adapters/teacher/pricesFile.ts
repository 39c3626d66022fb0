/** The user's own prices: a file with one JSON object, models by name. */
import { readFile } from "node:fs/promises";
import { UserError } from "../../../protocol/errors.ts";
import { pricesSchema, type Prices } from "../../../protocol/run.ts";

/** @throws UserError E_SETTINGS naming the file and the field */
export async function readPricesFile(path: string): Promise<Prices> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new UserError("E_SETTINGS", `--prices: ${path} cannot be read (${error.code}).`);
  });
  let data: unknown;
  try {
    data = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    throw new UserError("E_SETTINGS", `--prices: ${path} is not JSON.`);
  }
  const parsed = pricesSchema.safeParse(data);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = issue?.path.join(".");
  throw new UserError(
    "E_SETTINGS",
    `--prices: ${path}${field ? `, "${field}"` : ""}: ${issue?.message ?? "not valid"}.`,
  );
}
