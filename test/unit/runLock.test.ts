import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { UserError } from "../../src/protocol/errors.ts";
import { nodeFiles } from "../../src/pipeline/adapters/fileLayer.ts";
import { processStart } from "../../src/pipeline/adapters/processIdentity.ts";
import { acquireRunLock, isRunLocked } from "../../src/pipeline/adapters/runLock.ts";
import { amount, tell } from "../fakes/amounts.ts";
import { faultKinds, faultyFiles } from "../fakes/faultyFiles.ts";
import { freshFolder } from "../fakes/runs.ts";

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

function contender(folder: string, rounds = 1, atOnce = 1) {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL("../fakes/lockContender.ts", import.meta.url)), folder, String(rounds), String(atOnce)],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  children.push(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    child,
    next: () => child.stdin.write("\n"),
    said: async () => JSON.parse((await lines.next()).value as string) as string[],
  };
}

const refused = async (folder: string): Promise<UserError> => {
  const error = await acquireRunLock(folder, nodeFiles).then(
    () => null,
    (each: unknown) => each,
  );
  expect(error).toBeInstanceOf(UserError);
  return error as UserError;
};

const note = (folder: string, holder: object, name = "other") => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, `${name}.json`),
    JSON.stringify({
      pid: process.pid,
      started: null,
      host: hostname(),
      token: name,
      since: new Date().toISOString(),
      ...holder,
    }),
  );
};

