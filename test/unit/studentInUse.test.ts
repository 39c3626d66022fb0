import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { formerStudent, whyChosen } from "../../src/pipeline/adoption.ts";
import { createCheckpointStore } from "../../src/pipeline/adapters/checkpointStore.ts";
import { adoptedStudent, createStudentInUse } from "../../src/pipeline/adapters/studentInUse.ts";
import { checkBase, tunedOfRun } from "../../src/pipeline/adapters/tunedStudents.ts";
import { sha256 } from "../../src/pipeline/hash.ts";
import type { TunedStudent } from "../../src/pipeline/ports.ts";
import type { RunEvent } from "../../src/protocol/events.ts";
import { runSettingsSchema } from "../../src/protocol/run.ts";
import { faultyFiles } from "../fakes/faultyFiles.ts";
import { fakeParts, spoiltParts } from "../fakes/parts.ts";
import { computed, fakeRunFile, freshFolder, play } from "../fakes/runs.ts";

const { student, template, sampling, seed } = runSettingsSchema.parse({});

/** A tuned student whose adapter lies somewhere outside the root. */
function made(run: string, content = `adapter of ${run}`): TunedStudent {
  const adapterGguf = join(freshFolder(), "adapter.gguf");
  writeFileSync(adapterGguf, content);
  return {
    run,
    cycle: 1,
    adapterHash: sha256(content),
    model: "fake-student",
    settings: { student, template, sampling, seed },
    domain: { name: "Mill", version: "1" },
    score: null,
    adapterGguf,
  };
}
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => "none",
    (error: { code?: string }) => error.code,
  );

describe("the student in use", () => {
  it("is nobody at first, and reading writes nothing", async () => {
    const root = join(freshFolder(), ".distillery");
    expect(await createStudentInUse(root).read()).toMatchObject({ current: null, history: [] });
    expect(await adoptedStudent(root, fakeRunFile())).toBeNull();
    expect(existsSync(root)).toBe(false);
  });

  it("is kept with all that asking it takes, outlives its run, and the file names no path", async () => {
    const root = freshFolder();
    const inUse = createStudentInUse(root);
    const one = made("one");
    expect(await inUse.adopt(one)).toBe(true);
    rmSync(one.adapterGguf);
    const { current, history } = await inUse.read();
    expect(current).toEqual({ run: "one", cycle: 1, adapterHash: one.adapterHash });
    expect(history).toMatchObject([{ kind: "gate", from: null, to: current, why: "gate passed" }]);
    const kept = await inUse.kept(current!);
    expect(kept).toEqual({ ...one, adapterGguf: join(root, "students", one.adapterHash.slice(0, 12), "adapter.gguf") });
    const { adapterGguf } = kept;
    const id = `fake-student+${one.adapterHash.slice(0, 12)}`;
    expect(await adoptedStudent(root, fakeRunFile())).toEqual({ id, adapterGguf });
    // Its own run, or one with another template, has nobody to be compared with.
    expect(await adoptedStudent(root, fakeRunFile({}, "one"))).toBeNull();
    expect((await adoptedStudent(root, fakeRunFile({ template: "phi" })))?.id).toBe("fake-student, chatml");
    expect(readFileSync(join(root, "student.json"), "utf8")).not.toContain(root);
    expect(() => checkBase(kept, "fake-student")).not.toThrow();
    expect(() => checkBase(kept, "another")).toThrow(/belongs to fake-student/);
  });

  it("a roll back restores the former adapter, byte-identical, in under a second", async () => {
    const root = freshFolder();
    const inUse = createStudentInUse(root);
    // As large as the adapter of a 135M student.
    const bytes = Buffer.alloc(20 * 1024 * 1024, "former adapter ");
    const [former, later] = [made("former", ""), made("later")];
    writeFileSync(former.adapterGguf, bytes);
    await inUse.adopt({ ...former, adapterHash: sha256(bytes) });
    await inUse.adopt(later);
    expect((await inUse.read()).current?.run).toBe("later");
    rmSync(former.adapterGguf);
    const began = performance.now();
    const { from, to } = await inUse.rollBack();
    const milliseconds = performance.now() - began;
    console.log(`rolled back to an adapter of 20 MiB in ${milliseconds.toFixed(0)} ms`);
    expect(milliseconds).toBeLessThan(1000);
    expect([from.run, to.run]).toEqual(["later", "former"]);
    const { current, history } = await inUse.read();
    expect(current).toEqual(to);
    expect(readFileSync((await inUse.kept(to)).adapterGguf).equals(bytes)).toBe(true);
    expect(history.map(({ kind }) => kind)).toEqual(["gate", "gate", "rollback"]);
    // There is nobody before the first one.
    expect(await codeOf(inUse.rollBack())).toBe("E_USAGE");
    expect((await inUse.read()).current).toEqual(to);
  });

  it("two roll backs go back two steps, and a choice in between is a step of its own", async () => {
    const inUse = createStudentInUse(freshFolder());
    const [a, b, c] = [made("a"), made("b"), made("c")];
    await inUse.adopt(a);
    await inUse.adopt(b);
    await inUse.choose(c, whyChosen(null));
    expect((await inUse.rollBack()).to.run).toBe("b");
    expect((await inUse.rollBack()).to.run).toBe("a");
    await inUse.choose(
      await inUse.kept({ run: "b", cycle: 1, adapterHash: b.adapterHash }),
      "chosen by hand, from the history",
    );
    expect(formerStudent((await inUse.read()).history)?.run).toBe("a");
  });

  it("what a person chose is not undone by the same cycle passing its gate again", async () => {
    const inUse = createStudentInUse(freshFolder());
    await inUse.adopt(made("a"));
    await inUse.adopt(made("b"));
    await inUse.rollBack();
    expect(await inUse.adopt(made("b"))).toBe(false);
    expect((await inUse.read()).current?.run).toBe("a");
  });

  it("two writers at once both come through", async () => {
    const root = freshFolder();
    const names = ["a", "b", "c", "d"];
    await Promise.all(names.map((name) => createStudentInUse(root).adopt(made(name))));
    const { history } = await createStudentInUse(root).read();
    expect(history.map(({ to }) => to.run).sort()).toEqual(names);
    for (const [index, { from }] of history.entries()) expect(from).toEqual(history[index - 1]?.to ?? null);
  });
});

