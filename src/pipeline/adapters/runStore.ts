/** One run's folder, open for writing. The lock is held from opening to closing. */
import { dirname, join } from "node:path";
import { UserError } from "../../protocol/errors.ts";
import { stageOutputSchemas, type StageId, type StageOutputs } from "../../protocol/model.ts";
import type { CheckpointFrame, RunFile } from "../../protocol/run.ts";
import { hashOf } from "../hash.ts";
import type { RunStore } from "../ports.ts";
import { checkAdapter, hashesBelow } from "./artefacts.ts";
import { decodeCheckpoint, encodeCheckpoint, encodeRunFile } from "./checkpointFile.ts";
import { listEntries, readVerified } from "./checkpointReader.ts";
import { ensureFolder, unfinishedEnding, writeDurably } from "./durableFile.ts";
import { openEventLog } from "./eventLog.ts";
import { readWhole, type FileLayer } from "./fileLayer.ts";
import { openJournal } from "./journal.ts";
import { quarantineFile } from "./quarantine.ts";
import { encodeReview, readReview } from "./reviewFile.ts";
import type { RunLock } from "./runLock.ts";
import {
  adapterPath,
  checkpointPath,
  checkRelative,
  cycleFolder,
  cycleOf,
  eventsName,
  inside,
  journalName,
  mostCycles,
  quarantineName,
  reviewName,
  runFileName,
} from "./runPaths.ts";
import { readError, writeError } from "./storageError.ts";
import {
  bringBack,
  finishMoves,
  listSuperseded,
  readSuperseded,
  supersede,
  type SupersededEntry,
} from "./superseded.ts";

/** The port, and what only front ends use. */
export interface FileRunStore extends RunStore {
  listSuperseded(): Promise<SupersededEntry[]>;
  /**
   * Brings a superseded checkpoint back and supersedes the present one.
   * @throws UserError when the file or its adapter does not verify; nothing has moved then.
   */
  restoreSuperseded(file: string): Promise<void>;
}

interface ItemRecord {
  type: "item";
  stage: StageId;
  key: string;
  value: unknown;
}

export const isItem = (record: unknown): record is ItemRecord => (record as { type?: unknown } | null)?.type === "item";

const isRun = (record: unknown): boolean => (record as { type?: unknown } | null)?.type === "run";

/** Damage that is set aside; a newer, an outside or an unreadable file is left where it is. */
const toQuarantine = new Set(["E_CKPT_CORRUPT", "E_CKPT_SCHEMA"]);

/** Names in a run that `writeFile` must not touch. */
const isReserved = (path: string): boolean =>
  [runFileName, journalName, eventsName, reviewName, quarantineName].includes(path.split("/")[0] ?? "") ||
  cycleOf(path.split("/")[0] ?? "") !== null;

