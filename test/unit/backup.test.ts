import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { UserError } from "../../src/protocol/errors.ts";
import { backupRun } from "../../src/pipeline/adapters/backup.ts";
import { createCheckpointStore } from "../../src/pipeline/adapters/checkpointStore.ts";
import { restoreBackup } from "../../src/pipeline/adapters/restoreBackup.ts";
import type { FileRunStore } from "../../src/pipeline/adapters/runStore.ts";
import { sha256, stableJson } from "../../src/pipeline/hash.ts";
import { fakeFrame, fillRun } from "../fakes/checkpoints.ts";
import { faultKinds, faultyFiles } from "../fakes/faultyFiles.ts";
import { mutations } from "../fakes/mutator.ts";
import { below, seededRandom } from "../fakes/random.ts";
import { fakeRunFile, freshFolder } from "../fakes/runs.ts";

let root: string;
let run: FileRunStore;
let target: string;
const at = (path: string) => join(root, "runs", "run-1", path);

const refused = async (work: Promise<unknown>): Promise<UserError> => {
  const error = await work.then(
    () => null,
    (each: unknown) => each,
  );
  expect(error).toBeInstanceOf(UserError);
  return error as UserError;
};
const runsIn = (folder: string) => (readdirSync(folder).includes("runs") ? readdirSync(join(folder, "runs")) : []);

beforeEach(async () => {
  root = freshFolder();
  target = join(freshFolder(), "run.backup");
  run = await createCheckpointStore(root).create(fakeRunFile());
  await fillRun(run, at(""));
  mkdirSync(at("cycle-1/adapter/training/step-5"), { recursive: true });
  writeFileSync(at("cycle-1/adapter/training/step-5/optimizer.safetensors"), "large");
});
afterEach(() => run.close());

describe("a backup", () => {
  it("brings the run back elsewhere: items, checkpoints, adapter, report and what was superseded", async () => {
    const result = await backupRun(run, target);
    expect(result).toMatchObject({ files: 11, leftOut: [] });
    const other = freshFolder();
    expect(await restoreBackup(target, other)).toBe("run-1");
    const restored = await createCheckpointStore(other).open("run-1");
    expect(restored.item("k1")).toEqual({ text: "Über" });
    expect((await restored.readCheckpoint(1, "fineTuning"))?.frame).toEqual(fakeFrame("run-1", 1, "fineTuning", "one"));
    expect((await restored.listSuperseded()).map(({ stage }) => stage)).toEqual(["references"]);
    for (const file of ["report.md", "cycle-1/adapter/adapter.gguf", "cycle-1/references.json"])
      expect(readFileSync(join(restored.folder, file))).toEqual(readFileSync(at(file)));
    expect(readdirSync(join(restored.folder, "cycle-1/adapter"))).not.toContain("training");
    await restored.close();
  });

  it("gets a new id where its own is taken, and everything in it verifies under that id", async () => {
    await backupRun(run, target);
    expect(await restoreBackup(target, root)).toBe("run-1-2");
    expect(await restoreBackup(target, root)).toBe("run-1-3");
    const restored = await createCheckpointStore(root).open("run-1-2");
    expect(restored.file).toEqual({ ...run.file, id: "run-1-2" });
    expect(restored.item("k1")).toEqual({ text: "Über" });
    expect((await restored.list()).map(({ state }) => state)).toEqual(["ok", "ok"]);
    expect((await restored.readCheckpoint(1, "fineTuning"))?.frame.run).toBe("run-1-2");
    await restored.restoreSuperseded((await restored.listSuperseded())[0]?.file ?? "");
    await restored.close();
    expect((await run.readCheckpoint(1, "references"))?.frame.run).toBe("run-1");
  });

  it("leaves out what does not verify, and names it", async () => {
    writeFileSync(
      at("cycle-1/references.json"),
      readFileSync(at("cycle-1/references.json"), "utf8").replace("Über one", "Über 0ne"),
    );
    const { leftOut } = await backupRun(run, target);
    expect(leftOut).toEqual([
      "cycle-1/references.json: E_CKPT_CORRUPT: cycle-1/references.json does not match its own checksum.",
    ]);
    const other = freshFolder();
    await restoreBackup(target, other);
    expect((await createCheckpointStore(other).checkpoints("run-1")).map(({ stage }) => stage)).toEqual(["fineTuning"]);
  });

  it("holds large files in pieces", async () => {
    const big = Buffer.from(Array.from({ length: 60_000 }, (_, index) => sha256(String(index))).join(""));
    await run.writeFile("big.txt", big.toString());
    await backupRun(run, target);
    const other = freshFolder();
    await restoreBackup(target, other);
    expect(readFileSync(join(other, "runs/run-1/big.txt")).equals(big)).toBe(true);
  });
});

