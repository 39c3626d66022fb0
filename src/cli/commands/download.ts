/** `distillery download STUDENT`: fetches a student's weights; what was begun is continued. */
import { downloadStudent } from "../../pipeline/adapters/downloadStudent.ts";
import { readableBytes } from "../../pipeline/adapters/storageError.ts";
import { downloadable } from "../../pipeline/adapters/studentCatalogue.ts";
import { stableJson } from "../../pipeline/hash.ts";
import { UserError } from "../../protocol/errors.ts";
import type { CliContext } from "../context.ts";
import type { CommandLine } from "../options.ts";

/** Milliseconds between two lines of progress. */
const pace = 2_000;

export async function download({ flags, positionals }: CommandLine, context: CliContext): Promise<number> {
  const [student] = positionals;
  if (student === undefined) throw new UserError("E_USAGE", "Which student? For example `distillery download phi-2`.");
  const output = flags.json ? context.stderr : context.stdout;
  const say = (text: string) => output.write(`${text}\n`);
  const began = Date.now();
  let first: number | null = null;
  let said = 0;
  const onProgress = (done: number, total: number): void => {
    first ??= done;
    if (Date.now() - said < pace) return;
    said = Date.now();
    const perSecond = ((done - first) / (said - began)) * 1000;
    const left = perSecond > 0 ? `, about ${Math.ceil((total - done) / perSecond / 60)} min left` : "";
    say(`${readableBytes(done)} of ${readableBytes(total)}${left}`);
  };
  const folder = await downloadStudent(downloadable(student), { signal: context.signal, onNotice: say, onProgress });
  if (flags.json) context.stdout.write(`${stableJson({ student, folder }, 2)}\n`);
  else say(`${student} is in ${folder}. A run also needs its conversion, as model.gguf in the same folder.`);
  return 0;
}