/** Opens a run whose lock is held and whose run file was read; puts right what a crash left half done. */
export async function openRunStore(
  folder: string,
  file: RunFile,
  lock: RunLock,
  files: FileLayer,
  onNotice: (text: string) => void,
): Promise<FileRunStore> {
  const run = file.id;
  await removeUnfinished(folder, files);
  await finishMoves(folder, files);
  const { journal, records } = await openJournal(folder, run, files, onNotice);
  const events = await openEventLog(folder, files, onNotice).catch(async (error: unknown) => {
    await journal.close().catch(() => {});
    throw error;
  });
  const items = new Map(records.filter(isItem).map(({ key, value }) => [key, value]));
  let current = file;
  let turn: Promise<unknown> = Promise.resolve();
  let closing: Promise<void> | null = null;

  /** Changes of files take turns, each under a lock that is still held. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = turn.then(async () => {
      await lock.check();
      return work();
    });
    turn = mine.catch(() => {});
    return mine;
  };

  const replaceFile = async (next: RunFile) => {
    await journal.append({ type: "run", file: next });
    await writeDurably(join(folder, runFileName), encodeRunFile(next), files);
    current = next;
  };

  try {
    // So that a damaged run.json takes no settings with it.
    if (!records.some(isRun)) await journal.append({ type: "run", file });
  } catch (error) {
    await Promise.allSettled([journal.close(), events.close()]);
    throw error;
  }

  return {
    folder,
    get file() {
      return current;
    },
    updateFile: (change) => inTurn(() => replaceFile(change(current))),

    readCheckpoint: <Id extends StageId>(cycle: number, stage: Id) =>
      inTurn(async () => {
        try {
          const checkpoint = await readVerified(folder, run, cycle, stage, files);
          return (
            checkpoint && { frame: checkpoint.frame, output: checkpoint.frame.output as unknown as StageOutputs[Id] }
          );
        } catch (error) {
          if (error instanceof UserError && toQuarantine.has(error.code))
            await quarantineFile(
              folder,
              checkpointPath(cycle, stage),
              { code: error.code, reason: error.message },
              files,
            );
          throw error;
        }
      }),

    writeCheckpoint: (frame) => inTurn(() => write(folder, current, frame, files)),
    supersede: (cycle, stage) => inTurn(() => supersede(folder, cycle, stage, stage === "fineTuning", files)),

    list: () => listEntries(folder, run, files),
    item: (key) => items.get(key),
    async addItem(stage, key, value) {
      await lock.check();
      const record: ItemRecord = { type: "item", stage, key, value };
      await journal.append(record);
      items.set(key, value);
    },
    appendEvent: (event) => events.append(event),

    writeFile: (path, content) =>
      inTurn(async () => {
        checkRelative(path);
        if (isReserved(path)) throw new TypeError(`${path} has a writer of its own`);
        await inside(folder, path, files);
        await ensureFolder(dirname(join(folder, path)), files);
        await writeDurably(join(folder, path), content, files, path);
      }),
    hashFiles: (below) => hashesBelow(folder, below, files),

    readReview: () =>
      inTurn(async () => {
        try {
          return await readReview(folder, files);
        } catch (error) {
          if (error instanceof UserError && error.code === "E_REVIEW_FILE")
            await quarantineFile(folder, reviewName, { code: error.code, reason: error.message }, files);
          throw error;
        }
      }),
    writeReview: (review) =>
      inTurn(async () => {
        await inside(folder, reviewName, files);
        await writeDurably(join(folder, reviewName), encodeReview(review), files);
      }),

    listSuperseded: () => listSuperseded(folder, files),
    restoreSuperseded: (path) =>
      inTurn(async () => {
        const entry = await readSuperseded(folder, run, path, files);
        await bringBack(folder, entry, files);
        // The fingerprint counts how often the stage was asked to run afresh; without this it would not fit.
        await replaceFile({
          ...current,
          attempts: { ...current.attempts, [`${entry.cycle}/${entry.stage}`]: entry.attempt },
        });
      }),

    close() {
      closing ??= closeAll();
      return closing;
    },
  };

  async function closeAll(): Promise<void> {
    await turn;
    const closed = await Promise.allSettled([events.close(), journal.close()]);
    await lock.release();
    for (const each of closed) if (each.status === "rejected") throw each.reason;
  }
}

async function write(
  folder: string,
  { id, attempts }: RunFile,
  frame: CheckpointFrame,
  files: FileLayer,
): Promise<void> {
  const { cycle, stage } = frame;
  const output = stageOutputSchemas[stage].parse(frame.output);
  if (hashOf(output) !== frame.outputHash) throw new TypeError(`the output hash of ${stage} is not that of its output`);
  const path = checkpointPath(cycle, stage);
  const text = encodeCheckpoint({ frame, attempt: attempts[`${cycle}/${stage}`] ?? 0 });
  // What is acknowledged must be readable: the reader has the last word before anything is written.
  decodeCheckpoint(Buffer.from(text), { run: id, cycle, stage }, path);
  const { facts } = await inside(folder, path, files);
  await ensureFolder(join(folder, cycleFolder(cycle)), files);
  if (stage === "fineTuning")
    await checkAdapter(folder, output as StageOutputs["fineTuning"], cycle, adapterPath(cycle), files, true);
  // The adapter in place belongs to the new checkpoint already, so only the old file moves. The same file may be
  // there from a writer that died before it could say so; it is written again, because it may not be durable.
  const same =
    facts?.kind === "file" &&
    (
      await readWhole(files, join(folder, path)).catch((error: unknown) => Promise.reject(readError(error, path)))
    ).equals(Buffer.from(text));
  if (!same) await supersede(folder, cycle, stage, false, files);
  await writeDurably(join(folder, path), text, files, path);
}

const unfinishedName = new RegExp(`\\.[0-9a-f]{12}\\${unfinishedEnding}$`);

/** Deletes what was being written when the last writer died; none of it was acknowledged. */
async function removeUnfinished(folder: string, files: FileLayer): Promise<void> {
  const folders = ["", quarantineName, ...Array.from({ length: mostCycles }, (_, index) => cycleFolder(index + 1))];
  for (const each of folders) {
    const facts = each === "" ? null : (await inside(folder, each, files)).facts;
    if (each !== "" && facts?.kind !== "folder") continue;
    try {
      for (const name of await files.readdir(join(folder, each)))
        if (unfinishedName.test(name)) await files.unlink(join(folder, each, name));
    } catch (error) {
      throw writeError(error, each || "the run", 0);
    }
  }
}
