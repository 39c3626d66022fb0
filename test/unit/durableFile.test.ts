import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { UserError } from "../../src/protocol/errors.ts";
import { ensureFolder, writeDurably, writePiecesDurably } from "../../src/pipeline/adapters/durableFile.ts";
import { faultKinds, faultyFiles, type FaultyFiles } from "../fakes/faultyFiles.ts";
import { freshFolder } from "../fakes/runs.ts";

const caught = async (work: Promise<unknown>): Promise<UserError> => {
  const error = await work.then(
    () => null,
    (each: unknown) => each,
  );
  expect(error).toBeInstanceOf(UserError);
  return error as UserError;
};

const kinds = ({ operations }: FaultyFiles) => operations.map(({ name }) => name);

describe("writeDurably", () => {
  it("writes, fsyncs, counts, renames and fsyncs the folder, in this order", async () => {
    const folder = freshFolder();
    const files = faultyFiles();
    await writeDurably(join(folder, "a.json"), "content", files);
    expect(kinds(files)).toEqual(["open", "write", "sync", "size", "rename", "syncFolder"]);
    expect(files.operations[4]?.to).toBe(join(folder, "a.json"));
    expect(files.operations[5]?.path).toBe(folder);
    expect(readFileSync(join(folder, "a.json"), "utf8")).toBe("content");
  });

  it.each(faultKinds)(
    "with %s at every operation, leaves the old file or the new one, whole, and a named error",
    async (kind) => {
      const old = "old content";
      const fresh = "new content, which is longer than the old";
      let faults = 0;
      for (let at = 1; ; at++) {
        const folder = freshFolder();
        const path = join(folder, "a.json");
        writeFileSync(path, old);
        const files = faultyFiles({ kind, at });
        const error = await writeDurably(path, fresh, files).then(
          () => null,
          (each: unknown) => each,
        );
        if (!files.met()) break;
        faults += 1;
        const content = readFileSync(path, "utf8");
        if (error === null) expect(content).toBe(fresh);
        else {
          expect(error).toBeInstanceOf(UserError);
          expect((error as UserError).code).toBe(
            { ENOSPC: "E_DISK_FULL", EACCES: "E_READ_ONLY", EROFS: "E_READ_ONLY" }[kind as string] ?? "E_STORAGE",
          );
          expect([old, fresh]).toContain(content);
        }
        expect(readdirSync(folder)).toEqual(["a.json"]);
      }
      expect(faults).toBe(kind === "short" ? 1 : 6);
    },
  );

  it("goes on until every byte is written when the system takes only half each time", async () => {
    const path = join(freshFolder(), "a.json");
    const files = faultyFiles({ kind: "short", at: 1, times: 1000 });
    const content = "x".repeat(1000);
    await writeDurably(path, content, files);
    expect(readFileSync(path, "utf8")).toBe(content);
    expect(kinds(files).filter((name) => name === "write").length).toBeGreaterThan(8);
  });

  it("never fsyncs a file again after a failure: it writes it afresh, once", async () => {
    const path = join(freshFolder(), "a.json");
    const files = faultyFiles({ kind: "EIO", at: 1, among: ({ name }) => name === "sync" });
    await writeDurably(path, "content", files);
    const synced = files.operations.filter(({ name }) => name === "sync").map((operation) => operation.path);
    expect(synced).toHaveLength(2);
    expect(new Set(synced).size).toBe(2);
    expect(readFileSync(path, "utf8")).toBe("content");
  });

  it("stops with E_STORAGE when the second fsync fails as well, and keeps the old file", async () => {
    const folder = freshFolder();
    const path = join(folder, "a.json");
    writeFileSync(path, "old");
    const files = faultyFiles({ kind: "EIO", at: 1, times: 99, among: ({ name }) => name === "sync" });
    const error = await caught(writeDurably(path, "content", files));
    expect([error.code, error.message]).toEqual([
      "E_STORAGE",
      "a.json could not be saved: the disk reports an error (EIO).",
    ]);
    expect(files.operations.filter(({ name }) => name === "sync")).toHaveLength(2);
    expect(readFileSync(path, "utf8")).toBe("old");
    expect(readdirSync(folder)).toEqual(["a.json"]);
  });

  it("says on a full disk how much is needed", async () => {
    const files = faultyFiles({ kind: "ENOSPC", at: 1, among: ({ name }) => name === "write" });
    const error = await caught(writeDurably(join(freshFolder(), "a.json"), "x".repeat(2_345_678), files));
    expect([error.code, error.message]).toEqual([
      "E_DISK_FULL",
      "The disk is full. a.json needs 2.4 MB; free about 3.4 MB.",
    ]);
  });

  it("notices a file that is shorter than what was written", async () => {
    const path = join(freshFolder(), "a.json");
    const files = faultyFiles();
    const open = files.open;
    files.open = async (...given) => ({ ...(await open(...given)), size: async () => 3 });
    expect((await caught(writeDurably(path, "content", files))).code).toBe("E_STORAGE");
    expect(existsSync(path)).toBe(false);
  });

  it("names what the real file system refuses: a name too long, a folder that is gone", async () => {
    const folder = freshFolder();
    expect((await caught(writeDurably(join(folder, "x".repeat(300)), "content"))).message).toContain(
      "its path is too long (ENAMETOOLONG)",
    );
    expect((await caught(writeDurably(join(folder, "gone", "a"), "content"))).message).toContain(
      "its folder is gone (ENOENT)",
    );
  });

  it("works under a path of more than 240 characters", async () => {
    const folder = join(freshFolder(), "d".repeat(120), "e".repeat(120));
    await ensureFolder(folder);
    await writeDurably(join(folder, "a.json"), "content");
    expect(readFileSync(join(folder, "a.json"), "utf8")).toBe("content");
  });
});

describe("writePiecesDurably", () => {
  it("leaves the old file when the pieces fail on the way", async () => {
    const folder = freshFolder();
    const path = join(folder, "a.bin");
    writeFileSync(path, "old");
    async function* pieces() {
      yield Buffer.from("half");
      throw new Error("no more");
    }
    await expect(writePiecesDurably(path, pieces())).rejects.toThrow("no more");
    expect([readFileSync(path, "utf8"), readdirSync(folder)]).toEqual(["old", ["a.bin"]]);
  });
});
