import { test } from "vitest";
import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fakeRunFile, play } from "/work/editor/test/fakes/runs.ts";
import { accessibilityFaults, openWindow, themes, type Theme } from "/work/editor/test/e2e/window.ts";
test("looks", async () => {
  const w = await openWindow();
  try {
    cpSync("/work/editor/knowledge", join(w.workspace, "knowledge"), { recursive: true });
    await play(join(w.workspace, ".distillery"), { ...fakeRunFile({ cycles: 2 }, "first-run"), knowledge: "knowledge2" });
    await w.reload();
    await w.page.locator('.activitybar [aria-label^="Distillery"]').first().click();
    await w.command("Distillery: Open Panel");
    for (const theme of Object.keys(themes) as Theme[]) {
      await w.theme(theme); await w.shot(`theme-${theme}`);
      for (const tab of ["configure", "run", "results", "answers", "ask"] as const) {
        const f = await w.tab(tab);
        if (tab === "answers") await f.locator("details summary").first().click();
        if (tab === "run") { const b=f.locator("text=Show as table"); if (await b.count()) await b.first().click(); }
        await w.page.waitForTimeout(400);
        await w.shot(`${theme}-${tab}`);
        for (const x of await accessibilityFaults(f)) console.log(theme, tab, x);
      }
    }
  } finally { await w.close(); }
}, 300000);
