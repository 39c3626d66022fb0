/** Runs of many cycles as a person makes them, against a teacher's endpoint, with kills on the way; see README.md. */
import { spawn } from "node:child_process";
import { copyFile, mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import os from "node:os";
import { join } from "node:path";
import { createCheckpointStore } from "../src/pipeline/adapters/checkpointStore.ts";
import { createEmbedder } from "../src/pipeline/adapters/embedder.ts";
import { readyEnvironment } from "../src/pipeline/adapters/environment.ts";
import { createKnowledgeFolder } from "../src/pipeline/adapters/knowledgeFolder.ts";
import { packageFolder } from "../src/pipeline/adapters/packageFolder.ts";
import { stageIds, type StageId } from "../src/protocol/model.ts";
import type { FakeServer } from "../test/fakes/openaiServer.ts";
import { descendantsOf } from "../test/fakes/processes.ts";
import { describeMachine, describeVersions } from "./machine.ts";
import { faults, latency, limits, startOfflineServer } from "./offlineServer.ts";
import { keepResult } from "./resultFile.ts";
import { rounded } from "./summary.ts";

interface Kill {
  cycle: number;
  stage: StageId;
  signal: NodeJS.Signals;
}

interface Plan {
  flags: string[];
  /** What differs from the recipe, for the result. */
  departures: string[];
  kills: Kill[];
}

const plans: Record<string, Plan> = {
  ten: {
    flags: ["--cycles", "10", "--questions", "50", "--steps", "20", "--max-new-tokens", "120"],
    departures: ["20 training steps instead of 100", "answers of at most 120 tokens instead of 500"],
    kills: [
      { cycle: 2, stage: "fineTuning", signal: "SIGKILL" },
      { cycle: 5, stage: "baselineAnswers", signal: "SIGINT" },
      { cycle: 8, stage: "tunedAnswers", signal: "SIGKILL" },
    ],
  },
  recipe: {
    flags: ["--cycles", "3", "--questions", "20", "--steps", "100", "--word-dropout", "0"],
    departures: [],
    kills: [],
  },
};

/** Milliseconds a stage goes on before it is killed, and between two looks at memory and events. */
const killAfter = 4_000;
const lookEvery = 2_000;
const seed = 42;

/** @returns the exit code: 1 when the run did not come to its end */
export async function run([name = ""]: string[]): Promise<number> {
  const plan = Object.hasOwn(plans, name) ? plans[name] : undefined;
  if (!plan) {
    console.error(`Which run? npm run bench -- long ${Object.keys(plans).join("|")}`);
    return 2;
  }
  const date = new Date();
  const machine = describeMachine();
  const environment = await readyEnvironment();
  const folder = await mkdtemp(join(os.tmpdir(), "distillery-long-"));
  const embedder = createEmbedder({
    ...environment,
    id: "offline server",
    folder: environment.embedder,
    logFile: join(folder, "server.log"),
  });
  const knowledge = await createKnowledgeFolder(join(packageFolder(), "knowledge")).read();
  const server = await startOfflineServer(knowledge, embedder, seed);
  try {
    const began = performance.now();
    const memory = new Map<StageId, number>();
    const starts = await toTheEnd(plan, folder, server, memory);
    const wall = (performance.now() - began) / 1000;
    const [id = ""] = await readdir(join(folder, ".distillery/runs"));
    const result = {
      measures: `a whole run, ${plan.flags.join(" ")}`,
      date: date.toISOString(),
      departures: plan.departures,
      teacher: { answersOf: "the offline teacher, behind an OpenAI-compatible endpoint", limits, latency, faults },
      wallSeconds: rounded(wall),
      starts,
      peakMegabytes: Object.fromEntries([...memory].map(([stage, bytes]) => [stage, Math.round(bytes / 1e6)])),
      ...(await outcome(folder, id)),
      ledger: ledgerOf(server),
      machine,
      versions: await describeVersions({}),
    };
    const file = await keepResult(`long-run-${name}`, date, result);
    await copyFile(
      join(folder, ".distillery/runs", id, "report.md"),
      join(import.meta.dirname, "results", file.replace(/json$/, "md")),
    );
    console.log(
      `${result.sentence}\n${Math.round(wall / 60)} min, ${starts.length} starts. Kept in bench/results/${file}.`,
    );
    return 0;
  } finally {
    await server.close();
    await embedder.close();
    await rm(folder, { recursive: true, force: true });
  }
}

interface Start {
  /** What ended it: a kill of the plan, or the run's end. */
  ended: string;
  seconds: number;
  /** Seconds from the start to the first stage that was not done yet. */
  secondsToWork: number | null;
}

/** Starts and resumes until the run ends by itself; `memory` gets the highest sum of all processes by stage, in bytes. */
async function toTheEnd(
  plan: Plan,
  folder: string,
  server: FakeServer,
  memory: Map<StageId, number>,
): Promise<Start[]> {
  const starts: Start[] = [];
  const kills = [...plan.kills];
  for (let first = true; ; first = false) {
    const kill = kills.shift();
    const teacher = ["--teacher", "openai", "--base-url", server.baseUrl, "--model", "gpt-4o-mini"];
    const args = first ? ["run", ...teacher, ...plan.flags] : ["resume"];
    const start = await oneStart([...args, "--out", folder], folder, kill, memory);
    starts.push(start);
    console.log(`${args[0]}: ${start.ended} after ${Math.round(start.seconds)} s`);
    if (start.ended === "done") return starts;
    if (!kill) throw new Error(`the run failed: ${start.ended}`);
  }
}

async function oneStart(
  args: string[],
  folder: string,
  kill: Kill | undefined,
  memory: Map<StageId, number>,
): Promise<Start> {
  const began = Date.now();
  const child = spawn(process.execPath, [join(packageFolder(), "src/cli/main.ts"), ...args], {
    env: { ...process.env, OPENAI_API_KEY: "sk-long-run" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let complaints = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaints = (complaints + text).slice(-2_000)));
  const end = Promise.withResolvers<{ code: number | null; signal: NodeJS.Signals | null }>();
  child.on("close", (code, signal) => end.resolve({ code, signal }));
  let secondsToWork: number | null = null;
  let killed: string | null = null;
  const timer = setInterval(async () => {
    const bytes = memoryOf(child.pid ?? 0);
    for (const { cycle, stage, at } of await runningStages(folder, began)) {
      secondsToWork ??= (at - began) / 1000;
      memory.set(stage, Math.max(memory.get(stage) ?? 0, await bytes));
      const due = kill?.cycle === cycle && kill.stage === stage && Date.now() - at > killAfter;
      if (!due || killed !== null) continue;
      killed = `${kill.signal} in cycle ${cycle}, ${stage}`;
      child.kill(kill.signal);
    }
  }, lookEvery);
  const { code, signal } = await end.promise;
  clearInterval(timer);
  const ended = code === 0 ? "done" : (killed ?? `exit ${code ?? signal}: ${complaints}`);
  return { ended, seconds: rounded((Date.now() - began) / 1000), secondsToWork };
}

/** The stages that this start has begun and not ended, from the run's own log. */
async function runningStages(folder: string, since: number) {
  const root = join(folder, ".distillery/runs");
  const [id = ""] = await readdir(root).catch(() => []);
  const text = await readFile(join(root, id, "events.jsonl"), "utf8").catch(() => "");
  const open = new Map<string, { cycle: number; stage: StageId; at: number }>();
  for (const line of text.split("\n").slice(0, -1)) {
    const event = JSON.parse(line) as { type: string; at: string; cycle: number; stage: StageId };
    const at = Date.parse(event.at);
    if (at < since) continue;
    const { cycle, stage } = event;
    if (event.type === "stageStarted") open.set(`${cycle} ${stage}`, { cycle, stage, at });
    if (event.type === "stageFinished") open.delete(`${cycle} ${stage}`);
  }
  return [...open.values()];
}

/** Bytes of a process and all below it, shared pages counted once (Linux: proportional set size). */
async function memoryOf(pid: number): Promise<number> {
  const sizes = [pid, ...descendantsOf(pid)].map(async (each) => {
    const text = await readFile(`/proc/${each}/smaps_rollup`, "utf8").catch(() => "");
    return Number(/^Pss:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024;
  });
  return (await Promise.all(sizes)).reduce((sum, bytes) => sum + bytes, 0);
}

/** Times and results from the checkpoints. */
async function outcome(folder: string, id: string) {
  const store = await createCheckpointStore(join(folder, ".distillery")).open(id);
  try {
    const { settings } = store.file;
    const secondsOf: Partial<Record<StageId, number[]>> = {};
    for (let cycle = 1; cycle <= settings.cycles; cycle++)
      for (const stage of stageIds) {
        const kept = await store.readCheckpoint(cycle, stage);
        if (kept) (secondsOf[stage] ??= []).push(rounded(kept.frame.seconds));
      }
    const last = (await store.readCheckpoint(settings.cycles, "comparison"))?.output;
    if (!last) throw new Error("the last comparison is missing");
    const { headline, cycles, successRate, spread, rows } = last;
    return {
      settings,
      secondsOf,
      sentence: headline.sentence,
      verdict: headline.verdict,
      rows,
      cycles,
      successRate,
      spread,
    };
  } finally {
    await store.close();
  }
}

/** What the server saw, which has to agree with what the run says it spent. */
function ledgerOf({ calls, paid }: FakeServer) {
  const chats = calls.filter(({ path }) => path.endsWith("/chat/completions"));
  const count = (kind: string) => chats.filter(({ behavior }) => behavior === kind).length;
  return {
    requests: chats.length,
    refusedOrFailed: count("status"),
    reset: count("reset"),
    paid: paid().length,
    inputTokens: paid().reduce((sum, call) => sum + call.inputTokens, 0),
    outputTokens: paid().reduce((sum, call) => sum + call.outputTokens, 0),
  };
}
