/** Which tuned student is in use: the one `student.json` names, else the newest run's that has one. */
import * as vscode from "vscode";
import { createStudentInUse, studentFileName, type FileStudentInUse } from "../../pipeline/adapters/studentInUse.ts";
import { tunedOfRun } from "../../pipeline/adapters/tunedStudents.ts";
import { formerStudent, whyChosen } from "../../pipeline/adoption.ts";
import type { TunedStudent } from "../../pipeline/ports.ts";
import { UserError } from "../../protocol/errors.ts";
import type { StudentChange, StudentEntry } from "../../protocol/student.ts";
import type { Log } from "../log.ts";
import { runsRoot } from "../place.ts";
import type { History } from "../run/history.ts";

export interface Adopted {
  /** The run whose student is in use; null when none is. */
  readonly chosen: string | null;
  /** Changes so far, oldest first. */
  readonly history: readonly StudentChange[];
  /** Where a roll back leads to. */
  readonly former: StudentEntry | null;
  /** All students that were ever in use here, the newest of each run: each is a language model of its own. */
  all(): Promise<TunedStudent[]>;
  /** The tuned student that answers now, or null. @throws UserError when the file or its adapter does not verify. */
  current(): Promise<TunedStudent | null>;
  /** A person's choice: the last trained cycle of a run, recorded with what the gate had said. */
  choose(run: string): Promise<TunedStudent>;
  /** A person's choice of one that was in use before. */
  chooseAgain(entry: StudentEntry): Promise<TunedStudent>;
  rollBack(): Promise<{ from: StudentEntry; to: StudentEntry }>;
  /** Reads again what the command line or a run may have changed. */
  reload(): Promise<void>;
  /** As {@link Adopted.reload}, for listeners: an error is told, and once only. */
  follow(): void;
  readonly onDidChange: vscode.Event<void>;
}

interface AdoptedParts {
  context: vscode.ExtensionContext;
  history: History;
  log: Log;
}

/** Newer runs than this many have been looked at when none of them has a tuned student. */
const newestRuns = 20;

export function createAdopted({ context, history, log }: AdoptedParts): Adopted & vscode.Disposable {
  const changed = new vscode.EventEmitter<void>();
  let file: { current: StudentEntry | null; history: readonly StudentChange[] } = { current: null, history: [] };
  let listeners: vscode.Disposable[] = [];

  const inUse = async (): Promise<FileStudentInUse> =>
    createStudentInUse(await runsRoot(context), { onNotice: log.channel.warn });

  async function reload(): Promise<void> {
    const found = await (await inUse()).read();
    if (found.history.length === file.history.length && found.current?.adapterHash === file.current?.adapterHash)
      return;
    file = found;
    changed.fire();
  }
  /** Told once, not at every write of a run. */
  let told = "";
  const follow = () =>
    void reload().catch((error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      if (message !== told) log.tell(error);
      told = message;
    });

  async function watch(): Promise<void> {
    const root = await runsRoot(context);
    const pattern = new vscode.RelativePattern(vscode.Uri.file(root), studentFileName);
    const watcher = vscode.workspace.createFileSystemWatcher(pattern);
    listeners = [watcher, watcher.onDidChange(follow), watcher.onDidCreate(follow)];
    await reload();
  }
  const watching = log.told(watch());

  /** Null for what a person can do nothing about here: a student whose run or adapter is gone. */
  const orNull = (student: Promise<TunedStudent>) =>
    student.catch((error: unknown) => {
      if (error instanceof UserError) return null;
      throw error;
    });

  return {
    get chosen() {
      return file.current?.run ?? null;
    },
    get history() {
      return file.history;
    },
    get former() {
      return formerStudent(file.history);
    },
    async all() {
      await watching;
      const each = await inUse();
      const newest = new Map(file.history.map(({ to }) => [to.run, to]));
      if (file.current) newest.set(file.current.run, file.current);
      const found = await Promise.all([...newest.values()].reverse().map((entry) => orNull(each.kept(entry))));
      return found.filter((student) => student !== null);
    },
    async current() {
      const each = await inUse();
      const { current } = await each.read();
      if (current) return each.kept(current);
      const store = await history.store();
      for (const { id } of (await history.runs()).slice(0, newestRuns)) {
        const found = await orNull(tunedOfRun(store, id).then(({ student }) => student));
        if (found) return found;
      }
      return null;
    },
    async choose(run) {
      const { student, gate } = await tunedOfRun(await history.store(), run);
      await (await inUse()).choose(student, whyChosen(gate));
      await reload();
      return student;
    },
    async chooseAgain(entry) {
      const each = await inUse();
      const student = await each.kept(entry);
      await each.choose(student, "chosen by hand, from the history");
      await reload();
      return student;
    },
    async rollBack() {
      const both = await (await inUse()).rollBack();
      await reload();
      return both;
    },
    reload,
    follow,
    onDidChange: changed.event,
    dispose: () => [...listeners, changed].forEach((each) => each.dispose()),
  };
}
