/** `events.jsonl`: what happened, for the report and a reloaded window. Quick rather than durable: no fsync a line. */
import { stableJson } from "../hash.ts";
import { writeAll } from "./durableFile.ts";
import { withFile, type FileLayer, type OpenFile } from "./fileLayer.ts";
import { eventsName, inside } from "./runPaths.ts";
import { readError, writeError } from "./storageError.ts";

export interface EventLog {
  /** Never throws; a disk that refuses is reported once. */
  append(event: unknown): void;
  close(): Promise<void>;
}

/** Opens the log for appending; a line cut off by a crash is closed, so that the next one is readable. */
export async function openEventLog(
  folder: string,
  files: FileLayer,
  onNotice: (text: string) => void,
): Promise<EventLog> {
  const { path, facts } = await inside(folder, eventsName, files);
  let waiting = (await endsCut(path, facts?.size ?? 0, files)) ? "\n" : "";
  let file: OpenFile;
  try {
    file = await files.open(path, "append");
  } catch (error) {
    throw writeError(error, eventsName, 0);
  }
  let running: Promise<void> | null = null;
  let failed = false;

  const drain = async () => {
    try {
      while (waiting) {
        const bytes = Buffer.from(waiting);
        waiting = "";
        await writeAll(file, bytes);
      }
    } catch (error) {
      failed = true;
      waiting = "";
      const known = writeError(error, eventsName, 0);
      onNotice(`The record of events stops here: ${known instanceof Error ? known.message : String(known)}`);
    }
    running = null;
  };

  return {
    append(event) {
      if (failed) return;
      waiting += `${stableJson(event)}\n`;
      running ??= drain();
    },
    async close() {
      await running;
      await file.close();
    },
  };
}

async function endsCut(path: string, size: number, files: FileLayer): Promise<boolean> {
  if (size === 0) return false;
  const last = Buffer.alloc(1);
  try {
    await withFile(files, path, "read", (file) => file.read(last, size - 1));
  } catch (error) {
    throw readError(error, eventsName);
  }
  return last[0] !== 0x0a;
}
