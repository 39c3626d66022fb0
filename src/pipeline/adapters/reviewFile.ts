/** `review.json`: decisions of people, as plain JSON. It carries no checksum, because it may be edited by hand. */
import { UserError } from "../../protocol/errors.ts";
import { emptyReview, reviewSchema, type Review } from "../../protocol/review.ts";
import { stableJson } from "../hash.ts";
import { readWhole, type FileLayer } from "./fileLayer.ts";
import { inside, reviewName } from "./runPaths.ts";
import { readError } from "./storageError.ts";
import { parseStrict } from "./strictJson.ts";

/** Far more than all decisions of the largest run. */
const largestReview = 16 * 1024 * 1024;

const damaged = (what: string) => new UserError("E_REVIEW_FILE", `${reviewName} cannot be used: ${what}.`);

/**
 * Empty when there is no file. Changes nothing.
 * @throws UserError E_REVIEW_FILE, E_CKPT_NEWER, E_PATH_OUTSIDE, E_STORAGE.
 */
export async function readReview(folder: string, files: FileLayer): Promise<Review> {
  const bytes = await bytesOf(folder, files);
  if (bytes === null) return emptyReview;
  const parsed = parseStrict(bytes);
  if ("problem" in parsed) throw damaged(parsed.problem);
  const { version } = (parsed.value ?? {}) as { version?: unknown };
  if (typeof version === "number" && version > emptyReview.version)
    throw new UserError("E_CKPT_NEWER", `${reviewName} was written by a later version of Distillery.`);
  const review = reviewSchema.safeParse(parsed.value);
  if (review.success) return review.data;
  const issue = review.error.issues[0];
  throw damaged(`${issue?.path.join(".") || "the top level"}: ${issue?.message.slice(0, 200) ?? "it does not fit"}`);
}

async function bytesOf(folder: string, files: FileLayer): Promise<Buffer | null> {
  try {
    const { path, facts } = await inside(folder, reviewName, files);
    if (facts === null) return null;
    if (facts.kind !== "file" || facts.size > largestReview) throw damaged("it is a folder or far too large");
    return await readWhole(files, path);
  } catch (error) {
    throw readError(error, reviewName);
  }
}

/** @throws ZodError for what is no review; that is a bug of the caller. */
export const encodeReview = (review: Review): string => `${stableJson(reviewSchema.parse(review), 2)}\n`;
