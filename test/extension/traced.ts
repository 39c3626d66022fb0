/**
 * A whole run in the editor under strace: what the extension host and all it starts do meanwhile, with the panel open beside
 * it (fault E11). The window of this file is started under strace, which is quick only that way.
 */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import * as vscode from "vscode";
import { cacheFolder } from "../../src/pipeline/adapters/cacheFolder.ts";
import { packageFolder } from "../../src/pipeline/adapters/packageFolder.ts";
import { runSettings } from "../../src/extension/settings.ts";
import { startOpenaiServer, type FakeServer } from "../fakes/openaiServer.ts";
import { partOfTrace, plantSecrets, readTrace, trespasses } from "../pipeline/systemTrace.ts";
import { answering, theApp, until, workspace } from "./host.ts";

const key = "sk-test-canary-0123456789abcdef";

/** Marks a moment by looking for a file that is not there; resolves with the whole trace as soon as that stands in it. */
async function marked(log: string, path: string): Promise<string> {
  await readFile(path).catch(() => {});
  return until("the mark", () => {
    const text = readFileSync(log, "utf8");
    return text.includes(`"${path}"`) ? text : null;
  });
}

describe("a traced run", () => {
  const folder = mkdtempSync(join(tmpdir(), "distillery-traced-"));
  let server: FakeServer;

  before(async () => {
    // The service runs in this process, too; it listens before the part of the trace that is looked at.
    server = await startOpenaiServer({ key });
    const values = {
      "teacher.baseUrl": server.baseUrl,
      "evaluation.judge": true,
      "run.probe": false,
      "run.wordings": 2,
    };
    for (const [name, value] of Object.entries(values))
      await vscode.workspace.getConfiguration("distillery").update(name, value, vscode.ConfigurationTarget.Global);
    const { keys } = await theApp();
    await answering(
      "showInputBox",
      () => key,
      () => keys.ask(),
    );
  });
  after(async () => {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it("writes in its own folders, the cache and the temporary folder, reaches the endpoint alone and listens nowhere", async () => {
    const { draft, environments, panel, runner, shell } = await theApp();
    const environment = await environments.ready();
    const cache = cacheFolder();
    const [home, temporary] = [join(folder, "home"), join(folder, "tmp")];
    const [from, to] = [join(folder, "from"), join(folder, "to")];
    plantSecrets(home);
    mkdirSync(temporary);
    Object.assign(process.env, { HOME: home, TMPDIR: temporary, DISTILLERY_HOME: cache });
    const settings = runSettings({
      ...draft.get(),
      ...{ questions: 2, cycles: 1, steps: 2, maxNewTokens: 16, topics: ["Pods", "DNS"], teacher: "openai" },
    });
    panel.open("run");
    await until("the panel", () => panel.visible);

    const file = process.env["DISTILLERY_TEST_TRACE"]!;
    await marked(file, from);
    await runner.start(settings, join(packageFolder(), "knowledge"));
    const log = await marked(file, to);
    assert.equal(runner.state.status, "finished");
    const trace = readTrace(partOfTrace(log, { process: process.pid, from, to }));
    // VS Code searches for files with a program of its own, which it starts from this process.
    trace.started = trace.started.filter((path) => !path.startsWith(`${vscode.env.appRoot}/`));
    const { storageUri, globalStorageUri, logUri } = shell.context;
    const own = join(workspace(), ".distillery");
    const storage = [storageUri, globalStorageUri].flatMap((uri) => (uri ? [uri.fsPath] : []));
    for (const each of storage) mkdirSync(each, { recursive: true });
    assert.deepEqual(
      trespasses(trace, {
        // VS Code itself writes the log channels of all extensions from this process, side by side in one folder.
        roots: [own, ...storage, cache, temporary, dirname(logUri.fsPath)],
        home,
        programs: [process.execPath, environment.python],
        endpoint: new URL(server.baseUrl).host,
      }),
      [],
    );
    assert.ok(trace.changed.filter((path) => path.startsWith(`${own}/runs/`)).length > 20);
    assert.ok(trace.reached.length > 0);
    for (const program of [process.execPath, environment.python]) assert.ok(trace.started.includes(program), program);
  }).timeout(420_000);
});
