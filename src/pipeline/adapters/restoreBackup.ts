/** A backup becomes a run again. Everything is unpacked and verified out of sight before the run appears. */
import { createHash } from "node:crypto";
import { rm, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UserError } from "../../protocol/errors.ts";
import { badBackup, openBackup, type BackupHeader } from "./backupFormat.ts";
import { encodeCheckpoint, encodeRunFile, type Checkpoint } from "./checkpointFile.ts";
import { checkpointNames, readRunFile, readVerified } from "./checkpointReader.ts";
import { locksName, prepareRoot, runsName, unfinishedRun } from "./checkpointStore.ts";
import { ensureFolder, moveDurably, reasonOf, writeAll, writeAllAndSync, writeDurably } from "./durableFile.ts";
import { nodeFiles, readWhole, withFile, type FileLayer } from "./fileLayer.ts";
import { rechained } from "./journal.ts";
import { acquireRunLock } from "./runLock.ts";
import { checkRelative, inside, journalName, runFileName } from "./runPaths.ts";
import { readError, readableBytes, writeError } from "./storageError.ts";
import { listSuperseded, readSuperseded } from "./superseded.ts";

/**
 * Restores `source` below `root`, under a new id ("name-2") when its own is taken.
 * @returns the run's id.
 * @throws UserError E_BACKUP, E_PATH_OUTSIDE, E_DISK_FULL, E_READ_ONLY, E_STORAGE, E_RUN_LOCKED; no run appears then.
 */
export async function restoreBackup(source: string, root: string, files: FileLayer = nodeFiles): Promise<string> {
  const { header, pieces, close } = await openBackup(source);
  try {
    checkPaths(header);
    return await restore(header, pieces, root, files);
  } finally {
    await close();
  }
}

async function restore(
  header: BackupHeader,
  pieces: AsyncGenerator<Buffer>,
  root: string,
  files: FileLayer,
): Promise<string> {
  await prepareRoot(root, files);
  await checkSpace(root, header);
  const id = await freeId(root, header.run, files);
  const lock = await acquireRunLock(join(root, locksName, id), files);
  let unfinished = "";
  try {
    unfinished = await unfinishedRun(root, id, files);
    await unpack(unfinished, header, pieces, files);
    await verifyAndRename(unfinished, header.run, id, files);
    if ((await inside(root, `${runsName}/${id}`, files)).facts) throw badBackup(`a run ${id} appeared meanwhile`);
    await moveDurably(unfinished, join(root, runsName, id), files);
    return id;
  } catch (error) {
    if (unfinished) await rm(unfinished, { recursive: true, force: true });
    throw error;
  } finally {
    await lock.release();
  }
}

function checkPaths({ files }: BackupHeader): void {
  const seen = new Set<string>();
  for (const { path } of files) {
    checkRelative(path);
    // Some file systems take names that differ in case for the same file.
    const folded = path.normalize("NFC").toLowerCase();
    if (seen.has(folded)) throw badBackup(`it holds ${JSON.stringify(path)} twice`);
    seen.add(folded);
  }
  if (!seen.has(runFileName)) throw badBackup(`it holds no ${runFileName}`);
}

async function checkSpace(root: string, { files }: BackupHeader): Promise<void> {
  const needed = files.reduce((sum, { size }) => sum + size, 0);
  const { bavail, bsize } = await statfs(root);
  if (needed > bavail * bsize)
    throw new UserError(
      "E_DISK_FULL",
      `The backup needs ${readableBytes(needed)}, but only ${readableBytes(bavail * bsize)} are free.`,
    );
}

async function freeId(root: string, wanted: string, files: FileLayer): Promise<string> {
  for (let count = 1; ; count++) {
    const ending = count === 1 ? "" : `-${count}`;
    const id = wanted.slice(0, 64 - ending.length) + ending;
    if (!(await inside(root, `${runsName}/${id}`, files)).facts) return id;
  }
}

/** Writes the files one after the other; sizes and hashes have to be those of the header. */
async function unpack(
  folder: string,
  header: BackupHeader,
  pieces: AsyncGenerator<Buffer>,
  files: FileLayer,
): Promise<void> {
  let left: Buffer = Buffer.alloc(0);
  const folders = new Set<string>([folder]);
  for (const { path, size, sha256 } of header.files) {
    const target = join(folder, path);
    const hash = createHash("sha256");
    await ensureFolder(dirname(target), files);
    folders.add(dirname(target));
    try {
      await withFile(files, target, "create", async (file) => {
        for (let written = 0; written < size;) {
          if (left.length === 0) {
            const next = await pieces.next();
            if (next.done) throw badBackup(`${path} is cut off`);
            left = next.value;
          }
          const part = left.subarray(0, size - written);
          left = left.subarray(part.length);
          hash.update(part);
          await writeAll(file, part);
          written += part.length;
        }
        await writeAllAndSync(file, new Uint8Array(0), size);
      });
    } catch (error) {
      throw writeError(reasonOf(error), path, size);
    }
    if (hash.digest("hex") !== sha256) throw badBackup(`${path} does not match its hash`);
  }
  if (left.length > 0 || !(await pieces.next()).done) throw badBackup("it holds more than it lists");
  for (const each of folders)
    await files.syncFolder(each).catch((error: unknown) => Promise.reject(writeError(error, "the restored run", 0)));
}

/** Every checkpoint, adapter and journal line must verify; then, where the id is taken, they are written under the new one. */
async function verifyAndRename(folder: string, from: string, to: string, files: FileLayer): Promise<void> {
  try {
    const file = await readRunFile(folder, from, files);
    const found: [string, Checkpoint][] = [];
    for (const { cycle, stage, file: path } of await checkpointNames(folder, files)) {
      const checkpoint = await readVerified(folder, from, cycle, stage, files);
      if (checkpoint) found.push([path, checkpoint]);
    }
    for (const { file: path } of await listSuperseded(folder, files))
      found.push([path, await readSuperseded(folder, from, path, files)]);
    const journal = (await inside(folder, journalName, files)).facts
      ? await wholeJournal(folder, files)
      : Buffer.alloc(0);
    const renamed = rechained(journal, from, to);
    if (!renamed) throw badBackup(`${journalName} does not verify`);
    if (from === to) return;
    await writeDurably(join(folder, runFileName), encodeRunFile({ ...file, id: to }), files);
    await writeDurably(join(folder, journalName), renamed, files);
    for (const [path, { frame, attempt }] of found)
      await writeDurably(join(folder, path), encodeCheckpoint({ frame: { ...frame, run: to }, attempt }), files, path);
  } catch (error) {
    // Whatever is wrong with a file of the backup, to a person the backup is what is bad.
    if (error instanceof UserError && /^E_(CKPT|ARTEFACT|PATH)/.test(error.code))
      throw badBackup(error.message.replace(/\.$/, ""));
    throw error;
  }
}

async function wholeJournal(folder: string, files: FileLayer): Promise<Buffer> {
  try {
    return await readWhole(files, join(folder, journalName));
  } catch (error) {
    throw readError(error, journalName);
  }
}
