/** Hostile names and texts through every view of the window: shown, and nothing else (fault E14); a panel that floods (E16). */
import { join } from "node:path";
import type { Frame, Locator } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createCheckpointStore } from "../../src/pipeline/adapters/checkpointStore.ts";
import { evilSeen, writeHostileRun } from "../fakes/hostileTexts.ts";
import { fakeRunFile } from "../fakes/runs.ts";
import { insist, openWindow, type Window } from "./window.ts";

const minutes = 60_000;
const strangeStudent = "no[evil](command:workbench.action.toggleZenMode)such";
let window: Window;

beforeAll(async () => {
  window = await openWindow({
    async prepare(workspace) {
      await writeHostileRun(workspace, "hostile-run");
      // One that cannot be resumed, as its settings name a student there is not.
      const file = { ...fakeRunFile({ student: strangeStudent }, "strange-run"), created: "2025-01-01T10:00:00.000Z" };
      await (await createCheckpointStore(join(workspace, ".distillery")).create(file)).close();
    },
  });
  await window.page.locator('.activitybar [aria-label^="Distillery"]').first().click();
}, 6 * minutes);
afterAll(() => window?.close());

/** What became of the texts in any page of the window: markup, a link that runs a command, a script that ran. */
async function obeyed(): Promise<string[]> {
  const found = await Promise.all(
    window.page.frames().map((frame: Frame) =>
      frame
        .evaluate(() => {
          const page = globalThis as unknown as {
            canary?: number;
            document: { querySelectorAll(selector: string): Iterable<{ outerHTML: string }> };
          };
          const made = 'img[src="x"], [onerror], a[href*="toggleZenMode"], a[data-href*="toggleZenMode"]';
          const elements = [...page.document.querySelectorAll(made)].map(({ outerHTML }) => outerHTML.slice(0, 200));
          return page.canary === undefined ? elements : [...elements, `canary ${page.canary}`];
        })
        // A page that is being replaced has nothing to show.
        .catch(() => []),
    ),
  );
  return found.flat();
}

/** A page other than the window and the panel, once it shows the words. */
async function pageWith(words: string): Promise<Frame> {
  let found: Frame | undefined;
  await expect
    .poll(
      async () => {
        for (const frame of window.page.frames().slice(1)) {
          const text = await frame
            .locator("body")
            .innerText({ timeout: 1000 })
            .catch(() => "");
          if (text.includes(words) && text.includes(evilSeen)) found = frame;
        }
        return found !== undefined;
      },
      { timeout: 45_000 },
    )
    .toBe(true);
  return found!;
}

const pane = (name: string) =>
  window.page.locator(".pane").filter({ has: window.page.locator(`.pane-header[aria-label^="${name}"]`) });

/** Rests the mouse on a row until its hover shows the texts. */
async function evilHover(row: Locator): Promise<void> {
  const { mouse } = window.page;
  const hover = window.page.locator(".monaco-hover").filter({ hasText: evilSeen }).first();
  const rest = async () => {
    // Over a row that it rests on already, nothing would move; and the hover of the row before would do.
    await mouse.move(0, 0);
    await hover.waitFor({ state: "hidden", timeout: 5_000 });
    await row.hover({ timeout: 5_000 });
  };
  await insist(rest, () => hover.waitFor({ timeout: 5_000 }));
}

test("the trees", { timeout: 2 * minutes }, async () => {
  const topics = pane("Knowledge").locator(".monaco-list-row");
  await topics.filter({ hasText: evilSeen }).first().waitFor();
  await topics.first().locator(".monaco-tl-twistie").click();
  // The name of the file stands in the hover.
  await evilHover(topics.filter({ hasText: "upper" }).first());
  expect(await obeyed()).toEqual([]);
  const runs = pane("Runs").locator(".monaco-list-row");
  await evilHover(runs.filter({ hasText: "cannot tell" }).first());
  expect(await obeyed()).toEqual([]);
});

test("every tab of the panel", { timeout: 2 * minutes }, async () => {
  await window.command("Distillery: Open Panel");
  for (const tab of ["configure", "run", "results", "answers"] as const) {
    const frame = await window.tab(tab);
    if (tab === "answers") await frame.locator("details summary").first().click();
    // The other two show figures.
    if (tab === "configure" || tab === "answers")
      await expect.poll(() => frame.locator(`.tab[data-tab=${tab}]`).innerText()).toContain(evilSeen);
    else await frame.locator("table").first().waitFor();
    expect(await obeyed(), tab).toEqual([]);
  }
});

test("a page that sends more than a person can do is not obeyed, and can be used right after", async () => {
  const frame = await window.tab("configure");
  const boxes = frame.locator("fieldset vscode-checkbox, vscode-checkbox").filter({ hasText: evilSeen });
  expect(await boxes.count()).toBe(3);
  const seconds = await boxes.first().evaluate((box) => {
    const started = Date.now();
    for (let count = 0; count < 4001; count++) (box as unknown as { click(): void }).click();
    return (Date.now() - started) / 1000;
  });
  console.info(`4001 clicks in ${seconds.toFixed(1)} s`);
  await window.page.waitForTimeout(1_500);
  await frame.getByRole("button", { name: "Only the first" }).click();
  await frame.getByText("1 of 3 of").waitFor();
  await expect.poll(() => pane("Knowledge").locator(".pane-header").innerText()).toMatch(/1 of 3 topics/);
});

test("the report and a checkpoint as pages", { timeout: 2 * minutes }, async () => {
  await window.pick("Distillery: Open Report", "hostile-run");
  await pageWith("Did fine-tuning help?");
  expect(await obeyed()).toEqual([]);
  const runs = pane("Runs").locator(".monaco-list-row");
  await runs.first().locator(".monaco-tl-twistie").click();
  await runs.filter({ hasText: "Question generation" }).first().click();
  await pageWith("Question generation, cycle 1");
  expect(await obeyed()).toEqual([]);
});

test("the warnings, and the questions to choose from", { timeout: 2 * minutes }, async () => {
  const { page } = window;
  await window.command("View: Focus Problems");
  const warning = page.locator(".markers-panel .monaco-list-row").filter({ hasText: "4711" });
  await warning.first().waitFor();
  expect(await warning.first().innerText()).toContain(evilSeen);
  expect(await obeyed()).toEqual([]);
  await warning.first().dblclick();
  await page.locator(".codelens-decoration").first().waitFor();
  expect(await obeyed()).toEqual([]);
  await window.pick("Distillery: Review Questions and Answers", "hostile-run");
  await page.locator(".quick-input-list .monaco-list-row").filter({ hasText: evilSeen }).first().waitFor();
  expect(await obeyed()).toEqual([]);
  await page.keyboard.press("Escape");
});

test("a notification shows a link as it is written", { timeout: 2 * minutes }, async () => {
  await window.pick("Distillery: Resume from Checkpoint", "strange-run");
  const message = await window.notification("such");
  expect(await message.locator("a").count()).toBe(0);
  expect((await message.innerText()).replace("\u200B", "")).toContain(strangeStudent);
  expect(await obeyed()).toEqual([]);
});
