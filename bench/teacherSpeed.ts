/** How long the teacher takes against what the service's limits allow, at three profiles of limits; bar 8. */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createKnowledgeFolder } from "../src/pipeline/adapters/knowledgeFolder.ts";
import { packageFolder } from "../src/pipeline/adapters/packageFolder.ts";
import { createChatTeacher } from "../src/pipeline/adapters/teacher/chatTeacher.ts";
import { createOpenaiModel } from "../src/pipeline/adapters/teacher/openaiModel.ts";
import { dollarsOf } from "../src/pipeline/adapters/teacher/prices.ts";
import { createSpendingCap } from "../src/pipeline/adapters/teacher/spendingCap.ts";
import { UserError } from "../src/protocol/errors.ts";
import type { Knowledge } from "../src/protocol/model.ts";
import { startOpenaiServer, type FakeOptions, type FakeServer } from "../test/fakes/openaiServer.ts";
import { describeMachine, describeVersions } from "./machine.ts";
import { keepResult } from "./resultFile.ts";
import { median, rounded } from "./summary.ts";
import { atOnce, idealSeconds, latencyOf, profiles, type Profile } from "./teacherProfiles.ts";

const bar = { wallOverIdeal: { must: 1.1, stretch: 1.05 }, refusedShare: { must: 0.01, stretch: 0 }, early: 0 };
/** US dollars per million tokens, as GPT-4o-mini's; the server's ledger is priced alike. */
const price = { input: 0.15, cachedInput: 0.075, output: 0.6 };

/** @returns the exit code: 1 when spending passed its limit or a request came too early; a slow run is a finding */
export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { repeats: { type: "string", default: "3" } } });
  const repeats = Number(values.repeats);
  if (!Number.isInteger(repeats) || repeats < 1) throw new Error("--repeats takes a whole number from 1.");
  const date = new Date();
  const machine = describeMachine();
  const knowledge = await createKnowledgeFolder(join(packageFolder(), "knowledge")).read();
  const spending = await spendToTheLimit(knowledge);
  console.log(`Limit $${spending.limit}: $${spending.spent} spent, ${spending.answered} answers, then E_BUDGET.`);
  const measured = [];
  for (const profile of profiles) {
    const runs = [];
    while (runs.length < repeats) {
      runs.push(await measure(profile, knowledge));
      const { wallSeconds, idealSeconds: ideal, refused, requests } = runs.at(-1) ?? never();
      console.log(`${profile.name}: ${wallSeconds} s, ideal ${ideal} s; ${refused} of ${requests} refused.`);
    }
    const ratio = rounded(median(runs.map((each) => each.ratio)));
    measured.push({ ...profile, ratio, runs });
    console.log(`${profile.name}: ratio ${ratio}.`);
  }
  const runs = measured.flatMap((each) => each.runs);
  const early = runs.reduce((sum, each) => sum + each.early, 0);
  const refusedShare = Math.max(...runs.map(({ refused, requests }) => refused / requests));
  const result = {
    measures: "seconds the teacher takes for all answers ÷ the least the service's limits and latency allow",
    date: date.toISOString(),
    bar,
    ratios: Object.fromEntries(measured.map(({ bound, ratio }) => [bound, ratio])),
    highestRefusedShare: rounded(refusedShare),
    early,
    spending,
    requestsAtOnce: atOnce,
    profiles: measured,
    machine,
    versions: await describeVersions({}),
  };
  const file = await keepResult("teacher-speed", date, result);
  console.log(`The bar is ${bar.wallOverIdeal.must}. Kept in bench/results/${file}.`);
  return early === 0 && spending.spent <= spending.limit ? 0 : 1;
}

const never = (): never => {
  throw new Error("no run was made");
};

/** One run at one profile, from the first request to the last answer. */
async function measure(profile: Profile, knowledge: Knowledge) {
  const latency = latencyOf(profile);
  const { outcomes, server, seconds } = await askAll(knowledge, profile.questions, Infinity, {
    limits: profile.limits,
    delayMs: latency,
  });
  const unanswered = outcomes.filter((each) => each.status === "rejected");
  if (unanswered.length > 0) throw unanswered[0]?.reason;
  const ideal = idealSeconds(profile, server, latency);
  return {
    wallSeconds: rounded(seconds),
    idealSeconds: rounded(ideal),
    ratio: rounded(seconds / ideal),
    requests: server.calls.length,
    refused: server.calls.filter(({ admitted }) => !admitted).length,
    early: server.early(),
  };
}

/** A run whose limit is reached long before its end; what was spent is what the server counted. */
async function spendToTheLimit(knowledge: Knowledge) {
  const limit = 0.05;
  const { outcomes, server } = await askAll(knowledge, 500, limit, { delayMs: 20 });
  const errors = outcomes.filter((each) => each.status === "rejected").map(({ reason }) => reason as unknown);
  if (!errors.some((error) => error instanceof UserError && error.code === "E_BUDGET"))
    throw new Error("The spending limit was not reached.");
  const spent = server
    .paid()
    .map((call) => dollarsOf(price, { input: call.inputTokens, cachedInput: 0, output: call.outputTokens }))
    .reduce((sum, dollars) => sum + dollars, 0);
  return { limit, spent: rounded(spent), answered: outcomes.length - errors.length };
}

/** Asks the teacher for references to sections of the knowledge base, over and over, all at once. */
async function askAll(
  { sections, domain }: Knowledge,
  count: number,
  limit: number,
  options: FakeOptions,
): Promise<{ outcomes: PromiseSettledResult<unknown>[]; server: FakeServer; seconds: number }> {
  const server = await startOpenaiServer(options);
  try {
    const { baseUrl } = server;
    const model = createOpenaiModel({
      model: "gpt-4o-mini",
      baseUrl,
      apiKey: null,
      prices: { "gpt-4o-mini": price },
      cap: createSpendingCap(limit),
    });
    const teacher = createChatTeacher(model);
    const { signal } = new AbortController();
    const asked = Array.from({ length: count }, (_, index) => sections[index % sections.length] ?? never());
    const started = performance.now();
    const outcomes = await Promise.allSettled(
      asked.map((section) => teacher.reference(`What is ${section.heading}?`, section, domain, signal)),
    );
    return { outcomes, server, seconds: (performance.now() - started) / 1000 };
  } finally {
    await server.close();
  }
}
