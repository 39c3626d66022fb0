import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { UserError } from "../../src/protocol/errors.ts";
import { stableJson } from "../../src/pipeline/hash.ts";
import { nodeFiles } from "../../src/pipeline/adapters/fileLayer.ts";
import { loadJournal, openJournal, rechained } from "../../src/pipeline/adapters/journal.ts";
import { sealAll } from "../../src/pipeline/adapters/journalLines.ts";
import { amount, faultSeed, tell } from "../fakes/amounts.ts";
import { faultKinds, faultyFiles } from "../fakes/faultyFiles.ts";
import { mutate } from "../fakes/mutator.ts";
import { below, seededRandom } from "../fakes/random.ts";
import { freshFolder } from "../fakes/runs.ts";

const record = (index: number) => ({
  type: "item",
  stage: "references",
  key: `k${index}`,
  value: { text: `Über den Wert ${index} — “so”`, tokens: index },
});
const all = [1, 2, 3, 4, 5, 6].map(record);
const linesOf = (run = "run-1") => sealAll(all, run).lines;
const text = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join("");

let folder: string;
let notices: string[];
const path = () => join(folder, "journal.jsonl");
const open = async (files = nodeFiles) => openJournal(folder, "run-1", files, (notice) => notices.push(notice));
const opened = async (content: string | Buffer) => {
  writeFileSync(path(), content);
  const { journal, records } = await open();
  await journal.append(record(99));
  await journal.close();
  // What opening repaired, the next opening finds in order, with the new record readable.
  const again = await loadJournal(folder, "run-1", nodeFiles);
  expect(again.aside).toHaveLength(0);
  expect(again.records).toEqual([...records, record(99)]);
  return records;
};
const setAside = () => {
  const names = readdirSync(join(folder, "quarantine"));
  expect(names.filter((name) => name.endsWith(".reason.json"))).toHaveLength(names.length / 2);
  return readFileSync(join(folder, "quarantine", names.find((name) => !name.endsWith(".reason.json")) ?? ""));
};

beforeEach(() => {
  folder = freshFolder();
  notices = [];
});

describe("a journal", () => {
  it("gives back what was appended, in order", async () => {
    const { journal, records } = await open();
    expect(records).toEqual([]);
    await Promise.all(all.map((each) => journal.append(each)));
    await journal.close();
    expect((await loadJournal(folder, "run-1", nodeFiles)).records).toEqual(all);
    expect(notices).toEqual([]);
  });

  it("lets records that wait at the same time share one fsync", async () => {
    const files = faultyFiles();
    const { journal } = await open(files);
    const before = files.operations.length;
    await Promise.all(Array.from({ length: 500 }, (_, index) => journal.append(record(index))));
    await journal.close();
    const syncs = files.operations.slice(before).filter(({ name }) => name === "sync");
    expect(syncs.length).toBeLessThanOrEqual(2);
    expect((await loadJournal(folder, "run-1", nodeFiles)).records).toHaveLength(500);
  });

  it("acknowledges only after the fsync", async () => {
    const files = faultyFiles();
    const { journal } = await open(files);
    let synced = false;
    const sync = files.operations.length;
    await journal
      .append(record(1))
      .then(() => (synced = files.operations.slice(sync).some(({ name }) => name === "sync")));
    await journal.close();
    expect(synced).toBe(true);
  });

  it("refuses what JSON has no form for, before anything is written", async () => {
    const { journal } = await open();
    expect(() => journal.append({ value: Number.NaN })).toThrow(TypeError);
    await journal.append(record(1));
    await journal.close();
    expect((await loadJournal(folder, "run-1", nodeFiles)).records).toEqual([record(1)]);
  });
});

describe("a torn tail", () => {
  it("is set aside at every length of the last line, inside a letter too; the records before it stay", async () => {
    const whole = Buffer.from(text(linesOf()));
    const lastStart = Buffer.from(text(linesOf().slice(0, 5))).length;
    for (let length = lastStart + 1; length < whole.length - 1; length += 7) {
      folder = freshFolder();
      notices = [];
      expect(await opened(whole.subarray(0, length))).toEqual(all.slice(0, 5));
      expect(notices).toHaveLength(1);
      expect(notices[0]).toContain("The last line of journal.jsonl was cut off before it was acknowledged.");
      expect(setAside().toString("latin1")).toBe(`${whole.subarray(lastStart, length).toString("latin1")}\n`);
    }
  });

  it("is no tail when only the newline is missing", async () => {
    expect(await opened(text(linesOf()).trimEnd())).toEqual(all);
    expect(notices).toEqual([]);
  });
});

