/** A VS Code window as a person has it: clicks, keys and eyes, by playwright. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import axe from "axe-core";
import type { Frame, Locator, Page } from "playwright-core";
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
  /** Process id of the VS Code server, above its extension hosts and all they start. */
  server: number;
  /** One more window on the same folder; it closes with this one, or before. */
  another(): Promise<Window>;
  /** Runs a command by its name in the palette, as typed. */
  command(name: string): Promise<void>;
  /** Runs a command and chooses the row with these words from the list that it opens. */
  pick(command: string, words: string): Promise<void>;
  /** A notification with these words; the list of them is opened, as the test driver keeps VS Code from showing one by itself. */
  notification(words: string): Promise<Locator>;
  /** The page inside the panel. */
  panel(): Promise<Frame>;
  tab(name: PanelTabName): Promise<Frame>;
  /**
   * Loads the window again, by "Developer: Reload Window". With `when`, the command lies ready in the palette and is given as
   * soon as that resolves.
   */
  reload(when?: Promise<unknown>): Promise<void>;
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
  /** The user's own settings. */
  settings?: Record<string, unknown>;
}

export async function openWindow({ vsix, prepare, settings }: WindowOptions = {}): Promise<Window> {
  const scratch = mkdtempSync(join(tmpdir(), "distillery-e2e-"));
  const workspace = join(scratch, "sample");
  await mkdir(workspace);
  await prepare?.(workspace);
  const server = await startServer({
    settings: { "workbench.colorTheme": themes.dark, ...settings },
    ...(vsix ? { vsix } : {}),
  });
  const { browser, page } = await startBrowser();
  const shots = process.env["DISTILLERY_SCREENSHOTS"];
  if (shots) await mkdir(shots, { recursive: true });
  const url = server.url({ workspace, ...(vsix ? {} : { extension: repository }) });
  const settingsFile = join(server.data, "data", "User", "settings.json");
  const place = { workspace, server: server.pid, url, settingsFile, shots };
  return windowIn(page, place, async () => {
    await browser.close();
    await server.stop();
    rmSync(scratch, { recursive: true, force: true });
  });
}

interface Place {
  workspace: string;
  server: number;
  url: string;
  settingsFile: string;
  /** Where screenshots are kept, if anywhere. */
  shots: string | undefined;
}

/** Loads VS Code into a page of the browser. */
async function windowIn(page: Page, place: Place, close: () => Promise<void>): Promise<Window> {
  const { workspace, server, url, settingsFile, shots } = place;
  page.setDefaultTimeout(45_000);

  const ready = async () => {
    await page.waitForSelector(".monaco-workbench .activitybar", { timeout: 90_000 });
    await page.locator('.activitybar [aria-label^="Distillery"]').first().waitFor();
  };
  await page.goto(url, { timeout: 120_000 });
  await ready();

  async function command(name: string, when?: Promise<unknown>): Promise<void> {
    const row = page.locator(".quick-input-list .monaco-list-row").filter({ hasText: name }).first();
    // The palette closes when something else takes the focus, as it does for a person; so it is opened again.
    for (let tries = 0; ; tries++) {
      try {
        await page.keyboard.press("F1");
        await page.locator(".quick-input-widget input").fill(`>${name}`, { timeout: 4000 });
        await row.waitFor({ timeout: 4000 });
        await when;
        await row.click({ timeout: 4000 });
        return;
      } catch (error) {
        if (tries > 5) throw error;
        await page.keyboard.press("Escape");
      }
    }
  }

  async function reload(when?: Promise<unknown>): Promise<void> {
    const loaded = page.waitForEvent("load", { timeout: 300_000 });
    await command("Developer: Reload Window", when);
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
    server,
    async another() {
      const next = await page.context().newPage();
      return windowIn(next, place, () => next.close());
    },
    panel,
    command: (name) => command(name),
    async pick(name, words) {
      const row = page.locator(".quick-input-list .monaco-list-row").filter({ hasText: words }).first();
      await insist(
        () => command(name),
        () => row.click({ timeout: 5_000 }),
      );
    },
    async notification(words) {
      await command("Notifications: Show Notifications");
      const message = page.locator(".notification-list-item-message").filter({ hasText: words }).first();
      await message.waitFor();
      return message;
    },
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
    close,
  };
}

/**
 * Acts, as often as a person would, until what it brings is there: VS Code takes a hover, a menu or a list away again when a view
 * draws itself anew or takes the focus late. Throws what the last try met.
 * @param there rejects while it is not, after a few seconds
 */
export async function insist(act: () => Promise<void>, there: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await act();
      await there();
      return;
    } catch (error) {
      if (tries === 8) throw error;
    }
  }
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
