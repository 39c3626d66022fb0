/** A VS Code window as a person has it: clicks, keys and eyes, by playwright. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import axe from "axe-core";
import type { Frame, Page } from "playwright-core";
import { startBrowser, startServer } from "../../scripts/testHost.mjs";

const repository = join(import.meta.dirname, "..", "..");

export const themes = {
  dark: "Default Dark Modern",
  light: "Default Light Modern",
  highContrast: "Default High Contrast",
  highContrastLight: "Default High Contrast Light",
} as const;
export type Theme = keyof typeof themes;

export type PanelTabName = "configure" | "run" | "results" | "answers" | "ask";

export interface Window {
  page: Page;
  workspace: string;
  /** Runs a command by its name in the palette, as typed. */
  command(name: string): Promise<void>;
  /** The page inside the panel. */
  panel(): Promise<Frame>;
  tab(name: PanelTabName): Promise<Frame>;
  /** Loads the window again, as "Developer: Reload Window" does. */
  reload(): Promise<void>;
  theme(theme: Theme): Promise<void>;
  /** Kept only when DISTILLERY_SCREENSHOTS names a folder. */
  shot(name: string): Promise<void>;
  close(): Promise<void>;
}

export interface WindowOptions {
  /** The packaged extension, installed as a person would; without it the unpacked one is loaded. */
  vsix?: string;
  /** Fills the workspace before the window opens. */
  prepare?(workspace: string): void | Promise<void>;
}

export async function openWindow({ vsix, prepare }: WindowOptions = {}): Promise<Window> {
  const scratch = mkdtempSync(join(tmpdir(), "distillery-e2e-"));
  const workspace = join(scratch, "sample");
  await mkdir(workspace);
  await prepare?.(workspace);
  const server = await startServer({ settings: { "workbench.colorTheme": themes.dark }, ...(vsix ? { vsix } : {}) });
  const settingsFile = join(server.data, "data", "User", "settings.json");
  const { browser, page } = await startBrowser();
  page.setDefaultTimeout(45_000);
  const shots = process.env["DISTILLERY_SCREENSHOTS"];
  if (shots) await mkdir(shots, { recursive: true });

  const ready = async () => {
    await page.waitForSelector(".monaco-workbench .activitybar", { timeout: 90_000 });
    await page.locator('.activitybar [aria-label^="Distillery"]').first().waitFor();
  };
  await page.goto(server.url({ workspace, ...(vsix ? {} : { extension: repository }) }), { timeout: 120_000 });
  await ready();

  async function command(name: string): Promise<void> {
    // The palette closes when something else takes the focus, as it does for a person; so it is opened again.
    for (let tries = 0; ; tries++) {
      try {
        await page.keyboard.press("F1");
        await page.locator(".quick-input-widget input").fill(`>${name}`, { timeout: 4000 });
        await page
          .locator(".quick-input-list .monaco-list-row")
          .filter({ hasText: name })
          .first()
          .click({ timeout: 4000 });
        return;
      } catch (error) {
        if (tries > 5) throw error;
        await page.keyboard.press("Escape");
      }
    }
  }

  async function reload(): Promise<void> {
    const loaded = page.waitForEvent("load", { timeout: 60_000 });
    await command("Developer: Reload Window");
    await loaded;
    await ready();
  }

  async function panel(): Promise<Frame> {
    for (let tries = 0; ; tries++) {
      try {
        const outer = await (await page.waitForSelector("iframe.webview.ready", { timeout: 5000 })).contentFrame();
        const inner = await (await outer!.waitForSelector("iframe#active-frame", { timeout: 5000 })).contentFrame();
        await inner!.waitForSelector(".tab", { timeout: 5000 });
        return inner!;
      } catch (error) {
        if (tries > 8) throw error;
      }
    }
  }

  return {
    page,
    workspace,
    panel,
    command,
    async tab(name) {
      const frame = await panel();
      await frame.locator(`#tab-${name}`).click();
      await frame.waitForSelector(`.tab[data-tab=${name}]`);
      return frame;
    },
    reload,
    async theme(theme) {
      const { readFile } = await import("node:fs/promises");
      const settings = JSON.parse(await readFile(settingsFile, "utf8")) as object;
      writeFileSync(settingsFile, JSON.stringify({ ...settings, "workbench.colorTheme": themes[theme] }));
      const kind = { dark: "vs-dark", light: "vs", highContrast: "hc-black", highContrastLight: "hc-light" }[theme];
      await reload();
      await page.waitForSelector(`.monaco-workbench.${kind}`);
      await page.waitForTimeout(700);
    },
    async shot(name) {
      if (shots) await page.screenshot({ path: join(shots, `${name}.png`) });
    },
    async close() {
      await browser.close();
      await server.stop();
      rmSync(scratch, { recursive: true, force: true });
    },
  };
}

/** Serious and critical faults axe finds in a page, one line each. */
export async function accessibilityFaults(frame: Frame): Promise<string[]> {
  await frame.evaluate(axe.source);
  const found = await frame.evaluate(async () => {
    const page = globalThis as unknown as { axe: typeof axe; document: Parameters<typeof axe.run>[0] };
    const { violations } = await page.axe.run(page.document, { resultTypes: ["violations"] });
    return violations.map(({ id, impact, nodes }) => ({
      id,
      impact,
      places: nodes
        .slice(0, 3)
        .map(({ html, failureSummary }) => `${html.slice(0, 160)} ${failureSummary?.slice(0, 200)}`),
    }));
  });
  return found
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, impact, places }) => `${impact} ${id}: ${places.join(" | ")}`);
}
