/** What a writer really asked of the system, in order: from strace where it works, else from the store's own file layer. */
import { execFile } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { straceWorks } from "../../scripts/strace.mjs";
import { createCheckpointStore } from "../../src/pipeline/adapters/checkpointStore.ts";
import { fakeFrame } from "../fakes/checkpoints.ts";
import { faultyFiles } from "../fakes/faultyFiles.ts";
import { fakeRunFile } from "../fakes/runs.ts";

export interface TraceEvent {
  /** A write, rename or acknowledgement counts when it begins, an fsync when it has succeeded. */
  op: "write" | "fsync" | "rename" | "acknowledge";
  path: string;
  to?: string;
}

/** One line of `strace -f -y`: `123 fsync(21</path>) = 0`, possibly split into an unfinished and a resumed half. */
function parse(log: string, acknowledgements: string): TraceEvent[] {
  const events: TraceEvent[] = [];
  const unfinished = new Map<string, string>();
  for (const line of log.split("\n")) {
    const [, thread = "", rest = ""] = /^(\d+) +(.*)$/.exec(line) ?? [];
    const resumed = /^<\.\.\. (\w+) resumed>(.*)$/.exec(rest);
    const whole = resumed ? `${unfinished.get(thread) ?? ""}${resumed[2]}` : rest.replace(/ <unfinished \.\.\.>$/, "");
    const begins = !resumed;
    const ends = resumed !== null || !rest.endsWith("<unfinished ...>");
    if (!ends) unfinished.set(thread, whole);
    const onFile = /^(p?write(?:v|64)?|fsync)\(\d+<([^>]*)>/.exec(whole);
    const renamed = /^rename(?:at2?)?\((?:AT_FDCWD[^,]*, )?"([^"]*)", (?:AT_FDCWD[^,]*, )?"([^"]*)"/.exec(whole);
    if (onFile?.[1] === "fsync") {
      if (ends && whole.endsWith("= 0")) events.push({ op: "fsync", path: onFile[2] as string });
    } else if (onFile && begins)
      events.push({ op: onFile[2] === acknowledgements ? "acknowledge" : "write", path: onFile[2] as string });
    else if (renamed && begins) events.push({ op: "rename", path: renamed[1] as string, to: renamed[2] as string });
  }
  return events;
}

/** Runs the writer of the crash test for some rounds under strace. */
async function traced(child: string, root: string): Promise<TraceEvent[]> {
  const log = join(root, "trace.log");
  const said = join(root, "said.log");
  // One item at a time: of several, one may be acknowledged while the next is already being written.
  // Descriptor 3 is a file here, so that the acknowledgements carry a name in the trace.
  const script = `exec 3>"$1"; shift; exec strace -f -y -s 0 -e trace=write,writev,pwrite64,fsync,rename,renameat,renameat2 -o "$1" "$2" "$3" "$4" 5 60 1`;
  await promisify(execFile)("sh", ["-c", script, "sh", said, log, process.execPath, child, join(root, "store")]);
  const events = parse(readFileSync(log, "utf8"), said);
  rmSync(log);
  return events;
}

/** The same kind of work in this process, seen by the file layer. */
async function layered(root: string): Promise<TraceEvent[]> {
  const events: TraceEvent[] = [];
  const files = faultyFiles();
  const run = await createCheckpointStore(join(root, "store"), { files }).create(fakeRunFile());
  const acknowledge = async (work: Promise<unknown>) => {
    await work;
    const fresh = files.operations.splice(0);
    for (const { name, path, to } of fresh) {
      if (name === "write" || name === "rename")
        events.push(to === undefined ? { op: name as "write", path } : { op: "rename", path, to });
      else if (name === "sync" || name === "syncFolder") events.push({ op: "fsync", path });
    }
    events.push({ op: "acknowledge", path: "" });
  };
  for (let round = 0; round < 10; round++) {
    await acknowledge(run.addItem("references", `k${round}`, round));
    await acknowledge(run.writeCheckpoint(fakeFrame("run-1", 1, "references", `m${round}`)));
    await acknowledge(run.writeFile("report.md", String(round)));
  }
  await run.close();
  return events;
}

export async function recordTrace(child: string, root: string): Promise<{ source: string; events: TraceEvent[] }> {
  if (straceWorks()) return { source: "strace", events: await traced(child, root) };
  return { source: "the file layer", events: await layered(root) };
}
