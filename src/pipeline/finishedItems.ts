/** Finished pieces of a stage's work: taken from the run's journal, or computed and kept there. */
import type { RunEvent } from "../protocol/events.ts";
import { hashOf } from "./hash.ts";
import type { AnyStage } from "./pipeline.ts";
import type { OtherRuns, RunStore } from "./ports.ts";
import type { StageContext } from "./stage.ts";

/**
 * @param attempt how often the stage was asked to run afresh; fresh work takes nothing from other runs
 * @param otherRuns absent where other runs are not to be looked at
 */
export function createItems(
  stage: Pick<AnyStage, "id" | "version">,
  store: RunStore,
  attempt: number,
  otherRuns: OtherRuns | undefined,
  emit: (event: RunEvent) => void,
): StageContext["item"] {
  let told = false;

  async function fromOtherRun<T>(key: string, fits?: (value: T) => boolean): Promise<T | undefined> {
    if (!fits || !otherRuns || attempt > 0) return undefined;
    const value = (await otherRuns.item(key)) as T | undefined;
    if (value === undefined || !fits(value)) return undefined;
    if (!told)
      emit({ type: "notice", text: "What the teacher answered in earlier runs of this workspace is used again." });
    told = true;
    return value;
  }

  return async <T>(key: unknown, compute: () => Promise<T>, fits?: (value: T) => boolean): Promise<T> => {
    const hashed = hashOf({ stage: kindOf(stage.id), version: stage.version, key, attempt });
    const known = store.item(hashed);
    if (known !== undefined) return known as T;
    const value = (await fromOtherRun(hashed, fits)) ?? (await compute());
    await store.addItem(stage.id, hashed, value);
    return value;
  };
}

/** Both answering stages do the same work and have the same version, so their items are of one kind. */
const kindOf = (stage: AnyStage["id"]): string =>
  stage === "tunedAnswers" || stage === "baselineAnswers" ? "answers" : stage;
