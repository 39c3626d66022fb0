import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { stageIds } from "../../src/protocol/model.ts";
import { createCheckpointStore } from "../../src/pipeline/adapters/checkpointStore.ts";
import { probeQuestions } from "../../src/pipeline/probe.ts";
import { rerunFrom } from "../../src/pipeline/run.ts";
import { fakeParts } from "../fakes/parts.ts";
import { computed, fakeRunFile, freshFolder, openRun, play } from "../fakes/runs.ts";

const allOf = (cycle: number) => stageIds.map((stage) => `${cycle}/${stage}`);

describe("a run of one cycle", () => {
  it("computes every stage once and leaves a checkpoint for each, and a report", async () => {
    const root = freshFolder();
    const { events } = await play(root, fakeRunFile());
    expect(computed(events).sort()).toEqual(allOf(1).sort());
    const entries = await createCheckpointStore(root).checkpoints("run-1");
    expect(entries.map(({ stage, state }) => `${stage} ${state}`).sort()).toEqual(
      stageIds.map((id) => `${id} ok`).sort(),
    );
    const report = readFileSync(join(root, "runs/run-1/report.md"), "utf8");
    expect(report).toContain("semantic_similarity on reworded questions went from");
    expect(report).toContain("| reworded | semantic_similarity |");
    expect(JSON.parse(readFileSync(join(root, "runs/run-1/report.json"), "utf8")).comparison.headline.tier).toBe(
      "reworded",
    );
  });

  it("reuses everything the second time and calls nothing", async () => {
    const root = freshFolder();
    await play(root, fakeRunFile());
    const again = await play(root, fakeRunFile());
    expect(computed(again.events)).toEqual([]);
    expect(Object.values(again.parts.calls).every((count) => count === 0)).toBe(true);
  });

  it("splits tiers: three wordings each, one rewording, and unseen questions from untouched sections", async () => {
    const root = freshFolder();
    await play(root, fakeRunFile());
    const store = await openRun(root, fakeRunFile());
    const { output } = (await store.readCheckpoint(1, "questions")) ?? { output: undefined };
    await store.close();
    const tier = (name: string) => output?.questions.filter((question) => question.tier === name) ?? [];
    expect([tier("train").length, tier("reworded").length, tier("unseen").length]).toEqual([24, 8, 2]);
    const unseen = new Set(output?.sections.filter((section) => section.unseen).map(({ id }) => id));
    expect(tier("unseen").every(({ section }) => unseen.has(section))).toBe(true);
    expect(tier("train").some(({ section }) => unseen.has(section))).toBe(false);
    expect(tier("train").filter(({ part }) => part === "test")).toHaveLength(8);
  });
});

describe("stages beside each other", () => {
  /** The stages that began before an earlier one had ended, with what they ran beside. */
  async function overlaps(judge: boolean, oneAfterAnother: boolean): Promise<string[]> {
    const judged = { ...fakeParts(2), oneAfterAnother };
    judged.evaluator = { ...judged.evaluator, judge: judge ? "fake-judge" : null };
    const { events } = await play(freshFolder(), fakeRunFile({ judge }), { parts: judged });
    const open = new Set<string>();
    return events.flatMap((event) => {
      if (event.type === "stageFinished") open.delete(event.stage);
      if (event.type !== "stageStarted") return [];
      const beside = [...open];
      open.add(event.stage);
      return beside.map((other) => [other, event.stage].toSorted().join(" + "));
    });
  }

  it("asks the teacher while the student answers, and lets a judge score while the student trains", async () => {
    expect(await overlaps(false, false)).toEqual(["baselineAnswers + references"]);
    expect(await overlaps(true, false)).toContain("baselineEvaluation + fineTuning");
    expect(await overlaps(true, true)).toEqual([]);
  });
});

describe("stop and resume", () => {
  it.each(["questions", "baselineAnswers", "references", "fineTuning", "tunedAnswers", "tunedEvaluation"] as const)(
    "stopped during %s, the next start does only the rest",
    async (stage) => {
      const root = freshFolder();
      const stop = new AbortController();
      const first = fakeParts();
      await expect(
        play(root, fakeRunFile(), {
          signal: stop.signal,
          parts: first,
          onEvent: (event) => {
            const hit =
              event.type === "loss"
                ? stage === "fineTuning"
                : "stage" in event && event.stage === stage && event.type === "stageProgress" && event.done >= 2;
            if (hit) stop.abort();
          },
        }),
      ).rejects.toMatchObject({ code: "E_STOPPED" });
      const second = await play(root, fakeRunFile());
      const whole = await play(freshFolder(), fakeRunFile());
      const together = { ...first.calls };
      for (const key of Object.keys(together) as (keyof typeof together)[]) together[key] += second.parts.calls[key];
      const { trainings, ...items } = together;
      const { trainings: _, ...expected } = whole.parts.calls;
      expect(items).toEqual(expected);
      expect(trainings).toBe(stage === "fineTuning" ? 2 : 1);
    },
  );

  it("goes on after a stage failed, without repeating its finished items", async () => {
    const root = freshFolder();
    const broken = fakeParts();
    const generate = broken.student.generate.bind(broken.student);
    let left = 5;
    broken.student.generate = (...args) => (left-- > 0 ? generate(...args) : Promise.reject(new Error("planted")));
    await expect(play(root, fakeRunFile(), { parts: broken })).rejects.toThrow("planted");
    const again = await play(root, fakeRunFile());
    const whole = await play(freshFolder(), fakeRunFile());
    expect(again.parts.calls.answers).toBe(whole.parts.calls.answers - 5);
  });
});

