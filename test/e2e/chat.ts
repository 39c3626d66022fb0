/** The chat view, as a person asks @student in it. */
import type { Locator } from "playwright-core";
import type { Window } from "./window.ts";

/**
 * Opens the chat by the command, asks, and waits for the button under the answer.
 * @param button "Open Run", or "Tune the Student" when there is no run
 * @returns the response
 */
export async function askInChat(window: Window, question: string, button: string): Promise<Locator> {
  const { page } = window;
  await window.command("Distillery: Ask the Student in Chat");
  const input = page.locator(".interactive-session .interactive-input-part .monaco-editor").last();
  await input.getByText("@student").waitFor();
  await page.keyboard.type(question);
  await page.keyboard.press("Enter");
  const response = page.locator(".interactive-item-container.interactive-response").last();
  await response.getByText("Student", { exact: true }).first().waitFor();
  await response.getByRole("button", { name: button }).waitFor({ timeout: 120_000 });
  return response;
}
