/**
 * Which tuned student a workspace uses: `<root>/student.json` with the history of changes, and a copy of every
 * adapter that was ever in use, `<root>/students/<first 12 of its SHA-256>/`. The copies outlive re-runs and
 * deleted runs. They are no hard links: a training that writes its file anew would change both names, and a file
 * of a run with a second name elsewhere is refused (runPaths.ts).
 */
import { dirname, join } from "node:path";
import { UserError } from "../../protocol/errors.ts";
import type { RunFile } from "../../protocol/run.ts";
import type { StudentChange, StudentEntry, StudentFile } from "../../protocol/student.ts";
import { formerStudent, sameStudent, studentBefore } from "../adoption.ts";
import type { AdoptedStudent, StudentInUse, TunedStudent } from "../ports.ts";
import { hashAt } from "./artefacts.ts";
import { ensureFolder, writeDurably, writePiecesDurably } from "./durableFile.ts";
import { nodeFiles, readWhole, withFile, type FileLayer, type OpenFile } from "./fileLayer.ts";
import { withFolderLock } from "./folderLock.ts";
import { quarantineFile } from "./quarantine.ts";
import { inside } from "./runPaths.ts";
import { readError, writeError } from "./storageError.ts";
import { decodeFacts, decodeStudentFile, encodeFacts, encodeStudentFile, noStudent } from "./studentFile.ts";

export const studentFileName = "student.json";
const lockName = "student.lock";
const keptFolder = (adapterHash: string): string => `students/${adapterHash.slice(0, 12)}`;

/** The port, and what only front ends use. */
export interface FileStudentInUse extends StudentInUse {
  /**
   * Reads without lock or change; nobody is in use where there is no file.
   * @throws UserError E_STUDENT_FILE, E_CKPT_NEWER, E_PATH_OUTSIDE, E_STORAGE.
   */
  read(): Promise<StudentFile>;
  /**
   * A kept student by its entry, its adapter hashed.
   * @throws UserError E_ARTEFACT_MISSING, E_ARTEFACT_MISMATCH, E_STUDENT_FILE, E_CKPT_NEWER, E_PATH_OUTSIDE.
   */
  kept(entry: StudentEntry): Promise<TunedStudent>;
  /** A person's choice, recorded with `why`: see `whyChosen` of adoption.ts. */
  choose(student: TunedStudent, why: string): Promise<void>;
  /**
   * Back to the former student, whose adapter is verified first; nothing changes when it does not verify.
   * @throws UserError E_USAGE when there is no former one, and as {@link FileStudentInUse.kept}.
   */
  rollBack(): Promise<{ from: StudentEntry; to: StudentEntry }>;
}

export interface StudentInUseOptions {
  files?: FileLayer;
  /** Told when a damaged file was set aside. */
  onNotice?: (text: string) => void;
}

