/** The packaged extension, installed from its file into a fresh VS Code: no clone beside it, no node_modules above it. */
import { spawnSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { repository } from "../../scripts/bootstrap.mjs";
import { askInChat } from "./chat.ts";
import { openWindow, type Window } from "./window.ts";

const minutes = 60_000;
const dist = join(repository, "dist");
let window: Window;
let file: string;

beforeAll(async () => {
  const made = spawnSync(process.execPath, [join(repository, "scripts", "package.mjs")], { encoding: "utf8" });
  expect(made.status, made.stderr).toBe(0);
  const [name] = readdirSync(dist).filter((each) => each.endsWith(".vsix"));
  file = join(dist, name!);
  window = await openWindow({ vsix: file });
}, 8 * minutes);
afterAll(() => window?.close());

test("it is small enough to download", () => {
  expect(statSync(file).size).toBeLessThan(20e6);
});

test("installed from the file, its student answers", { timeout: 4 * minutes }, async () => {
  const { page } = window;
  await page.locator('.activitybar [aria-label^="Distillery"]').first().click();
  await page.getByRole("button", { name: "Open the Sample Knowledge Base" }).first().click();
  await page.getByText("Pods", { exact: true }).first().waitFor();
  await window.command("Distillery: Ask the Student");
  const frame = await window.tab("ask");
  await frame.locator("vscode-text-area textarea").fill("What is a Pod?");
  await frame.locator("#ask").click();
  await frame.locator("[data-arm=base][data-status=done]").waitFor({ timeout: 2 * minutes });
  expect((await frame.locator("[data-arm=base] .answer").innerText()).length).toBeGreaterThan(10);
});

test(
  "installed from the file, it answers in the chat view, too, and offers to be tuned",
  { timeout: 4 * minutes },
  async () => {
    const response = await askInChat(window, "What is a Pod?", "Tune the Student");
    const text = await response.locator(".rendered-markdown").allInnerTexts();
    expect(text.join("\n")).toMatch(/smollm2-135m, untuned\s+\S.{9,}/);
  },
);
