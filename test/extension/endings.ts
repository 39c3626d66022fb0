/** A teacher that its provider switches off: told, shown in Configure, and replaced by one click, which can be undone. */
import assert from "node:assert/strict";
import * as vscode from "vscode";
import { setupSnapshot } from "../../src/extension/panel/snapshots.ts";
import { configuration } from "../../src/extension/configuration.ts";
import { teacherModel, teacherOrigin } from "../../src/extension/settings.ts";
import { startOpenaiServer, type FakeServer } from "../fakes/openaiServer.ts";
import { answering, theApp, until } from "./host.ts";

const key = "sk-endings-0123456789";
const setting = (name: string) => configuration().inspect<string>(name);
const shown = async () => (await setupSnapshot({ ...(await theApp()), label: () => undefined })).teacher.ending;

describe("a teacher that is switched off", () => {
  let server: FakeServer;

  before(async () => {
    server = await startOpenaiServer({
      key,
      shutdownDate: "2027-01-14",
      listed: { deprecation_replacement_model: "new-mini" },
    });
    await configuration().update("teacher.baseUrl", server.baseUrl, vscode.ConfigurationTarget.Global);
  });

  after(async () => {
    await (await theApp()).keys.remove(teacherOrigin());
    await configuration().update("teacher.baseUrl", undefined, vscode.ConfigurationTarget.Global);
    await configuration().update("teacher.model", undefined, vscode.ConfigurationTarget.Global);
    await configuration().update("teacher.model", undefined, vscode.ConfigurationTarget.Workspace);
    await server.close();
  });

  it("is told once the key is there, and its button puts the successor into the settings; Undo takes it back", async () => {
    assert.equal(await shown(), null);
    const told: string[] = [];
    await answering(
      "showInformationMessage",
      (text: string, ...buttons: string[]) => {
        told.push(text);
        return buttons[0];
      },
      () =>
        answering(
          "showInputBox",
          () => key,
          async () => {
            await vscode.commands.executeCommand("distillery.setApiKey");
            await until("the way back", () => told.length === 2 && teacherModel() === "gpt-4o-mini");
          },
        ),
    );
    assert.match(told[0]!, /switches gpt-4o-mini off on 2027-01-14\. new-mini: 127\.0\.0\.1:\d+ names it/);
    assert.equal(told[1], "New runs use new-mini. Runs that exist keep gpt-4o-mini and everything they have.");
    assert.equal(setting("teacher.model")?.globalValue, undefined);
    assert.deepEqual(
      server.calls.map(({ path }) => path),
      ["/v1/models"],
    );
  });

  it("stands in Configure, whose button sets the model where it was set", async () => {
    const app = await theApp();
    const ending = await shown();
    assert.match(ending!.text, /off on 2027-01-14/);
    assert.equal(ending!.successor, "new-mini");
    await configuration().update("teacher.model", "gpt-4o-mini", vscode.ConfigurationTarget.Workspace);
    await answering(
      "showInformationMessage",
      () => undefined,
      async () => {
        app.panel.receive({ type: "command", command: "distillery.useSuccessor" });
        await until("the successor", () => setting("teacher.model")?.workspaceValue === "new-mini");
      },
    );
    assert.equal(setting("teacher.model")?.globalValue, undefined);
    assert.equal(await shown(), null, "nothing is known of the successor's end");
  });

  it("is not told twice, nor offered for a model that the settings do not name", async () => {
    const { endings } = await theApp();
    const buttons: string[][] = [];
    const look = (model: string) => endings.look({ model, baseUrl: server.baseUrl });
    await answering(
      "showInformationMessage",
      (_: string, ...offered: string[]) => void buttons.push(offered),
      async () => {
        assert.match((await look("gpt-4o-mini"))!, /gpt-4o-mini off/);
        assert.match((await look("text-embedding-3-small"))!, /text-embedding-3-small off/);
        assert.equal(await look("unlisted"), null);
      },
    );
    assert.deepEqual(buttons, [[]]);
  });
});
