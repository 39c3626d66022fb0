/** A student of one's own choice, all the way inside the editor: fetched, trained, asked, exported. Real parts, a tiny Phi. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as vscode from "vscode";
import { packageFolder } from "../../src/pipeline/adapters/packageFolder.ts";
import { startJob } from "../../src/pipeline/adapters/pythonJob.ts";
import { studentId } from "../../src/extension/configuration.ts";
import { runSettings } from "../../src/extension/settings.ts";
import { startModelHub, type ModelHub } from "../fakes/modelHub.ts";
import { answering, theApp } from "./host.ts";

const scratch = mkdtempSync(join(tmpdir(), "distillery-own-student-"));
const name = "owner/tiny";
let hub: ModelHub;
const variables = { ...process.env };

describe("a student of one's own choice", () => {
  before(async () => {
    const { environments } = await theApp();
    const environment = (await environments.find())!;
    const output = join(scratch, "toy");
    mkdirSync(output);
    const toy = startJob("toy", { ...environment, logFile: join(scratch, "toy.log") });
    toy.send({ type: "spec", spec: { kind: "phi", tokenizerGguf: environment.embeddedStudent, output, seed: 1 } });
    await toy.stopped;
    hub = await startModelHub(
      Object.fromEntries(readdirSync(output).map((file) => [file, readFileSync(join(output, file))])),
    );
    process.env["HF_ENDPOINT"] = hub.address;
    process.env["DISTILLERY_STUDENTS"] = join(scratch, "students");
  });
  after(async () => {
    process.env = variables;
    await hub.close();
    await vscode.workspace
      .getConfiguration("distillery")
      .update("student.model", undefined, vscode.ConfigurationTarget.Global);
    rmSync(scratch, { recursive: true, force: true });
  });

  it("is fetched, converted, and trained next when one says so", async () => {
    await answering(
      "showQuickPick",
      (items: { label: string }[]) => items.at(-1),
      () =>
        answering(
          "showInputBox",
          ({ validateInput }: vscode.InputBoxOptions) => {
            assert.equal(validateInput?.(name), undefined);
            assert.match(String(validateInput?.("../tiny")), /owner\/name/);
            return name;
          },
          () =>
            answering(
              "showInformationMessage",
              (_text: string, use: string) => use,
              async () => vscode.commands.executeCommand("distillery.downloadStudent"),
            ),
        ),
    );
    assert.ok(existsSync(join(scratch, "students", "owner--tiny", "model.gguf")));
    assert.equal(studentId(), name);
    await hub.close();
  }).timeout(120_000);

  it("goes through all seven stages, is asked in the panel and the chat, and is exported with its proof", async () => {
    const { draft, runner, adopted, asker } = await theApp();
    const settings = runSettings({
      ...draft.get(),
      ...{ questions: 2, cycles: 1, steps: 3, maxNewTokens: 16, topics: ["Pods", "DNS"], teacher: "offline" },
    });
    assert.equal(settings.student, name);
    await runner.start(settings, join(packageFolder(), "knowledge"));
    assert.equal(runner.state.status, "finished");
    const run = runner.state.run!;

    await adopted.choose(run);
    const tuned = await adopted.current();
    assert.equal(tuned?.settings.student, name);
    const chunks: string[] = [];
    const { signal } = new AbortController();
    const question = "What is a Pod?";
    const asked = { question, signal, onText: (text: string) => chunks.push(text) };
    const answer = await asker.ask({ arm: "tuned", tuned, ...asked });
    assert.ok(answer.tokens > 0);
    const inChat = await vscode.lm.invokeTool("distillery_ask_student", {
      input: { question, model: "tuned" },
      toolInvocationToken: undefined,
    });
    const [part] = inChat.content;
    assert.match(part instanceof vscode.LanguageModelTextPart ? part.value : "", /owner\/tiny|owner--tiny/);

    const told: string[] = [];
    await answering(
      "showQuickPick",
      (items: { label: string }[]) => items.filter(({ label }) => label === "gguf"),
      () =>
        answering(
          "showOpenDialog",
          () => [vscode.Uri.file(scratch)],
          () =>
            answering(
              "showInformationMessage",
              (text: string) => void told.push(text),
              () =>
                answering(
                  "showErrorMessage",
                  (text: string) => void told.push(text),
                  async () => vscode.commands.executeCommand("distillery.exportAdapter", { run }),
                ),
            ),
        ),
    );
    assert.match(told.join(), /^Exported.* gguf (\d+) of \1;/);
    const proof = JSON.parse(readFileSync(join(scratch, `${run}-cycle-1-export`, "proof.json"), "utf8")) as {
      proofs: { as: string; equal: number; asked: number }[];
    };
    assert.deepEqual(
      proof.proofs.map(({ as, equal, asked: all }) => [as, equal === all]),
      [["gguf", true]],
    );
  }).timeout(300_000);
});
