/** The panel without a mouse, at 200 % zoom, and without motion. Its run is made of stand-ins; the person's path has a real one. */
import { cpSync } from "node:fs";
import { join } from "node:path";
import type { Frame } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { repository } from "../../scripts/bootstrap.mjs";
import { fakeRunFile, play } from "../fakes/runs.ts";
import { installFocusProbe, type Focused, type FocusProbe } from "./focusProbe.mjs";
import { openWindow, type PanelTabName, type Window } from "./window.ts";

const minutes = 60_000;
const tabs: readonly PanelTabName[] = ["configure", "run", "results", "answers", "ask"];
let window: Window;

beforeAll(async () => {
  window = await openWindow({
    async prepare(workspace) {
      cpSync(join(repository, "knowledge"), join(workspace, "knowledge"), { recursive: true });
      await play(join(workspace, ".distillery"), fakeRunFile({ cycles: 2 }));
    },
  });
  await window.command("Distillery: Open Panel");
  const frame = await window.tab("configure");
  await frame.evaluate(installFocusProbe);
}, 6 * minutes);
afterAll(() => window?.close());

const probe = async <Name extends keyof FocusProbe>(frame: Frame, name: Name): Promise<ReturnType<FocusProbe[Name]>> =>
  (await frame.evaluate((call) => {
    const { focusProbe } = globalThis as unknown as { focusProbe: FocusProbe };
    return focusProbe[call]();
  }, name)) as ReturnType<FocusProbe[Name]>;

/** The tab's page, reached with the arrow keys from the tab in view. */
async function tabByKeys(wanted: PanelTabName): Promise<Frame> {
  const frame = await window.panel();
  await frame.locator('[role=tab][aria-selected="true"]').focus();
  for (let presses = 0; presses < tabs.length; presses++) {
    if ((await frame.locator('[role=tab][aria-selected="true"]').getAttribute("id")) === `tab-${wanted}`) break;
    await window.page.keyboard.press("ArrowRight");
  }
  await frame.waitForSelector(`.tab[data-tab=${wanted}]`);
  return frame;
}

/** What Tab or Shift+Tab stops at, until the focus is out of the panel again. */
async function walk(frame: Frame, key: "Tab" | "Shift+Tab", controls: number): Promise<Focused[]> {
  const stops: Focused[] = [];
  // A scrolling region is a stop beside the controls; twice as many presses are more than any page has stops.
  for (let presses = 0; presses < 2 * controls + 20; presses++) {
    await window.page.keyboard.press(key);
    const focused = await probe(frame, "focused");
    // The way back in begins outside, at the frame around the panel.
    if (focused === "outside" && stops.length > 0) return stops;
    if (typeof focused === "object") stops.push(focused);
  }
  throw new Error(`${key} does not get out of the panel; it was last at ${stops.at(-1)?.name}`);
}

test("the tabs are tabs: arrows, Home and End move between them, and one of them is a stop of Tab", async () => {
  const frame = await tabByKeys("configure");
  const { keyboard } = window.page;
  const chosen = async () => frame.locator('[role=tab][aria-selected="true"]').getAttribute("id");
  const after: [key: string, tab: PanelTabName][] = [
    ["ArrowRight", "run"],
    ["ArrowRight", "results"],
    ["ArrowLeft", "run"],
    ["End", "ask"],
    ["Home", "configure"],
    ["ArrowLeft", "ask"],
    ["ArrowRight", "configure"],
  ];
  for (const [key, tab] of after) {
    await keyboard.press(key);
    await expect.poll(chosen, { message: `${key} to ${tab}` }).toBe(`tab-${tab}`);
    const view = frame.locator(`#view-${tab}[role=tabpanel]`);
    await view.locator(".tab").waitFor();
    expect(await view.getAttribute("aria-labelledby")).toBe(`tab-${tab}`);
    expect(await frame.locator(`#tab-${tab}`).getAttribute("aria-controls")).toBe(`view-${tab}`);
  }
  expect(await frame.locator('[role=tab][tabindex="0"]').count()).toBe(1);
});

test.each(tabs)("%s: Tab reaches every control, shows where it is, and gets out again", async (tab) => {
  const frame = await tabByKeys(tab);
  const { keyboard } = window.page;
  if (tab === "answers") {
    await frame.locator("summary").first().focus();
    await keyboard.press("Enter");
    await frame.locator("details[open] table.side").waitFor();
  }
  if (tab === "ask") {
    await keyboard.press("Tab");
    await keyboard.type("What does a Service do?");
    await frame.locator("#ask:not([disabled])").waitFor();
  }
  const controls = await probe(frame, "list");
  await tabByKeys(tab);
  const onward = await walk(frame, "Tab", controls.length);
  const back = await walk(frame, "Shift+Tab", controls.length);
  const reached = new Set([...onward, ...back].map(({ index }) => index));
  const missed = controls.filter(({ byArrows }, index) => !byArrows && !reached.has(index));
  expect(missed.map(({ name }) => name)).toEqual([]);
  // Backwards the tab itself is a stop, too; forwards the walk began there.
  expect(new Set(back.map(({ index }) => index))).toEqual(reached);
  expect([...onward, ...back].filter(({ seen }) => !seen).map(({ name }) => name)).toEqual([]);
});

test("the preset is chosen with the arrow keys, and the focus shows on it", async () => {
  const frame = await tabByKeys("configure");
  const { keyboard } = window.page;
  const chosen = frame.locator('vscode-radio[aria-checked="true"]');
  await probe(frame, "list");
  await chosen.focus();
  for (const preset of ["small", "full", "own", "demo"]) {
    await keyboard.press("ArrowDown");
    await expect.poll(async () => chosen.getAttribute("current-value")).toBe(preset);
    expect(await probe(frame, "focused")).toMatchObject({ name: expect.stringMatching(/^vscode-radio/), seen: true });
  }
});

test("at 200 % zoom nothing is cut off and the page does not scroll sideways", async () => {
  const { page } = window;
  const before = page.viewportSize()!;
  await window.command("View: Toggle Primary Side Bar Visibility");
  await page.setViewportSize({ width: 640, height: before.height / 2 });
  try {
    const faults: string[] = [];
    for (const tab of tabs) {
      const frame = await tabByKeys(tab);
      await expect.poll(async () => frame.evaluate("innerWidth")).toBeLessThanOrEqual(640);
      await window.shot(`zoom-${tab}`);
      faults.push(...(await probe(frame, "clipped")).map((fault) => `${tab}: ${fault}`));
    }
    expect(faults).toEqual([]);
  } finally {
    await page.setViewportSize(before);
    await window.command("View: Toggle Primary Side Bar Visibility");
  }
});

test("who asked for less motion gets none", async () => {
  const { page } = window;
  const frame = await tabByKeys("run");
  // A bar without a value is what moves in the panel: a stage that cannot tell how far it is.
  const add = "document.querySelector('.tab progress').removeAttribute('value')";
  await frame.evaluate(add);
  await expect.poll(async () => probe(frame, "moving")).not.toEqual([]);
  await page.emulateMedia({ reducedMotion: "reduce" });
  try {
    await expect.poll(async () => probe(frame, "moving")).toEqual([]);
    for (const tab of tabs) expect(await probe(await tabByKeys(tab), "moving"), tab).toEqual([]);
  } finally {
    await page.emulateMedia({ reducedMotion: null });
  }
});
