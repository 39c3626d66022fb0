/** Waiting for the stages of a run as the panel shows them. */
import type { Frame } from "playwright-core";
import type { Window } from "./window.ts";

/** The state in words, or null when the panel shows no such stage. */
export const stateOf = (frame: Frame, id: string): Promise<string | null> =>
  frame.locator(`tr[data-stage=${id}]`).getAttribute("data-status");

/** Waits for a stage on screen; a run that ends before it has failed, and says why. @param limit milliseconds */
export async function untilStage(window: Window, name: string, wanted: string[], limit: number): Promise<void> {
  const end = Date.now() + limit;
  for (;;) {
    const frame = await window.panel();
    const status = await stateOf(frame, name).catch(() => null);
    if (status !== null && wanted.includes(status)) return;
    const problem = await frame
      .locator(".problem")
      .allInnerTexts()
      .catch(() => []);
    const failed = await frame
      .locator("tr[data-status=failed]")
      .count()
      .catch(() => 0);
    if (failed > 0 || Date.now() > end) throw new Error(`${name} is ${status}: ${problem.join(" ")}`);
    await window.page.waitForTimeout(300);
  }
}
