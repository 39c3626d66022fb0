/**
 * The student's process: loads one base model and answers the host's requests. It is a process of its
 * own so that a crash in native code ends it and not the editor, and it holds no key.
 */
import { UserError } from "../../protocol/errors.ts";
import { answerIn, greedyTokens } from "./studentAnswer.ts";
import { createLanes, type WithLane } from "./studentLanes.ts";
import { hostMessageSchema, type ChildMessage, type Failed, type HostMessage, type Load } from "./studentMessages.ts";
import { loadStudentModel, type StudentModel } from "./studentModel.ts";

const running = new Map<number, AbortController>();
let loaded: { student: StudentModel; withLane: WithLane } | null = null;

/** Sent in order; a host that is gone is noticed by `disconnect`. */
function say(message: ChildMessage): void {
  if (process.connected) process.send?.(message);
}

function failed(id: number | null, error: unknown): Failed {
  const codes: readonly string[] = ["E_MODEL_FILE", "E_MODEL_LOAD", "E_SETTINGS", "E_STOPPED"];
  if (error instanceof UserError && codes.includes(error.code))
    return { type: "failed", id, code: error.code as Failed["code"], message: error.message };
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`${text}\n`);
  return { type: "failed", id, code: "bug", message: error instanceof Error ? error.message : String(error) };
}

async function load(message: Load): Promise<void> {
  const student = await loadStudentModel(message);
  loaded = { student, withLane: createLanes(student) };
  say({ type: "loaded", device: student.device, lanes: student.lanes });
}

async function handle(message: Exclude<HostMessage, { type: "load" | "abort" }>): Promise<ChildMessage> {
  if (!loaded) throw new Error("a request came before the model was loaded");
  const { withLane, student } = loaded;
  const { model } = student;
  const { id } = message;
  if (message.type === "tokenize") return { type: "tokens", id, tokens: model.tokenize(message.text, true) };
  if (message.type === "greedy") {
    const { adapter, prompt, count } = message;
    const tokens = await withLane(adapter, (lane) => greedyTokens(lane, model, prompt, count));
    return { type: "tokens", id, tokens };
  }
  const abort = new AbortController();
  running.set(id, abort);
  const onText = message.stream ? (chunk: string) => say({ type: "text", id, chunk }) : () => {};
  try {
    const answer = await withLane(message.adapter, (lane) => answerIn(lane, model, message, abort.signal, onText));
    return { type: "answer", id, answer };
  } finally {
    running.delete(id);
  }
}

function receive(raw: unknown): void {
  const message = hostMessageSchema.parse(raw);
  if (message.type === "abort") return running.get(message.id)?.abort();
  if (message.type === "load") return void load(message).catch((error: unknown) => say(failed(null, error)));
  handle(message).then(say, (error: unknown) => say(failed(message.id, error)));
}

process.on("message", receive);
// Ctrl+C in a terminal reaches the whole group; the host decides what becomes of the answer in progress.
process.on("SIGINT", () => {});
// Nothing is to be saved, and native threads may be at work: an ordinary exit would wait for them.
process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