describe("faults", () => {
  it("whatever operation fails, the file is the old or the new one, and the student it names verifies", async () => {
    const before = freshFolder();
    await createStudentInUse(before).adopt(made("a"));
    for (const kind of ["EIO", "death"] as const)
      for (let at = 1; ; at++) {
        const root = freshFolder();
        cpSync(before, root, { recursive: true });
        const files = faultyFiles({ kind, at });
        const code = await codeOf(createStudentInUse(root, { files }).adopt(made("b")));
        const { current } = await createStudentInUse(root).read();
        if (code === "none") expect(current?.run).toBe("b");
        expect((await createStudentInUse(root).kept(current!)).run).toBe(current?.run);
        rmSync(root, { recursive: true });
        if (!files.met()) break;
      }
  });

  it("a damaged file is told to a reader, and set aside by the next writer", async () => {
    const root = freshFolder();
    const notices: string[] = [];
    const inUse = createStudentInUse(root, { onNotice: (text) => notices.push(text) });
    await inUse.adopt(made("a"));
    const file = join(root, "student.json");
    const sound = readFileSync(file, "utf8");
    for (const bad of [
      "{",
      sound.replace('"gate passed"', '"gate failed"'),
      sound.replace('"cycle": 1', '"cycle": 0'),
    ]) {
      writeFileSync(file, bad);
      expect(await codeOf(inUse.read())).toBe("E_STUDENT_FILE");
      expect(readFileSync(file, "utf8")).toBe(bad);
    }
    await inUse.choose(made("b"), whyChosen(null));
    expect((await inUse.read()).history).toMatchObject([{ from: null, to: { run: "b" } }]);
    expect(notices[0]).toContain("E_STUDENT_FILE");
    expect(readdirSync(join(root, "quarantine"))).toHaveLength(2);
  });

  it("a file of a later version is refused and left alone", async () => {
    const root = freshFolder();
    const inUse = createStudentInUse(root);
    await inUse.adopt(made("a"));
    const file = join(root, "student.json");
    const newer = readFileSync(file, "utf8").replace('"version": 1', '"version": 2');
    writeFileSync(file, newer);
    expect(await codeOf(inUse.read())).toBe("E_CKPT_NEWER");
    expect(await codeOf(inUse.adopt(made("b")))).toBe("E_CKPT_NEWER");
    expect(readFileSync(file, "utf8")).toBe(newer);
  });

  it("a kept adapter that was changed answers nobody and is no goal of a roll back", async () => {
    const root = freshFolder();
    const inUse = createStudentInUse(root);
    const a = made("a");
    await inUse.adopt(a);
    await inUse.adopt(made("b"));
    const kept = join(root, "students", a.adapterHash.slice(0, 12));
    writeFileSync(join(kept, "adapter.gguf"), "changed");
    expect(await codeOf(inUse.rollBack())).toBe("E_ARTEFACT_MISMATCH");
    expect((await inUse.read()).current?.run).toBe("b");
    // The same adapter taken from its run again replaces the damaged copy, which is set aside.
    await inUse.choose(a, whyChosen(null));
    expect(readFileSync(join(kept, "adapter.gguf"), "utf8")).toBe("adapter of a");
    writeFileSync(join(kept, "facts.json"), "{}");
    expect(await codeOf(inUse.kept({ run: "a", cycle: 1, adapterHash: a.adapterHash }))).toBe("E_STUDENT_FILE");
    rmSync(kept, { recursive: true });
    expect(await codeOf(inUse.kept({ run: "a", cycle: 1, adapterHash: a.adapterHash }))).toBe("E_ARTEFACT_MISSING");
  });

  it("an adapter that is not the one the run names is not taken into use", async () => {
    const root = freshFolder();
    const inUse = createStudentInUse(root);
    const changed = made("a");
    writeFileSync(changed.adapterGguf, "another");
    expect(await codeOf(inUse.adopt(changed))).toBe("E_ARTEFACT_MISMATCH");
    expect((await inUse.read()).current).toBeNull();
  });
});