describe("a damaged inner line", () => {
  const damage = (line: number, change: (text: string) => string) =>
    text(linesOf().map((each, index) => (index === line - 1 ? change(each) : each)));

  it("is named by its number and set aside; the lines after it that the chain still ties to it are kept", async () => {
    const records = await opened(damage(3, (line) => line.replace("Wert 3", "Wert 8")));
    expect(records).toEqual(all.filter((_, index) => index !== 2));
    expect(notices[0]).toMatch(
      /^E_JOURNAL_CORRUPT: Line 3 of journal\.jsonl did not verify\. 5 lines are in use; the rest is kept in quarantine\/.*journal\.jsonl\.$/,
    );
    expect(setAside().toString()).toContain("Wert 8");
  });

  it("keeps what follows two lines that ran into one", async () => {
    const lines = linesOf();
    const merged = text(lines).replace(`${lines[2]}\n${lines[3]}`, `${lines[2]}*${lines[3]}`);
    expect(await opened(merged)).toEqual(all.filter((_, index) => index !== 2 && index !== 3));
  });

  it("ends all trust when a line is missing, swapped or from elsewhere", async () => {
    const lines = linesOf();
    const foreign = linesOf("run-2");
    const at = (...order: number[]) => text(order.map((index) => lines[index - 1] as string));
    expect(await opened(at(1, 2, 4, 5, 6))).toEqual(all.slice(0, 2));
    expect(notices[0]).toContain("Line 3 of journal.jsonl did not verify. 2 after it cannot be shown to belong there.");
    expect(await opened(at(1, 3, 2, 4, 5, 6))).toEqual(all.slice(0, 1));
    expect(await opened(text([...lines.slice(0, 2), ...foreign.slice(2)]))).toEqual(all.slice(0, 2));
    expect(await opened(text(foreign))).toEqual([]);
  });

  it("takes a doubled line once", async () => {
    const lines = linesOf();
    expect(await opened(text([...lines.slice(0, 3), ...lines.slice(2)]))).toEqual(all);
  });

  it("does not believe a line written in another way, even with equal content", async () => {
    expect(await opened(damage(6, (line) => line.replace('"record":', '"record": ')))).toEqual(all.slice(0, 5));
  });
});

const journals = amount("MUTATED_JOURNALS", 500);
it(
  `${journals} mutated journals: no crash, and never a record that was not written`,
  { timeout: 60_000 + journals * 100 },
  async () => {
    const seed = faultSeed(20260101);
    const random = seededRandom(seed);
    const written = all.map((each) => stableJson(each));
    const others = {
      older: Buffer.from(text(linesOf().slice(0, 4))),
      foreign: Buffer.from(text(linesOf("run-2"))),
      sibling: Buffer.from('{"schema":"distillery-run"}\n'),
    };
    const original = Buffer.from(text(linesOf()));
    let lost = 0;
    let kept = 0;
    for (let round = 0; round < journals; round++) {
      folder = freshFolder();
      notices = [];
      // Half of the rounds damage one line, half the file as a whole.
      const line = below(random, 6);
      const start = Buffer.from(text(linesOf().slice(0, line))).length;
      const end = Buffer.from(text(linesOf().slice(0, line + 1))).length - 1;
      const mutated = mutate(round % 2 ? original : original.subarray(start, end), random, others);
      const bytes =
        round % 2 ? mutated.bytes : Buffer.concat([original.subarray(0, start), mutated.bytes, original.subarray(end)]);
      writeFileSync(path(), bytes);
      const { journal, records } = await open();
      await journal.close();
      const found = records.map((each) => stableJson(each));
      // A subset in the old order, nothing else; whatever is missing was reported, unless the whole file was an older one.
      let from = 0;
      for (const each of found) {
        const at = written.indexOf(each, from);
        expect(at, `${mutated.kind} in round ${round}`).toBeGreaterThanOrEqual(from);
        from = at + 1;
      }
      const silent = ["olderCopy", "empty", "truncate", "delete"].includes(mutated.kind);
      if (found.length < 6 && !silent) expect(notices, `${mutated.kind} in round ${round}`).toHaveLength(1);
      if (notices.length > 0) expect(setAside().length).toBeGreaterThan(0);
      lost += 6 - found.length;
      kept += found.length;
      rmSync(folder, { recursive: true });
    }
    expect(Object.prototype).not.toHaveProperty("polluted");
    expect(lost / journals).toBeGreaterThan(0.6);
    expect(kept / journals).toBeGreaterThan(2);
    tell("mutated journals", { tried: journals, seed, lost, kept });
  },
);

