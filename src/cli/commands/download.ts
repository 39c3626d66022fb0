/** `distillery download STUDENT`: fetches and converts a student; what was begun is continued. */
import { readyStudent } from "../../pipeline/adapters/convertStudent.ts";
import { readyEnvironment } from "../../pipeline/adapters/environment.ts";
import { readableBytes } from "../../pipeline/adapters/storageError.ts";
import { downloadable } from "../../pipeline/adapters/studentCatalogue.ts";
import { stableJson } from "../../pipeline/hash.ts";
import { UserError } from "../../protocol/errors.ts";
import type { CliContext } from "../context.ts";
import type { CommandLine } from "../options.ts";
import { openWorkspace } from "../workspace.ts";

/** Milliseconds between two lines of progress. */
const pace = 2_000;

export async function download({ flags, positionals }: CommandLine, context: CliContext): Promise<number> {
  const [student] = positionals;
  if (student === undefined) throw new UserError("E_USAGE", "Which student? For example `distillery download phi-2`.");
  const source = downloadable(student);
  const { signal, setLogFile } = context;
  const output = flags.json ? context.stderr : context.stdout;
  const say = (text: string) => void output.write(`${text}\n`);
  const { logFile, folder: workspace } = openWorkspace(flags.out, say);
  setLogFile(logFile);
  // The conversion needs it; better to fail at this than after gigabytes.
  const environment = await readyEnvironment({ signal, workspace, onProgress: say });
  const folder = await readyStudent(source, {
    ...{ signal, onNotice: say, place: { ...environment, logFile } },
    onProgress: paced((done, total) => `${readableBytes(done)} of ${readableBytes(total)}`, say),
    onConverting: paced((done, total) => `${done} of ${total} tensors`, say),
  });
  if (flags.json) context.stdout.write(`${stableJson({ student, folder }, 2)}\n`);
  else say(`${student} is ready, in ${folder}. Train it with \`distillery run --student ${student}\`.`);
  return 0;
}

/** Says how far something is every two seconds, with the time left as the pace so far has it. */
function paced(text: (done: number, total: number) => string, say: (text: string) => void) {
  const began = Date.now();
  let first: number | null = null;
  let said = 0;
  return (done: number, total: number): void => {
    first ??= done;
    if (Date.now() - said < pace) return;
    said = Date.now();
    const perSecond = ((done - first) / (said - began)) * 1000;
    const left = perSecond > 0 ? `, about ${Math.ceil((total - done) / perSecond / 60)} min left` : "";
    say(`${text(done, total)}${left}`);
  };
}
