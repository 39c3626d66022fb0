/** `distillery review RUN`: lists questions and answers with what was decided about them, or takes a decision. */
import { stableJson } from "../../pipeline/hash.ts";
import { decide, reviewRows, type ReviewRow, type Verdict } from "../../pipeline/review.ts";
import { UserError } from "../../protocol/errors.ts";
import type { CliContext } from "../context.ts";
import type { CommandLine } from "../options.ts";
import { latestQuestions } from "../results.ts";
import { printable, table } from "../tables.ts";
import { openWorkspace, runNamed, type Workspace } from "../workspace.ts";

export async function review(line: CommandLine, { stdout, stderr, setLogFile }: CliContext): Promise<number> {
  const workspace = openWorkspace(line.flags.out, (text) => stderr.write(`${text}\n`));
  setLogFile(workspace.logFile);
  const run = await runNamed(workspace, line.positionals[0]);
  const asked = verdictFrom(line.flags);
  if (asked) await record(workspace, run, asked.id, asked.verdict);
  const rows = await rowsOf(workspace, run);
  if (line.flags.json) {
    stdout.write(`${stableJson({ run, rows }, 2)}\n`);
    return 0;
  }
  if (asked) {
    const row = rows.find(({ id }) => id === asked.id);
    stdout.write(`${asked.id} of run ${run}: ${row ? stateWords(row) : "recorded"}.\n`);
    if (row?.pending ?? true) stdout.write(`\`distillery resume ${run}\` does what depends on it, and only that.\n`);
    return 0;
  }
  stdout.write(`Run ${run}\n\n${table([["id", "state", "text", "note"], ...rows.map(cells)])}\n`);
  if (rows.some(({ pending }) => pending))
    stdout.write(`\n\`distillery resume ${run}\` does what depends on the decisions, and only that.\n`);
  return 0;
}

const stateWords = ({ state, pending }: ReviewRow): string => (pending ? `${state}, not applied yet` : state);
const longestCell = 60;
const cell = (text: string): string => {
  const line = printable(text).replace(/\s+/g, " ").trim();
  return line.length > longestCell ? `${line.slice(0, longestCell - 1)}…` : line;
};
const cells = (row: ReviewRow): string[] => [
  row.kind === "answer" ? row.id : `  ${row.id}`,
  stateWords(row),
  cell(row.text),
  cell(row.note),
];

async function rowsOf({ store }: Workspace, run: string): Promise<ReviewRow[]> {
  const { questions, references } = latestQuestions(await store.checkpoints(run), run);
  return reviewRows(questions, references, await store.review(run));
}

async function record({ store }: Workspace, run: string, id: string, verdict: Verdict): Promise<void> {
  const { questions, references } = latestQuestions(await store.checkpoints(run), run);
  const opened = await store.open(run);
  try {
    await opened.writeReview(decide(await opened.readReview(), id, verdict, questions, references));
  } finally {
    await opened.close();
  }
}

/** @throws UserError E_USAGE for more than one decision at a time, or a flag without the one it belongs to. */
function verdictFrom(flags: CommandLine["flags"]): { id: string; verdict: Verdict } | null {
  const { exclude, approve, edit, undo, reason, text } = flags;
  const again = flags["ask-again"];
  const given = [exclude, approve, edit, undo, again].filter((id) => id !== undefined);
  const [id] = given;
  if (given.length > 1) throw new UserError("E_USAGE", "Take one decision at a time.");
  if ((exclude === undefined) !== (reason === undefined))
    throw new UserError("E_USAGE", "--exclude ID and --reason TEXT belong together.");
  if ((edit === undefined) !== (text === undefined))
    throw new UserError("E_USAGE", "--edit ID and --text TEXT belong together.");
  if (id === undefined) return null;
  if (exclude !== undefined) return { id, verdict: { action: "exclude", reason: reason ?? "" } };
  if (edit !== undefined) return { id, verdict: { action: "edit", text: text ?? "" } };
  if (approve !== undefined) return { id, verdict: { action: "approve" } };
  return { id, verdict: { action: again === undefined ? "undo" : "askAgain" } };
}
