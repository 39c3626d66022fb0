/** From a finished cycle to the student in use, and what the history of changes means. */
import { join } from "node:path";
import { UserError } from "../protocol/errors.ts";
import type { RunEvent } from "../protocol/events.ts";
import type { ComparisonOutput, Domain, FineTuningOutput, Gate, StageOutputs } from "../protocol/model.ts";
import type { RunFile } from "../protocol/run.ts";
import type { StudentChange, StudentEntry } from "../protocol/student.ts";
import type { RunStore, Student, StudentInUse, TunedStudent } from "./ports.ts";

interface Origin {
  /** Absolute folder of the run. */
  folder: string;
  file: RunFile;
  cycle: number;
  /** Names the exact base weights. */
  model: string;
  domain: Domain;
  training: Pick<FineTuningOutput, "adapter">;
  comparison: ComparisonOutput | null;
}

/** The tuned student that a cycle of a run left. */
export function tunedStudent({ folder, file, cycle, model, domain, training, comparison }: Origin): TunedStudent {
  const { student, template, sampling, seed } = file.settings;
  return {
    run: file.id,
    cycle,
    adapterHash: training.adapter.files["adapter.gguf"] ?? "",
    model,
    settings: { student, template, sampling, seed },
    domain,
    score: comparison && scoreOf(comparison),
    adapterGguf: join(folder, training.adapter.folder, "adapter.gguf"),
  };
}

/** "semantic_similarity 0.72 (+0.12)". */
function scoreOf({ headline, rows }: ComparisonOutput): string | null {
  const means = rows.find(
    ({ metric, tier, part }) => metric === headline.metric && tier === headline.tier && part === headline.part,
  )?.means;
  return means
    ? `${headline.metric} ${means.tuned.toFixed(2)} (${means.absolute < 0 ? "−" : "+"}${Math.abs(means.absolute).toFixed(2)})`
    : null;
}

/** Takes the cycle's adapter into use when the gate let it. A run of hours does not end over a file it cannot keep. */
export async function adoptIfPassed(
  { store, student, studentInUse }: { store: RunStore; student: Student; studentInUse?: StudentInUse | undefined },
  cycle: number,
  { questions, fineTuning, comparison }: Pick<StageOutputs, "questions" | "fineTuning" | "comparison">,
  emit: (event: RunEvent) => void,
): Promise<void> {
  if (!studentInUse || !comparison.gate.passed) return;
  const { folder, file } = store;
  const { domain } = questions;
  try {
    const adopted = await studentInUse.adopt(
      tunedStudent({ folder, file, cycle, model: student.id, domain, training: fineTuning, comparison }),
    );
    if (adopted)
      emit({ type: "notice", text: `${comparison.gate.sentence} Cycle ${cycle} is the student in use now.` });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    emit({
      type: "notice",
      text: `${error.code}: ${error.message} Cycle ${cycle} passed the gate and was not taken into use. ${error.next}`,
    });
  }
}

export const sameStudent = (a: StudentEntry, b: StudentEntry): boolean =>
  a.run === b.run && a.cycle === b.cycle && a.adapterHash === b.adapterHash;

/**
 * Every change but a roll back puts a student on top, and a roll back takes the top one off, so that two in a
 * row go back two steps.
 */
function stackOf(history: readonly StudentChange[]): StudentEntry[] {
  const stack: StudentEntry[] = [];
  for (const { kind, to } of history) {
    if (kind === "rollback") stack.pop();
    else stack.push(to);
  }
  return stack;
}

/** The student that a roll back leads to; null when there is none below the present one. */
export const formerStudent = (history: readonly StudentChange[]): StudentEntry | null =>
  stackOf(history).at(-2) ?? null;

/** The student in use that is not of the run itself, which may have adopted some of its own since it began. */
export const studentBefore = (history: readonly StudentChange[], run: string): StudentEntry | null =>
  stackOf(history).findLast((entry) => entry.run !== run) ?? null;

/** Why a person's choice stands in the history. @param gate null when the cycle was never compared. */
export function whyChosen(gate: Gate | null): string {
  if (!gate) return "chosen by hand, before it was compared";
  return gate.passed ? "chosen by hand" : `chosen by hand, although the gate said: ${gate.sentence}`;
}