describe("a bad backup", () => {
  const repack = (change: (lines: string[]) => string[]) =>
    writeFileSync(
      target,
      gzipSync(
        change(gunzipSync(readFileSync(target)).toString().trimEnd().split("\n"))
          .map((line) => `${line}\n`)
          .join(""),
      ),
    );
  const header = (
    change: (header: { files: { path: string; size: number; sha256: string }[]; version: number }) => void,
  ) =>
    repack(([first = "", ...rest]) => {
      const parsed = JSON.parse(first);
      change(parsed);
      return [stableJson(parsed), ...rest];
    });

  it("damaged in 150 ways restores nothing, or exactly what was saved", async () => {
    await backupRun(run, target);
    const good = readFileSync(target);
    const random = seededRandom(3);
    let errors = 0;
    for (let round = 0; round < 150; round++) {
      const kind = (["bitFlip", "delete", "double", "truncate", "zeroed", "nul"] as const)[round % 6] as string;
      writeFileSync(target, mutations[kind]?.(good, random, { older: good, foreign: good, sibling: good }) ?? good);
      const other = freshFolder();
      const error = await restoreBackup(target, other).then(
        () => null,
        (each: unknown) => each,
      );
      if (error === null) {
        for (const file of ["run.json", "report.md", "cycle-1/fineTuning.json", "cycle-1/adapter/adapter.gguf"])
          expect(readFileSync(join(other, "runs/run-1", file))).toEqual(readFileSync(at(file)));
        continue;
      }
      errors += 1;
      expect((error as UserError).code, `${kind} in round ${round}: ${String(error)}`).toBe("E_BACKUP");
      expect(runsIn(other)).toEqual([]);
    }
    expect(errors).toBeGreaterThan(120);
  });

  it.each<[string, (lines: string[]) => string[], string]>([
    [
      "changed content",
      (lines) =>
        lines.map((line, index) =>
          index === 2 ? line.replace(/"data":"(.)/, (_all, first) => `"data":"${first === "A" ? "B" : "A"}`) : line,
        ),
      "does not match its hash",
    ],
    ["a missing end", (lines) => lines.slice(0, -1), "its end is missing"],
    [
      "more than it lists",
      (lines) => [...lines.slice(0, -1), '{"data":"QUJD"}', ...lines.slice(-1)],
      "it holds more than it lists",
    ],
    ["something after its end", (lines) => [...lines, '{"data":"QUJD"}'], "something follows its end"],
    [
      "a line of another kind",
      (lines) => [lines[0] as string, '{"data":"QUJD","more":1}', ...lines.slice(1)],
      "is not what `distillery backup` writes",
    ],
    ["nothing in it", () => [], "it is"],
    [
      "a later format",
      (lines) => [(lines[0] as string).replace('"version":1', '"version":12'), ...lines.slice(1)],
      "another version of Distillery",
    ],
  ])("with %s says so", async (_name, change, said) => {
    await backupRun(run, target);
    repack(change);
    const other = freshFolder();
    const error = await refused(restoreBackup(target, other));
    expect([error.code, error.message]).toEqual(["E_BACKUP", expect.stringContaining(said)]);
    expect(runsIn(other)).toEqual([]);
  });

  it("that is no backup at all is named", async () => {
    writeFileSync(target, "hello");
    expect((await refused(restoreBackup(target, freshFolder()))).message).toBe(
      "This backup cannot be restored: it is damaged or no gzip file.",
    );
    expect((await refused(restoreBackup(join(freshFolder(), "missing"), freshFolder()))).code).toBe("E_STORAGE");
  });

  it("with paths that lead out writes nothing", async () => {
    for (const path of ["../../escape", "/escape", "C:\\escape", "cycle-1/../../../escape", "a\0b"]) {
      await backupRun(run, target);
      header(({ files }) => void ((files[0] as { path: string }).path = path));
      const other = freshFolder();
      expect((await refused(restoreBackup(target, other))).code).toBe("E_PATH_OUTSIDE");
      expect(readdirSync(other)).toEqual([]);
    }
  });

  it("with one path twice, in two spellings, is refused", async () => {
    await backupRun(run, target);
    header(({ files }) =>
      files.push({
        ...(files[0] as { path: string; size: number; sha256: string }),
        path: (files[0]?.path ?? "").toUpperCase(),
      }),
    );
    expect((await refused(restoreBackup(target, freshFolder()))).message).toContain("twice");
  });

  it("that claims more than the disk has is refused before anything is written", async () => {
    await backupRun(run, target);
    header(({ files }) => void ((files[0] as { size: number }).size = 2 ** 50));
    const other = freshFolder();
    expect((await refused(restoreBackup(target, other))).code).toBe("E_DISK_FULL");
    expect(runsIn(other)).toEqual([]);
  });

  it("with checkpoints of another run in it is refused", async () => {
    await backupRun(run, target);
    header((each) => void ((each as unknown as { run: string }).run = "run-7"));
    expect((await refused(restoreBackup(target, freshFolder()))).message).toBe(
      "This backup cannot be restored: run.json belongs to the run run-1.",
    );
  });
});

it.each([...faultKinds])(
  "%s while restoring: no run appears, the error is named, and the next try works",
  async (kind) => {
    await backupRun(run, target);
    const random = seededRandom(9);
    let faults = 0;
    // Every operation would take minutes in fsyncs; steps of 1 to 5 reach each kind of operation many times.
    for (let nth = 1; ; nth += 1 + below(random, 5)) {
      const other = freshFolder();
      const files = faultyFiles({ kind, at: nth });
      const result = await restoreBackup(target, other, files).catch((error: unknown) => error);
      if (!files.met()) break;
      faults += 1;
      if (result instanceof Error) {
        expect(result, String(result)).toBeInstanceOf(UserError);
        // A lock file that could not be removed is all that may fail after the run appeared.
        if (runsIn(other).length === 0) expect(await restoreBackup(target, other)).toBe("run-1");
      } else expect(result).toBe("run-1");
    }
    expect(faults).toBeGreaterThan(kind === "short" ? 2 : 15);
  },
  120_000,
);
