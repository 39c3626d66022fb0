/** Damage under the editor's own folder, and a folder that is gone: it is told, and everything else goes on. */
import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import * as vscode from "vscode";
import { resultsSnapshot, runSnapshot, setupSnapshot } from "../../src/extension/panel/snapshots.ts";
import { createStudentInUse } from "../../src/pipeline/adapters/studentInUse.ts";
import { fakeRunFile, play } from "../fakes/runs.ts";
import { answering, theApp, toldDuring, until, workspace } from "./host.ts";

const root = () => join(workspace(), ".distillery");
const at = (...names: string[]) => join(root(), ...names);
const run = "fault-run";
const unlabelled = { label: () => undefined };

/** Puts something else in a file's or folder's place for the time of `work`. */
async function replaced<T>(path: string, put: (path: string) => void, work: () => Promise<T>): Promise<T> {
  renameSync(path, `${path}-aside`);
  try {
    put(path);
    return await work();
  } finally {
    rmSync(path, { recursive: true, force: true });
    renameSync(`${path}-aside`, path);
  }
}

describe("what the editor finds on the disk", () => {
  before(async () => {
    await vscode.commands.executeCommand("distillery.openSample");
    const file = { ...fakeRunFile({}, run), knowledge: "knowledge", created: "2026-01-09T10:00:00.000Z" };
    await play(root(), file);
    (await theApp()).history.forget();
  });

  it("runs behind a link are refused by every view, and shown again once the link is gone", async () => {
    const app = await theApp();
    const aside = mkdtempSync(join(tmpdir(), "distillery-elsewhere-"));
    await replaced(
      at("runs"),
      (path) => symlinkSync(aside, path),
      async () => {
        app.history.forget();
        await assert.rejects(app.history.runs(), { code: "E_PATH_OUTSIDE" });
        await assert.rejects(app.history.checkpoints(run), { code: "E_PATH_OUTSIDE" });
        assert.equal(await resultsSnapshot({ ...app, ...unlabelled }, run), null);
        assert.equal(await app.reviewer.of(run), null);
        const { estimate } = await setupSnapshot({ ...app, ...unlabelled });
        assert.ok(estimate!.minutes > 0);
      },
    );
    assert.ok((await app.history.runs()).some(({ id }) => id === run));
    assert.ok((await app.history.checkpoints(run)).length > 0);
    rmSync(aside, { recursive: true });
  });

  it("a run that is gone since it was listed is neither stale nor shown, and no error", async () => {
    const app = await theApp();
    app.history.forget();
    await app.history.runs();
    await vscode.commands.executeCommand("distillery.refresh");
    const runs = await app.history.runs();
    assert.ok(runs.some(({ id }) => id === run));
    renameSync(at("runs", run), at(`${run}-aside`));
    try {
      const uri = vscode.Uri.from({ scheme: "distillery-checkpoint", path: `/${run}/cycle-1/questions.json` });
      assert.equal(await app.decoration(uri), undefined);
      const shown = await runSnapshot({ ...app, ...unlabelled }, run);
      assert.deepEqual([shown.live, shown.device, shown.state.losses], [false, null, []]);
    } finally {
      renameSync(at(`${run}-aside`), at("runs", run));
      app.history.forget();
    }
  });

  it("locks that are cut off or a dead process's do not hold a run, a living one's does", async () => {
    const app = await theApp();
    const events = readFileSync(at("runs", run, "events.jsonl"), "utf8")
      .split("\n")
      .filter((line) => !/"type":"run(Finished|Stopped|Failed)"/.test(line));
    const locks = at("locks", run);
    mkdirSync(locks, { recursive: true });
    await replaced(
      at("runs", run, "events.jsonl"),
      (path) => writeFileSync(path, events.join("\n")),
      async () => {
        // One that was cut off may be in the middle of being written: for five seconds it counts.
        writeFileSync(join(locks, "cut.json"), "{");
        utimesSync(join(locks, "cut.json"), new Date(), new Date(Date.now() - 10_000));
        const holder = { started: null, host: hostname(), token: "other", since: new Date().toISOString() };
        writeFileSync(join(locks, "dead.json"), JSON.stringify({ ...holder, pid: 2 ** 30 }));
        app.history.forget();
        assert.equal((await app.history.state(run)).status, "stopped");
        writeFileSync(join(locks, "living.json"), JSON.stringify({ ...holder, pid: process.pid }));
        app.history.forget();
        assert.equal((await app.history.state(run)).status, "running");
      },
    );
    rmSync(locks, { recursive: true });
    app.history.forget();
  });

  it("a run that is open elsewhere is not deleted, and says where it is open", async () => {
    const app = await theApp();
    const lock = await (await app.history.store()).lock(run);
    const node = { kind: "run", run };
    const deleting = () =>
      answering(
        "showWarningMessage",
        (_text: string, _options: unknown, yes: string) => yes,
        () => toldDuring(async () => vscode.commands.executeCommand("distillery.deleteRun", node)),
      );
    const told = await deleting();
    assert.match(told.join("\n"), new RegExp(`This run is open in another window \\(pid ${process.pid}, since`));
    assert.ok(existsSync(at("runs", run, "run.json")));
    await lock.release();
  });

  it("a damaged review is told by the marks in the log alone, and the answers are shown without it", async () => {
    const app = await theApp();
    // The marks look at the newest run that has questions, which may be another suite's.
    const newest = await app.reviewer.newest();
    const files = new Set([run, newest!.run].map((id) => at("runs", id, "review.json")));
    const before = [...files].map((path) => [path, existsSync(path) ? readFileSync(path) : null] as const);
    for (const [path] of before) writeFileSync(path, "{");
    app.history.forget();
    try {
      const results = await resultsSnapshot({ ...app, ...unlabelled }, run);
      assert.ok(results!.answers.length > 0);
      await assert.rejects(app.reviewer.newest(), { code: "E_REVIEW_FILE" });
      const told = await toldDuring(async () => {
        await app.marks.refresh();
        const folder = app.knowledge.folder()!;
        const page = readdirSync(folder).find((name) => name.endsWith(".md"));
        const document = await vscode.workspace.openTextDocument(join(folder, page!));
        assert.deepEqual(await app.marks.lenses(document), []);
      });
      assert.deepEqual(told, []);
    } finally {
      for (const [path, bytes] of before) {
        if (bytes) writeFileSync(path, bytes);
        else rmSync(path);
      }
      app.history.forget();
      await app.marks.refresh();
    }
  });

  it("a damaged record of the student in use is told once, and the panel and the chat go on", async () => {
    const app = await theApp();
    await vscode.commands.executeCommand("distillery.useAsStudent", { run });
    assert.equal(app.adopted.chosen, run);
    const told = await toldDuring(() =>
      replaced(
        at("student.json"),
        (path) => writeFileSync(path, "{"),
        async () => {
          app.adopted.follow();
          await until("the error", async () => (await app.adopted.current().catch(() => null)) === null);
          app.adopted.follow();
          app.panel.receive({ type: "ready" });
          app.panel.receive({ type: "openSection", section: "no-such-section" });
          await new Promise((resolve) => setTimeout(resolve, 1500));
        },
      ),
    );
    assert.equal(told.filter((text) => text.includes("E_STUDENT_FILE")).length, 1, told.join("\n"));
    // What a person pressed and what does not work is told as well.
    assert.equal(told.filter((text) => text.includes("E_KNOWLEDGE")).length, 1, told.join("\n"));
    assert.equal((await createStudentInUse(root()).read()).current?.run, run);
    await app.adopted.reload();
  });

  it("a student whose adapter is gone is not among those that answer", async () => {
    const app = await theApp();
    assert.ok((await app.adopted.all()).some((student) => student.run === run));
    await replaced(at("students"), mkdirSync, async () => {
      renameSync(at("runs", run, "cycle-1", "adapter"), at("runs", run, "adapter-aside"));
      try {
        assert.ok((await app.adopted.all()).every((student) => student.run !== run));
      } finally {
        renameSync(at("runs", run, "adapter-aside"), at("runs", run, "cycle-1", "adapter"));
      }
    });
    assert.ok((await app.adopted.all()).some((student) => student.run === run));
  });

  it("a knowledge base that cannot be used is a reason in the panel, and a page that is there is left alone", async () => {
    const app = await theApp();
    const empty = mkdtempSync(join(workspace(), "empty-"));
    await vscode.workspace
      .getConfiguration("distillery")
      .update("knowledge.folder", empty, vscode.ConfigurationTarget.Workspace);
    try {
      app.knowledge.forget();
      assert.equal(await app.knowledge.read(), null);
      assert.match(String(app.knowledge.problem), /no usable section/);
    } finally {
      await vscode.workspace
        .getConfiguration("distillery")
        .update("knowledge.folder", undefined, vscode.ConfigurationTarget.Workspace);
      rmSync(empty, { recursive: true });
      app.knowledge.forget();
    }
    const page = join(workspace(), "knowledge", "first-topic.md");
    writeFileSync(page, "mine");
    assert.deepEqual(await toldDuring(async () => vscode.commands.executeCommand("distillery.newKnowledge")), []);
    assert.equal(readFileSync(page, "utf8"), "mine");
    rmSync(page);
    app.knowledge.forget();
  });

  it("a folder that is gone, as on a disk that was unplugged, is no error of the check-up", async () => {
    const app = await theApp();
    const shown: string[] = [];
    const folder = workspace();
    renameSync(folder, `${folder}-aside`);
    try {
      await answering(
        "showQuickPick",
        (items: unknown[]) => void shown.push(JSON.stringify(items)),
        async () => vscode.commands.executeCommand("distillery.checkSetup"),
      );
    } finally {
      renameSync(`${folder}-aside`, folder);
    }
    assert.match(shown.join(), /Free disk space/);
    app.knowledge.forget();
    app.history.forget();
    assert.ok(await app.knowledge.read());
  });
});