describe("what depends on what", () => {
  it("answers and trains nothing again when only the metric of the verdict changes", async () => {
    const root = freshFolder();
    await play(root, fakeRunFile());
    const store = await openRun(root, fakeRunFile());
    await store.updateFile((file) => ({ ...file, settings: { ...file.settings, primaryMetric: "rouge_score" } }));
    await store.close();
    expect(computed((await play(root, fakeRunFile())).events)).toEqual(["1/comparison"]);
  });

  it("retrains, and only retrains, when the learning rate changes; the baseline is kept", async () => {
    const root = freshFolder();
    await play(root, fakeRunFile());
    const store = await openRun(root, fakeRunFile());
    await store.updateFile((file) => ({
      ...file,
      settings: { ...file.settings, training: { ...file.settings.training, learningRate: 1e-4 } },
    }));
    await store.close();
    expect(computed((await play(root, fakeRunFile())).events)).toEqual([
      "1/fineTuning",
      "1/tunedAnswers",
      "1/tunedEvaluation",
      "1/comparison",
    ]);
  });

  it("re-runs from a stage with fresh work and keeps the old checkpoints as superseded", async () => {
    const root = freshFolder();
    await play(root, fakeRunFile());
    const store = await createCheckpointStore(root).open("run-1");
    await rerunFrom(store, 1, "baselineAnswers");
    const superseded = await store.listSuperseded();
    await store.close();
    expect(superseded.map(({ stage }) => stage).sort()).toEqual([
      "baselineAnswers",
      "baselineEvaluation",
      "comparison",
    ]);
    const again = await play(root, fakeRunFile());
    expect(computed(again.events)).toEqual(["1/baselineAnswers", "1/baselineEvaluation", "1/comparison"]);
    expect(again.parts.calls.answers).toBe(18 + probeQuestions.length);
  });

  it("puts a damaged checkpoint into quarantine, says so and runs its stage again on the finished items", async () => {
    const root = freshFolder();
    await play(root, fakeRunFile());
    const file = join(root, "runs/run-1/cycle-1/tunedAnswers.json");
    writeFileSync(file, readFileSync(file, "utf8").replace("good", "evil"));
    const again = await play(root, fakeRunFile());
    expect(computed(again.events)).toEqual(["1/tunedAnswers"]);
    expect(again.parts.calls.answers).toBe(0);
    expect(again.events.some((event) => event.type === "notice" && event.text.includes("E_CKPT_CORRUPT"))).toBe(true);
  });
});

it.each(["adapter.gguf", "adapter_model.safetensors"])("trains again when %s is gone, and says so", async (file) => {
  const root = freshFolder();
  await play(root, fakeRunFile());
  const adapter = join(root, "runs/run-1/cycle-1/adapter");
  expect(existsSync(join(adapter, "training"))).toBe(false);
  rmSync(join(adapter, file));
  const again = await play(root, fakeRunFile());
  expect(again.parts.calls.trainings).toBe(1);
  expect(again.parts.calls.answers).toBe(0);
  expect(existsSync(join(adapter, file))).toBe(true);
  expect(again.events.some((event) => event.type === "notice" && event.text.includes("E_ARTEFACT_MISSING"))).toBe(true);
});

describe("three cycles", () => {
  it("accumulate questions, score dev each time and open the test part once, at the end", async () => {
    const root = freshFolder();
    const { parts, events } = await play(root, fakeRunFile({ cycles: 3, questions: 4 }));
    expect(computed(events)).toHaveLength(24);
    expect(parts.calls.trainings).toBe(3);
    const store = await openRun(root, fakeRunFile());
    const cycles = await Promise.all(
      [1, 2, 3].map(async (cycle) => ({
        questions: (await store.readCheckpoint(cycle, "questions"))?.output.questions ?? [],
        tuned: Object.keys((await store.readCheckpoint(cycle, "tunedAnswers"))?.output.arms.tuned.answers ?? {}),
        comparison: (await store.readCheckpoint(cycle, "comparison"))?.output,
      })),
    );
    await store.close();
    expect(cycles.map(({ questions }) => questions.filter(({ tier }) => tier === "train").length)).toEqual([
      12, 24, 36,
    ]);
    const parted = cycles.map(
      ({ questions, tuned }) => new Set(tuned.map((id) => questions.find((question) => question.id === id)?.part)),
    );
    expect(parted.map((set) => [...set].sort())).toEqual([["dev"], ["dev"], ["dev", "test"]]);
    expect(cycles[2]?.comparison?.cycles.map(({ cycle, succeeded }) => [cycle, succeeded])).toEqual([
      [1, true],
      [2, true],
      [3, true],
    ]);
    expect(cycles[2]?.comparison?.headline.part).toBe("test");
    // The baseline answers each question once over the whole run: 12 dev, 12 recall, 12 test and 1 unseen.
    const baseline = 12 + 12 + 12 + 1;
    const tunedAnswers = 4 + 8 + 12 + 12 + 12 + 1;
    // The general questions are asked once of each student, in the last cycle.
    expect(parts.calls.answers).toBe(baseline + tunedAnswers + 2 * probeQuestions.length);
  });
});
