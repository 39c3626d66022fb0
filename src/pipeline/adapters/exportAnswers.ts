/** The greedy answers that an export is proved by. */
import type { TunedStudent } from "../ports.ts";
import { studentMessages, templates } from "../template.ts";
import { createStudent } from "./student.ts";

/** Tokens of an answer; after a first difference texts part for good, so longer ones would tell no more. */
const answerTokens = 64;

export interface Asked {
  student: Pick<TunedStudent, "settings" | "domain">;
  gguf: string;
  adapter: string | null;
  questions: readonly string[];
  logFile: string;
  /** As of {@link createStudent}; absent outside of a bundle. */
  childFile?: string | undefined;
  signal: AbortSignal | undefined;
}

/**
 * The most likely answer to each question, in a process of its own and on the CPU, where sums are always made alike.
 * @throws UserError E_STOPPED, E_MODEL_FILE, E_ARTEFACT_MISSING
 */
export async function greedyAnswers({ student, gguf, adapter, questions, signal, ...place }: Asked): Promise<string[]> {
  const local = createStudent({ gguf, template: templates[student.settings.template], gpu: "off", ...place });
  const greedy = {
    temperature: 0,
    topK: 1,
    topP: 1,
    repetitionPenalty: 1,
    maxNewTokens: answerTokens,
    seed: 0,
    signal,
  };
  const options = { ...student.settings.sampling, ...greedy };
  try {
    const model = adapter === null ? local : local.tuned(adapter);
    const answers = questions.map((question) => model.generate(studentMessages(student.domain, question), options));
    return (await Promise.all(answers)).map(({ text }) => text);
  } finally {
    await local.close();
  }
}