/** @param root absolute path of the folder that holds `runs/`: `.distillery` of the workspace. */
export function createStudentInUse(
  root: string,
  { files = nodeFiles, onNotice = () => {} }: StudentInUseOptions = {},
): FileStudentInUse {
  async function bytesAt(path: string): Promise<Buffer | null> {
    try {
      const found = await inside(root, path, files);
      if (found.facts === null) return null;
      if (found.facts.kind !== "file") throw new UserError("E_STUDENT_FILE", `${path} is a folder.`);
      return await readWhole(files, found.path);
    } catch (error) {
      throw readError(error, path);
    }
  }

  async function read(): Promise<StudentFile> {
    const bytes = await bytesAt(studentFileName);
    return bytes ? decodeStudentFile(bytes, studentFileName) : noStudent;
  }

  /** For a writer: a damaged file goes to quarantine, and the history begins anew. */
  async function readOrSetAside(): Promise<StudentFile> {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof UserError) || error.code !== "E_STUDENT_FILE") throw error;
      const place = await quarantineFile(root, studentFileName, { code: error.code, reason: error.message }, files);
      onNotice(`${error.code}: ${error.message} It is in ${place} now, and the history of students begins anew.`);
      return noStudent;
    }
  }

  /** One change at a time, whoever makes it. `decide` returns null to change nothing. */
  async function change(
    decide: (file: StudentFile) => Promise<Pick<StudentChange, "kind" | "to" | "why"> | null>,
  ): Promise<StudentChange | null> {
    await ensureFolder(root, files);
    await inside(root, lockName, files);
    const work = async () => {
      const file = await readOrSetAside();
      const decided = await decide(file);
      if (!decided) return null;
      const made = { ...decided, from: file.current, at: new Date().toISOString() };
      const next = { ...file, current: made.to, history: [...file.history, made] };
      await inside(root, studentFileName, files);
      await writeDurably(join(root, studentFileName), encodeStudentFile(next), files);
      return made;
    };
    return withFolderLock(join(root, lockName), () => {}, undefined, work).catch((error: unknown) => {
      throw writeError(error, studentFileName, 0);
    });
  }

  /** A copy that outlives the run, durable and verified before it is named anywhere. */
  async function keep(student: TunedStudent): Promise<void> {
    const { run: _run, cycle: _cycle, adapterGguf, adapterHash, ...facts } = student;
    const folder = keptFolder(adapterHash);
    const path = `${folder}/adapter.gguf`;
    const { facts: there } = await inside(root, path, files);
    if (there && (await hashAt(root, path, files, false)) !== adapterHash) {
      const reason = "The kept adapter is not the one it is named after.";
      await quarantineFile(root, path, { code: "E_ARTEFACT_MISMATCH", reason }, files);
    }
    await ensureFolder(join(root, folder), files);
    if (!(await inside(root, path, files)).facts) {
      try {
        await withFile(files, adapterGguf, "read", (file) => writePiecesDurably(join(root, path), pieces(file), files));
      } catch (error) {
        throw readError(error, "the adapter");
      }
      await verify(adapterHash);
    }
    await inside(root, `${folder}/facts.json`, files);
    await writeDurably(join(root, folder, "facts.json"), encodeFacts(facts), files);
  }

  async function verify(adapterHash: string): Promise<string> {
    const path = `${keptFolder(adapterHash)}/adapter.gguf`;
    if ((await hashAt(root, path, files, false)) !== adapterHash)
      throw new UserError("E_ARTEFACT_MISMATCH", `${path} is not the adapter that was taken into use.`);
    return join(root, path);
  }

  async function kept(entry: StudentEntry): Promise<TunedStudent> {
    const adapterGguf = await verify(entry.adapterHash);
    const path = `${keptFolder(entry.adapterHash)}/facts.json`;
    const bytes = await bytesAt(path);
    if (!bytes) throw new UserError("E_ARTEFACT_MISSING", `${path} is missing.`);
    return { ...entry, ...decodeFacts(bytes, path), adapterGguf };
  }

  return {
    read,
    kept,
    async adopt(student) {
      const entry = entryOf(student);
      const made = await change(async ({ history }) => {
        if (history.some(({ to }) => sameStudent(to, entry))) return null;
        await keep(student);
        return { kind: "gate", to: entry, why: "gate passed" };
      });
      return made !== null;
    },
    async choose(student, why) {
      const to = entryOf(student);
      await change(async ({ current }) => {
        if (current && sameStudent(current, to)) return null;
        if (dirname(student.adapterGguf) !== join(root, keptFolder(student.adapterHash))) await keep(student);
        return { kind: "hand", to, why };
      });
    },
    async rollBack() {
      const made = await change(async ({ history }) => {
        const to = formerStudent(history);
        if (!to) throw new UserError("E_USAGE", "There is no former student to go back to.");
        await kept(to);
        return { kind: "rollback", to, why: "rolled back" };
      });
      const { from, to } = made as StudentChange;
      return { from: from as StudentEntry, to };
    },
  };
}

const entryOf = ({ run, cycle, adapterHash }: TunedStudent): StudentEntry => ({ run, cycle, adapterHash });

const pieceBytes = 1024 * 1024;

async function* pieces(file: OpenFile): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.allocUnsafe(pieceBytes);
  for (let position = 0; ;) {
    const count = await file.read(buffer, position);
    if (count === 0) return;
    yield buffer.subarray(0, count);
    position += count;
  }
}

/**
 * The student in use before `run`, for the arm of that name; null when there was none. One with another template
 * gets another name than this run's students have, so that it is not compared with them.
 * @param root as for {@link createStudentInUse}. Errors as {@link FileStudentInUse.kept}.
 */
export async function adoptedStudent(
  root: string,
  run: Pick<RunFile, "id"> & { settings: Pick<RunFile["settings"], "template"> },
): Promise<AdoptedStudent | null> {
  const inUse = createStudentInUse(root);
  const entry = studentBefore((await inUse.read()).history, run.id);
  if (!entry) return null;
  const { adapterGguf, model, settings } = await inUse.kept(entry);
  const alike = settings.template === run.settings.template;
  const id = alike ? `${model}+${entry.adapterHash.slice(0, 12)}` : `${model}, ${settings.template}`;
  return { id, adapterGguf };
}
