/**
 * A teacher's endpoint on this machine for runs of many cycles: it answers what the offline teacher would, after as
 * long as a service takes, within a service's limits, and fails as often as one on a bad day.
 */
import { createOfflineTeacher } from "../src/pipeline/adapters/teacher/offlineTeacher.ts";
import { hashOf } from "../src/pipeline/hash.ts";
import type { Embedder } from "../src/pipeline/ports.ts";
import type { Knowledge } from "../src/protocol/model.ts";
import { tokensIn, type Behavior, type ChatBody } from "../test/fakes/openaiBehavior.ts";
import type { RateLimits } from "../test/fakes/rateLimits.ts";
import { startOpenaiServer, type FakeServer } from "../test/fakes/openaiServer.ts";
import { seededRandom } from "./seededRandom.ts";

/** OpenAI's first paid tier for gpt-4o-mini (https://platform.openai.com/docs/models/gpt-4o-mini, 2026). */
export const limits: RateLimits = { kind: "bucket", requests: 500, tokens: 200_000 };
/** Seconds before the first token, and tokens a second after it; assumed, of the order that small hosted models show. */
export const latency = { first: 0.5, tokensPerSecond: 80 };
/** Shares of the requests. */
export const faults = { tooMany: 0.03, failed: 0.02, reset: 0.01, garbage: 0.01 };

/** @param seed decides which requests fail */
export function startOfflineServer(knowledge: Knowledge, embedder: Embedder, seed: number): Promise<FakeServer> {
  const teacher = createOfflineTeacher({ embedder });
  const random = seededRandom(seed, "faults");

  async function script({ body, path }: { body: ChatBody; path: string }): Promise<Behavior> {
    if (!path.endsWith("/chat/completions")) return { kind: "normal" };
    const chance = random();
    const { tooMany: busy, failed, reset, garbage } = faults;
    if (chance < busy) return tooMany(2);
    if (chance < busy + failed) return { kind: "status", status: 503 };
    if (chance < busy + failed + reset) return { kind: "reset" };
    const text = JSON.stringify(await answered(body));
    const seconds = latency.first + tokensIn(text) / latency.tokensPerSecond;
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    return { kind: "content", text: chance < busy + failed + reset + garbage ? text.slice(0, text.length / 2) : text };
  }

  /** What the prompt of teacherPrompts.ts asks for. */
  async function answered({ messages = [] }: ChatBody): Promise<object> {
    const prompt = messages.find(({ role }) => role === "user")?.content ?? "";
    const mark = /^<<<SECTION (\w+)$/m.exec(prompt)?.[1];
    const section = knowledge.sections.find(({ hash }) => mark !== undefined && hash.startsWith(mark));
    if (!section) throw new Error("a prompt without a section of the knowledge base");
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(prompt)?.[1];
    const { signal } = new AbortController();
    const question = field("Question");
    if (question !== undefined) {
      const { text, quotes } = await teacher.reference(question, section, knowledge.domain, signal);
      return { answer: text, quotes: quotes.map((quote) => quote.text) };
    }
    const { families } = await teacher.questions({
      section,
      count: Number(field("Question families")),
      wordings: Number(field("Wordings per family")),
      rewordings: Number(field("Rewordings per family")),
      domain: knowledge.domain,
      seed: Number.parseInt(hashOf(prompt).slice(0, 8), 16),
      avoid:
        prompt
          .split("ask for other things:\n")[1]
          ?.split("\n")
          .map((line) => line.replace(/^- /, "")) ?? [],
      signal,
    });
    return { families: families.map(({ wordings, rewordings }) => ({ wordings, rewordings })) };
  }

  return startOpenaiServer({ script, limits });
}

const tooMany = (seconds: number): Behavior => ({
  kind: "status",
  status: 429,
  headers: { "retry-after": String(Math.ceil(seconds)) },
});
