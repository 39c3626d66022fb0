/**
 * A person's path from an empty folder to a tuned student, with the real embedded models and no stand-ins:
 * the Demo preset on two topics, a reload of the window in the middle of training, stop and resume.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { askInChat } from "./chat.ts";
import { stateOf, untilStage } from "./stages.ts";
import { accessibilityFaults, openWindow, themes, type Theme, type Window } from "./window.ts";

const minutes = 60_000;
let window: Window;

beforeAll(async () => {
  window = await openWindow();
}, 6 * minutes);
afterAll(() => window?.close());

test("an empty folder offers the sample, and the panel its topics", { timeout: 2 * minutes }, async () => {
  const { page } = window;
  await page.locator('.activitybar [aria-label^="Distillery"]').first().click();
  await window.shot("welcome");
  await page.getByRole("button", { name: "Open the Sample Knowledge Base" }).first().click();
  await page.locator(".pane").filter({ hasText: "Knowledge" }).getByText("Pods", { exact: true }).first().waitFor();
  await window.command("Distillery: Open Panel");
  const frame = await window.tab("configure");
  await frame.getByRole("button", { name: "Only the first" }).click();
  await frame.locator("vscode-checkbox").filter({ hasText: "Services" }).first().click();
  await frame.getByText("2 of 20 of Kubernetes").waitFor();
  await frame.getByText("Nothing leaves this machine").waitFor();
  await window.shot("configure");
});

test(
  "Run shows the stages and a loss that moves, and a reload in training loses nothing",
  { timeout: 6 * minutes },
  async () => {
    const { page } = window;
    await (await window.panel()).locator("#run").click();
    await untilStage(window, "questions", ["running", "done"], minutes);
    await untilStage(window, "questions", ["done"], 3 * minutes);
    await untilStage(window, "fineTuning", ["running"], 4 * minutes);
    await (await window.panel()).locator("#loss-summary").waitFor({ timeout: 2 * minutes });
    const first = await (await window.panel()).locator("#loss-summary").innerText();
    await expect
      .poll(async () => (await window.panel()).locator("#loss-summary").innerText(), { timeout: minutes })
      .not.toBe(first);
    await window.shot("run");
    await expect(
      page.locator("#distillery\\.distillery\\.distillery\\.status, [id*='distillery.status']").first().innerText(),
    ).resolves.toMatch(/Fine-tuning|Reference|evaluation/i);

    await window.reload();
    const frame = await window.panel();
    // The panel is there again by itself, on its tab, and the run can go on.
    await frame.locator("#resume").waitFor({ timeout: 2 * minutes });
    expect(await stateOf(frame, "questions")).toBe("done");
    await frame.locator("#resume").click();
    await untilStage(window, "questions", ["reused"], 2 * minutes);
    await untilStage(window, "baselineAnswers", ["reused"], 2 * minutes);
  },
);

test("Stop keeps everything, Resume goes on to the comparison", { timeout: 6 * minutes }, async () => {
  await untilStage(window, "fineTuning", ["running", "done"], 3 * minutes);
  const frame = await window.panel();
  await frame.locator("#stop").click();
  await frame.locator("#resume").waitFor({ timeout: minutes });
  await frame.locator("#resume").click();
  await untilStage(window, "comparison", ["done"], 5 * minutes);
  const results = await window.tab("results");
  await results.locator(".verdict h2").waitFor();
  expect(await results.locator("table.scores tbody tr").count()).toBeGreaterThan(1);
  await window.shot("results");
  const answers = await window.tab("answers");
  await answers.locator("details summary").first().click();
  await answers.locator("table.side").first().waitFor();
  await window.shot("answers");
});

test(
  "the tree shows the run to its checkpoints, and a checkpoint opens as a page",
  { timeout: 2 * minutes },
  async () => {
    const { page } = window;
    const runs = page.locator(".pane").filter({ has: page.locator('.pane-header[aria-label^="Runs"]') });
    await runs.locator(".monaco-list-row").first().click();
    await page.keyboard.press("ArrowRight");
    await runs.getByText("Cycle 1").waitFor();
    const questions = runs.getByText("Question generation");
    if ((await questions.count()) === 0) {
      await runs.getByText("Cycle 1").click();
      await page.keyboard.press("ArrowRight");
    }
    await questions.first().waitFor();
    await window.shot("trees");
    await questions.first().click();
    await page.getByRole("tab", { name: /questions\.json/ }).waitFor();
    await window.shot("checkpoint");
    await window.command("View: Close Editor");
    await page.getByRole("tab", { name: /questions\.json/ }).waitFor({ state: "hidden" });
    expect(readdirSync(join(window.workspace, ".distillery", "runs"))).toHaveLength(1);
  },
);

test("both students answer in the panel, streaming, each under its name", { timeout: 3 * minutes }, async () => {
  await window.command("Distillery: Ask the Student");
  const frame = await window.tab("ask");
  await frame.locator("vscode-text-area textarea").fill("What does a Service do?");
  await frame.locator("#ask").click();
  await frame.locator("[data-arm=base][data-status=done]").waitFor({ timeout: 2 * minutes });
  await frame.locator("[data-arm=tuned][data-status=done]").waitFor({ timeout: 2 * minutes });
  expect(await frame.locator("[data-arm=tuned] p.muted").first().innerText()).toMatch(/tuned in run .*, cycle 1/);
  expect((await frame.locator("[data-arm=tuned] .answer").innerText()).length).toBeGreaterThan(10);
  await window.shot("ask");
  await frame
    .getByRole("button", { name: /^Open the source, .*services\.md:\d+$/ })
    .first()
    .click();
  const source = window.page.getByRole("tab", { name: /services\.md/ });
  await source.waitFor();
  await source.click();
  await window.command("View: Close Editor");
  await source.waitFor({ state: "hidden" });
});

test("@student answers in the chat view without an account, and offers its run", { timeout: 4 * minutes }, async () => {
  const response = await askInChat(window, "What is a Pod?", "Open Run");
  const text = await response.locator(".rendered-markdown").allInnerTexts();
  expect(text.join("\n")).toMatch(/tuned in run \S+, cycle 1\s+\S.{9,}/);
  await window.shot("chat");
});

test("axe finds no serious fault in any tab, in any theme", { timeout: 5 * minutes }, async () => {
  const faults: string[] = [];
  for (const theme of Object.keys(themes) as Theme[]) {
    await window.theme(theme);
    for (const tab of ["configure", "run", "results", "answers", "ask"] as const) {
      const frame = await window.tab(tab);
      if (tab === "answers") await frame.locator("details summary").first().click();
      await window.page.waitForTimeout(300);
      await window.shot(`${theme}-${tab}`);
      faults.push(...(await accessibilityFaults(frame)).map((fault) => `${theme}, ${tab}: ${fault}`));
    }
  }
  expect(faults).toEqual([]);
});