describe("faults", () => {
  it.each([...faultKinds, "death" as const])(
    "%s at every operation: nothing acknowledged is lost, the error is named, resuming works",
    async (kind) => {
      let faults = 0;
      for (let at = 1; ; at++) {
        folder = freshFolder();
        const files = faultyFiles({ kind, at });
        const acknowledged: unknown[] = [];
        const error = await (async () => {
          const { journal } = await open(files);
          try {
            for (const each of all.slice(0, 3)) {
              await journal.append(each);
              acknowledged.push(each);
            }
          } finally {
            await journal.close();
          }
          return null;
        })().catch((each: unknown) => each);
        if (!files.met()) break;
        faults += 1;
        if (error !== null && kind !== "death") expect(error).toBeInstanceOf(UserError);
        const { journal, records } = await open();
        expect(records.slice(0, acknowledged.length)).toEqual(acknowledged);
        expect(all.slice(0, records.length)).toEqual(records);
        for (const each of all.slice(records.length)) await journal.append(each);
        await journal.close();
        expect((await loadJournal(folder, "run-1", nodeFiles)).records).toEqual(all);
      }
      expect(faults).toBeGreaterThanOrEqual(kind === "short" ? 3 : 15);
    },
  );

  it("says on a full disk how many items are saved, and takes nothing more", async () => {
    const files = faultyFiles({ kind: "ENOSPC", at: 4, among: ({ name }) => name === "write" });
    const { journal } = await open(files);
    await journal.append({ type: "run", file: {} });
    for (const index of [1, 2]) await journal.append(record(index));
    // Only one write fails, but what follows a line that is not there would break the chain.
    for (const index of [3, 4])
      await expect(journal.append(record(index))).rejects.toMatchObject({
        code: "E_DISK_FULL",
        message: expect.stringMatching(
          /^The disk is full\. 2 finished items are saved\. journal\.jsonl needs \d+ bytes; free about 1\.1 MB\.$/,
        ),
      });
    await journal.close();
    const { records, aside } = await loadJournal(folder, "run-1", nodeFiles);
    expect([records.slice(1), aside.length]).toEqual([[record(1), record(2)], 0]);
  });

  it("writes everything into a new file when an fsync fails, and stops when that fails too", async () => {
    const syncs = (operation: { name: string; path: string }) =>
      operation.name === "sync" && !operation.path.endsWith(".tmp");
    const once = faultyFiles({ kind: "EIO", at: 2, among: syncs });
    const { journal } = await open(once);
    for (const each of all) await journal.append(each);
    await journal.close();
    expect((await loadJournal(folder, "run-1", nodeFiles)).records).toEqual(all);
    const twice = faultyFiles({ kind: "EIO", at: 1, times: 99, among: ({ name }) => name === "sync" });
    const second = (await open(twice)).journal;
    await expect(second.append(record(7))).rejects.toMatchObject({ code: "E_STORAGE" });
    await expect(second.append(record(8))).rejects.toMatchObject({ code: "E_STORAGE" });
    expect(twice.operations.filter(({ name }) => name === "sync")).toHaveLength(2);
    await second.close();
  });
});

it("gets a new chain under another run's id, and only when it verifies", async () => {
  const file = { type: "run", file: { id: "run-1", seed: 1 } };
  const bytes = Buffer.from(text(sealAll([file, ...all], "run-1").lines));
  const renamed = rechained(bytes, "run-1", "run-9");
  writeFileSync(path(), renamed ?? "");
  expect((await loadJournal(folder, "run-9", nodeFiles)).records).toEqual([
    { type: "run", file: { id: "run-9", seed: 1 } },
    ...all,
  ]);
  expect(rechained(bytes.subarray(0, -3), "run-1", "run-9")).toBeNull();
});
