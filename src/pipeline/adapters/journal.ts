/** The journal of a run: records appended one a line, each durable before it is acknowledged. */
import { join } from "node:path";
import { replaceOnce, reasonOf, SyncFailed, writeAllAndSync, writeDurably } from "./durableFile.ts";
import { readWhole, type FileLayer, type OpenFile } from "./fileLayer.ts";
import { readJournal, seal, sealAll, type JournalContent } from "./journalLines.ts";
import { quarantineBytes } from "./quarantine.ts";
import { inside, journalName } from "./runPaths.ts";
import { readError, writeError } from "./storageError.ts";

export interface Journal {
  /**
   * Resolves when the record is durable. Records that wait at the same time share one fsync.
   * @throws UserError E_DISK_FULL, E_STORAGE, E_READ_ONLY; the journal then takes nothing more until it is opened again.
   */
  append(record: unknown): Promise<void>;
  /** Waits for what was appended. */
  close(): Promise<void>;
}

/** Reads a run's journal without changing it; a missing one is empty. */
export async function loadJournal(
  folder: string,
  run: string,
  files: FileLayer,
): Promise<JournalContent & { exists: boolean; whole: boolean }> {
  const { path, facts } = await inside(folder, journalName, files);
  try {
    const bytes = facts ? await readWhole(files, path) : Buffer.alloc(0);
    return { ...readJournal(bytes, run), exists: facts !== null, whole: bytes.length === 0 || bytes.at(-1) === 0x0a };
  } catch (error) {
    throw readError(error, journalName);
  }
}

/** What a person is told about a repaired journal. */
function noticeOf({ damaged, untrusted, torn, records }: JournalContent, aside: string): string {
  const said: string[] = [];
  if (damaged.length > 0) {
    const lines =
      damaged.length === 1 ? `Line ${damaged[0]}` : `${damaged.length} lines, the first being line ${damaged[0]},`;
    const lost = untrusted > 0 ? ` ${untrusted} after it cannot be shown to belong there.` : "";
    said.push(`E_JOURNAL_CORRUPT: ${lines} of ${journalName} did not verify.${lost}`);
  }
  if (torn) said.push(`The last line of ${journalName} was cut off before it was acknowledged.`);
  return `${said.join(" ")} ${records.length} lines are in use; the rest is kept in ${aside}.`;
}

/**
 * Opens for appending; the caller holds the run's lock. Damage goes to the quarantine and is reported, and
 * the journal is written afresh with what verifies.
 * @returns the journal and the records it held.
 */
export async function openJournal(
  folder: string,
  run: string,
  files: FileLayer,
  onNotice: (text: string) => void,
): Promise<{ journal: Journal; records: unknown[] }> {
  const path = join(folder, journalName);
  const content = await loadJournal(folder, run, files);
  const { lines, link } = sealAll(content.records, run);
  if (content.aside.length > 0) {
    const why =
      content.damaged.length > 0
        ? { code: "E_JOURNAL_CORRUPT", reason: `line ${content.damaged[0]} did not verify` }
        : { code: "torn", reason: "the last line was cut off" };
    const aside = await quarantineBytes(folder, journalName, content.aside, why, files);
    onNotice(noticeOf(content, aside));
  }
  if (content.aside.length > 0 || !content.exists || !content.whole)
    await writeDurably(path, textOf(lines), files, journalName);
  try {
    return { journal: await appendTo(path, lines, link, files), records: content.records };
  } catch (error) {
    throw writeError(error, journalName, 0);
  }
}

const textOf = (lines: readonly string[]): Buffer => Buffer.from(lines.map((line) => `${line}\n`).join(""));

interface Waiting {
  text: string;
  resolve(): void;
  reject(error: unknown): void;
}

async function appendTo(path: string, kept: string[], firstFreeLink: string, files: FileLayer): Promise<Journal> {
  let file = await files.open(path, "append");
  let size: number;
  try {
    size = await file.size();
  } catch (error) {
    await file.close().catch(() => {});
    throw error;
  }
  let link = firstFreeLink;
  let waiting: Waiting[] = [];
  let running: Promise<void> | null = null;
  let failure: unknown = null;

  const commit = async (bytes: Buffer, batch: readonly Waiting[]) => {
    try {
      await writeAllAndSync(file, bytes, size);
    } catch (error) {
      if (!(error instanceof SyncFailed)) {
        // Half a line helps nobody; if it cannot be cut off, the next opening sets it aside.
        await file.truncate(size).catch(() => {});
        throw error;
      }
      file = await rewrite(path, [...kept, ...batch.map(({ text }) => text)], file, files);
    }
    size += bytes.length;
  };

  const drain = async () => {
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      const bytes = textOf(batch.map(({ text }) => text));
      try {
        if (failure) throw failure;
        await commit(bytes, batch);
        for (const { text } of batch) kept.push(text);
        for (const { resolve } of batch) resolve();
      } catch (error) {
        failure ??= writeError(reasonOf(error), journalName, bytes.length, savedText(kept));
        for (const { reject } of batch) reject(failure);
      }
    }
    running = null;
  };

  return {
    append(record) {
      if (failure) return Promise.reject(failure);
      const line = seal(record, link);
      link = line.sum;
      return new Promise((resolve, reject) => {
        waiting.push({ text: line.text, resolve, reject });
        running ??= drain();
      });
    },
    async close() {
      await running;
      await file.close();
    },
  };
}

/** "37 finished items are saved." Records of other kinds are none of a person's items. */
function savedText(lines: readonly string[]): string {
  const items = lines.filter((line) => line.includes('"type":"item"')).length;
  return items === 1 ? "1 finished item is saved." : `${items} finished items are saved.`;
}

/** After a failed fsync the old file cannot be trusted: everything goes into a new one, once. */
async function rewrite(path: string, lines: readonly string[], old: OpenFile, files: FileLayer): Promise<OpenFile> {
  await old.close().catch(() => {});
  await replaceOnce(path, textOf(lines), files);
  return files.open(path, "append");
}

/**
 * A journal under another run's id: the records stay, the chain starts anew. For restoring a backup.
 * @returns null when the journal does not verify to its end.
 */
export function rechained(bytes: Buffer, from: string, to: string): Buffer | null {
  const content = readJournal(bytes, from);
  if (content.aside.length > 0) return null;
  const renamed = content.records.map((record) => {
    const { type, file } = record as { type?: unknown; file?: object };
    return type === "run" ? { type, file: { ...file, id: to } } : record;
  });
  return textOf(sealAll(renamed, to).lines);
}
