/**
 * Takes the pictures of the README: the sample workspace, a Demo run on three topics with the real embedded
 * models, then every tab, the trees, a checkpoint, the chat view and the walkthrough.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Locator } from "playwright-core";
import { askInChat } from "./chat.ts";
import { untilStage } from "./stages.ts";
import { openWindow, themes, type Theme, type Window } from "./window.ts";

const minutes = 60_000;
const size = { width: 1240, height: 800 };
const editor = ".part.editor";
const question = "What does a Service do?";

/** @param folder gets dark pictures of everything and a light one; with `all`, every picture in every theme */
export async function takeScreenshots(folder: string, all: boolean): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const window = await openWindow();
  const { page } = window;
  await page.setViewportSize(size);
  const shot = async (name: string, place: string | Locator = ".monaco-workbench") => {
    await quiet(window);
    const where = typeof place === "string" ? page.locator(place).first() : place;
    await where.screenshot({ path: join(folder, `${name}.png`), animations: "disabled" });
    console.log(name);
  };
  try {
    await run(window, shot);
    await results(window, shot, "");
    await conversation(window, shot);
    for (const theme of (all ? Object.keys(themes) : ["light"]) as Theme[]) {
      if (theme === "dark") continue;
      await window.theme(theme);
      if (all) await results(window, shot, `-${theme}`);
      await window.tab("configure");
      await shot(`configure-${theme}`);
    }
  } finally {
    await window.close();
  }
}

type Shot = (name: string, place?: string | Locator) => Promise<void>;

/** From the empty folder to the end of the run. */
async function run(window: Window, shot: Shot): Promise<void> {
  const { page } = window;
  await page.locator('.activitybar [aria-label^="Distillery"]').first().click();
  await page.getByRole("button", { name: "Open the Sample Knowledge Base" }).first().waitFor();
  await window.command("Distillery: Open Walkthrough");
  await page.locator(".getting-started-step").first().waitFor();
  await shot("walkthrough", editor);
  await window.command("View: Close All Editors");
  await page.getByRole("button", { name: "Open the Sample Knowledge Base" }).first().click();
  await page.locator(".pane").filter({ hasText: "Knowledge" }).getByText("Pods", { exact: true }).first().waitFor();
  await window.command("Distillery: Open Panel");
  const frame = await window.tab("configure");
  await frame.getByRole("button", { name: "Only the first" }).click();
  for (const topic of ["Pods", "Services"])
    await frame.locator("vscode-checkbox").filter({ hasText: topic }).first().click();
  await frame.getByText("3 of 20 of Kubernetes").waitFor();
  await shot("configure");
  await frame.locator("#run").click();
  await untilStage(window, "fineTuning", ["running"], 6 * minutes);
  const loss = (await window.panel()).locator("#loss-summary");
  await loss.waitFor({ timeout: 3 * minutes });
  for (let tries = 0; !/Step (1[0-9]|20) /.test(await loss.innerText()) && tries < 600; tries++)
    await page.waitForTimeout(200);
  await shot("run", editor);
  await untilStage(window, "comparison", ["done"], 8 * minutes);
}

/** What a finished run shows. */
async function results(window: Window, shot: Shot, suffix: string): Promise<void> {
  const { page } = window;
  const tab = await window.tab("results");
  await tab.locator(".verdict h2").waitFor();
  await shot(`results${suffix}`, editor);
  const answers = await window.tab("answers");
  await answers.locator("details summary").first().click();
  await answers.locator("table.side").first().waitFor();
  await shot(`answers${suffix}`, editor);
  if (suffix !== "") {
    await window.tab("run");
    await shot(`run${suffix}`, editor);
    return;
  }
  const runs = page.locator(".pane").filter({ has: page.locator('.pane-header[aria-label^="Runs"]') });
  const stage = runs.getByText("Question generation").first();
  if (!(await stage.isVisible())) {
    await runs.locator(".monaco-list-row").first().click();
    await page.keyboard.press("ArrowRight");
    await runs.getByText("Cycle 1").waitFor();
    if (!(await stage.isVisible())) {
      await runs.getByText("Cycle 1").click();
      await page.keyboard.press("ArrowRight");
    }
  }
  await stage.waitFor();
  await shot("trees", ".part.sidebar");
  await stage.click();
  await page.getByRole("tab", { name: /questions\.json/ }).waitFor();
  await page.waitForTimeout(1500);
  await shot("checkpoint", editor);
  await page.keyboard.press("Control+F4");
}

/** Asking, in the panel and in the chat view. */
async function conversation(window: Window, shot: Shot): Promise<void> {
  await window.command("Distillery: Ask the Student");
  const frame = await window.tab("ask");
  await frame.locator("vscode-text-area textarea").fill(question);
  await frame.locator("#ask").click();
  await frame.locator("[data-arm=tuned][data-status=done]").waitFor({ timeout: 3 * minutes });
  await shot("ask", editor);
  await askInChat(window, question, "Open Run");
  await shot("chat", ".part.auxiliarybar");
  await window.command("View: Toggle Secondary Side Bar Visibility");
}

/** No notification over the picture, and nothing blinks. */
async function quiet(window: Window): Promise<void> {
  const toasts = window.page.locator(".notification-toast");
  if ((await toasts.count()) > 0) await window.command("Notifications: Clear All Notifications");
  await window.page.mouse.move(size.width / 2, size.height - 4);
  await window.page.waitForTimeout(600);
}
