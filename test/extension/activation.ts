import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import * as vscode from "vscode";
import { extension, theApp } from "./host.ts";

describe("activation", () => {
  it("registers everything and exports the app", async () => {
    const { app } = await extension().activate();
    assert.ok(extension().isActive);
    assert.equal(await app(), await theApp());
  });

  it("keeps the entry small and free of the libraries the rest needs", () => {
    const entry = join(extension().extensionPath, "dist", "extension.cjs");
    assert.ok(statSync(entry).size < 150_000);
    const text = readFileSync(entry, "utf8");
    assert.ok(!text.includes("ZodError") && !text.includes("node-llama-cpp"));
    assert.match(text, /import\("\.\/app\.cjs"\)|require\("\.\/app\.cjs"\)/);
  });

  it("is awake only for what is used: no start-up event", () => {
    const events: string[] = extension().packageJSON.activationEvents;
    assert.ok(!events.includes("*") && !events.includes("onStartupFinished"));
  });

  it("offers its views, and one button in each empty one", () => {
    const { viewsWelcome } = extension().packageJSON.contributes as {
      viewsWelcome: { view: string; contents: string }[];
    };
    for (const { contents } of viewsWelcome) assert.ok((contents.match(/\]\(command:/g) ?? []).length <= 1, contents);
    assert.ok(vscode.window.tabGroups);
  });

  it("settings say who may set them", () => {
    const groups = extension().packageJSON.contributes.configuration as {
      properties: Record<string, { scope: string; order: number; markdownDescription: string }>;
    }[];
    const all = Object.assign(
      {},
      ...groups.map(({ properties }) => properties),
    ) as (typeof groups)[number]["properties"];
    for (const [name, { scope, order, markdownDescription }] of Object.entries(all)) {
      assert.ok(scope && order && markdownDescription, name);
      // A setting whose name begins another one's is dropped by VS Code.
      assert.ok(!Object.keys(all).some((other) => other.startsWith(`${name}.`)), name);
    }
    assert.equal(all["distillery.teacher.baseUrl"]?.scope, "machine");
    assert.equal(all["distillery.student.model"]?.scope, "machine");
    const restricted: string[] = extension().packageJSON.capabilities.untrustedWorkspaces.restrictedConfigurations;
    for (const name of restricted) assert.ok(all[name], `${name} is a setting`);
    for (const name of [
      "distillery.teacher.baseUrl",
      "distillery.evaluation.judgeBaseUrl",
      "distillery.evaluation.judgeModel",
      "distillery.student.model",
    ])
      assert.ok(restricted.includes(name), name);
  });
});