describe("a run", () => {
  it("takes each cycle that passes into use, says so, and does it once", async () => {
    const root = freshFolder();
    const studentInUse = createStudentInUse(root);
    const file = fakeRunFile({ cycles: 2 });
    const { events } = await play(root, file, { studentInUse });
    expect((await studentInUse.read()).history.map(({ to, kind }) => [to.cycle, kind])).toEqual([
      [1, "gate"],
      [2, "gate"],
    ]);
    const notices = events.flatMap((event) => (event.type === "notice" ? [event.text] : []));
    expect(notices.filter((text) => text.includes("is the student in use now"))).toHaveLength(2);
    const { gate } = events.findLast((event) => event.type === "runFinished") as RunEvent & { type: "runFinished" };
    expect(gate).toMatch(/^Gate passed: .*of the student in use \(cycle 1\), n = 8/);
    await studentInUse.rollBack();
    await play(root, file, { studentInUse });
    expect((await studentInUse.read()).current?.cycle).toBe(1);
    expect(readFileSync(join(root, "runs/run-1/report.md"), "utf8")).toContain("Gate passed: ");
  });

  it("with a worse adapter leaves the former student in use; by hand it can be used all the same, recorded", async () => {
    const root = freshFolder();
    const studentInUse = createStudentInUse(root);
    await play(root, fakeRunFile(), { studentInUse });
    const before = await studentInUse.read();
    await play(root, fakeRunFile({ training: { rank: 8 } }, "run-2"), { studentInUse, parts: spoiltParts() });
    expect(await studentInUse.read()).toEqual(before);
    const { student: worse, gate } = await tunedOfRun(createCheckpointStore(root), "run-2");
    expect(gate).toMatchObject({ passed: false, part: "test" });
    await studentInUse.choose(worse, whyChosen(gate));
    const { current, history } = await studentInUse.read();
    expect(current?.run).toBe("run-2");
    expect(history.at(-1)?.why).toMatch(
      /^chosen by hand, although the gate said: Gate not passed: the verdict on the test part is “worse”/,
    );
    // The former student's run may be gone; its adapter is not.
    const adapter = readFileSync(join(root, "runs/run-1/cycle-1/adapter/adapter.gguf"));
    rmSync(join(root, "runs/run-1"), { recursive: true });
    const { to } = await studentInUse.rollBack();
    expect(readFileSync((await studentInUse.kept(to)).adapterGguf).equals(adapter)).toBe(true);
  });

  it("is measured against the student of an earlier run where that one answers as an arm, also when it goes on later", async () => {
    const root = freshFolder();
    const studentInUse = createStudentInUse(root);
    await play(root, fakeRunFile(), { studentInUse });
    const file = fakeRunFile({ arms: ["adopted"], training: { rank: 8 } }, "run-2");
    const parts = async () => ({ ...fakeParts(), adopted: await adoptedStudent(root, file) });
    await play(root, file, { studentInUse, parts: await parts() });
    const { gate } = await tunedOfRun(createCheckpointStore(root), "run-2");
    expect(gate?.sentence).toMatch(/^Gate passed: .*of the student in use \(of an earlier run\), n = 8/);
    expect((await studentInUse.read()).current?.run).toBe("run-2");
    // Its own student is in use by now, and is not what it is compared with.
    const again = await play(root, file, { studentInUse, parts: await parts() });
    expect(computed(again.events)).toEqual([]);
  });

  it.each(["strict", "never"])("of rule %s adopts nothing it cannot be sure of", async (gate) => {
    const root = freshFolder();
    const studentInUse = createStudentInUse(root);
    // Two topics are too few for a verdict.
    await play(root, fakeRunFile({ gate, topics: ["valve", "rotor"], questions: 2 }), { studentInUse });
    expect((await studentInUse.read()).current).toBeNull();
  });

  it("goes on when the student cannot be kept, and says so", async () => {
    const root = freshFolder();
    mkdirSync(join(root, "students"));
    const files = faultyFiles({ kind: "ENOSPC", at: 1, times: 1000, among: ({ name }) => name === "write" });
    const { events } = await play(root, fakeRunFile(), { studentInUse: createStudentInUse(root, { files }) });
    expect(events.some((event) => event.type === "notice" && /E_DISK_FULL.*not taken into use/.test(event.text))).toBe(
      true,
    );
    expect(events.at(-1)?.type).toBe("runFinished");
  });
});