describe("a run's lock", () => {
  it("says who holds it and since when, and is free again after release", async () => {
    const folder = join(freshFolder(), "locks", "run-1");
    const lock = await acquireRunLock(folder, nodeFiles);
    const error = await refused(folder);
    expect(error.code).toBe("E_RUN_LOCKED");
    const since = new Date(lock.holder.since);
    const time = [since.getHours(), since.getMinutes()].map((part) => String(part).padStart(2, "0")).join(":");
    expect(error.message).toBe(`This run is open in another window (pid ${process.pid}, since ${time}).`);
    await lock.release();
    await (await acquireRunLock(folder, nodeFiles)).release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it("names the day when that was not today, and the other machine", async () => {
    const folder = freshFolder();
    note(folder, { host: "elsewhere", pid: 4711, since: "2020-02-03T10:32:00.000Z" });
    expect((await refused(folder)).message).toMatch(
      /^This run is open on another machine \(elsewhere, pid 4711, since 2020-02-0\d \d\d:\d2\)\.$/,
    );
  });

  it("is taken over from a process that was killed, at once", async () => {
    const folder = freshFolder();
    const first = contender(folder);
    first.next();
    expect(await first.said()).toEqual(["held"]);
    expect((await refused(join(folder, "0-0"))).message).toContain(`pid ${first.child.pid},`);
    first.child.kill("SIGKILL");
    await once(first.child, "exit");
    const lock = await acquireRunLock(join(folder, "0-0"), nodeFiles);
    expect(readdirSync(join(folder, "0-0"))).toHaveLength(1);
    await lock.release();
  });

  it("is not held by a new process that got the old one's number, nor by one from before the last start", async () => {
    const reused = freshFolder();
    note(reused, { started: "another-boot:1" });
    await (await acquireRunLock(reused, nodeFiles)).release();
    const before = freshFolder();
    note(before, { started: null, since: "2001-01-01T00:00:00.000Z" });
    await (await acquireRunLock(before, nodeFiles)).release();
    const same = freshFolder();
    note(same, { started: await processStart(process.pid) });
    // Older than a candidate that is about to step back.
    utimesSync(join(same, "other.json"), new Date(), new Date(Date.now() - 1000));
    expect((await refused(same)).code).toBe("E_RUN_LOCKED");
  });

  it("is not held where the system knows of no such process", async () => {
    expect(await processStart(2 ** 30)).toBeNull();
    const folder = freshFolder();
    note(folder, { pid: 2 ** 30, started: null });
    await (await acquireRunLock(folder, nodeFiles)).release();
  });

  it("of another machine counts as dead after two minutes without a beat; one that cannot be read after some seconds", async () => {
    const folder = freshFolder();
    note(folder, { host: "elsewhere" });
    utimesSync(join(folder, "other.json"), new Date(), new Date(Date.now() - 60_000));
    expect((await refused(folder)).code).toBe("E_RUN_LOCKED");
    utimesSync(join(folder, "other.json"), new Date(), new Date(Date.now() - 180_000));
    writeFileSync(join(folder, "torn.json"), '{"pid":');
    utimesSync(join(folder, "torn.json"), new Date(), new Date(Date.now() - 10_000));
    await (await acquireRunLock(folder, nodeFiles)).release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it("is seen without being asked for: held here, on another machine, by nobody", async () => {
    const folder = join(freshFolder(), "locks", "run-1");
    const seen = () => isRunLocked(folder, nodeFiles);
    expect(await seen()).toBe(false);
    const lock = await acquireRunLock(folder, nodeFiles);
    expect(await seen()).toBe(true);
    await lock.release();
    expect(await seen()).toBe(false);
    note(folder, { pid: 2 ** 30, started: null }, "dead");
    expect(await seen()).toBe(false);
    note(folder, { host: "elsewhere", pid: 2 ** 30 });
    expect(await seen()).toBe(true);
    expect(readdirSync(folder).toSorted()).toEqual(["dead.json", "other.json"]);
  });

  it("says so when it was lost", async () => {
    const folder = freshFolder();
    const lock = await acquireRunLock(folder, nodeFiles);
    await lock.check();
    await nodeFiles.unlink(join(folder, readdirSync(folder)[0] ?? ""));
    await expect(lock.check()).rejects.toMatchObject({ code: "E_RUN_LOCKED" });
    await lock.release();
  });

  const atOnce = 20;
  const rounds = Math.ceil(amount("LOCK_RACES", 200) / atOnce);
  it(`with ${rounds * atOnce} races of two processes has one winner each`, { timeout: rounds * 18_000 }, async () => {
    const folder = freshFolder();
    const both = [contender(folder, rounds, atOnce), contender(folder, rounds, atOnce)] as const;
    for (let round = 0; round < rounds; round++) {
      for (const { next } of both) next();
      const [one = [], other = []] = await Promise.all(both.map((each) => each.said()));
      one.forEach((said, index) => {
        const pair = [said, other[index] as string];
        expect(
          pair.filter((each) => each === "held"),
          pair.join(" / "),
        ).toHaveLength(1);
        expect(pair.find((each) => each !== "held")).toMatch(/^E_RUN_LOCKED This run is open in another window/);
      });
      expect(one).toHaveLength(atOnce);
      for (const { next } of both) next();
    }
    tell("races for a lock", { tried: rounds * atOnce, winners: rounds * atOnce });
  });

  it.each(faultKinds)(
    "with %s at every operation either is taken or names the error, and leaves no lock behind",
    async (kind) => {
      let faults = 0;
      for (let at = 1; ; at++) {
        const folder = join(freshFolder(), "locks");
        const files = faultyFiles({ kind, at });
        const release = async (lock: { release(): Promise<void> }) => {
          const error = await lock.release().then(
            () => null,
            (each: unknown) => each,
          );
          if (error === null) return;
          expect(error).toBeInstanceOf(UserError);
          await lock.release();
        };
        const error = await acquireRunLock(folder, files)
          .then(release)
          .then(
            () => null,
            (each: unknown) => each,
          );
        if (!files.met()) break;
        faults += 1;
        if (error !== null) expect(error).toBeInstanceOf(UserError);
        await release(await acquireRunLock(folder, nodeFiles));
      }
      expect(faults).toBeGreaterThanOrEqual(kind === "short" ? 1 : 7);
    },
  );
});
