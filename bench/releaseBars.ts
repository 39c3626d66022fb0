/** What a release tries, and in which test. In order: what is quick first. */

export interface Bar {
  /** The test: its file, and words of its title. */
  file: string;
  title: string;
  /** The variable of the environment that holds its number, the number with each change, and a release's. */
  variable: string;
  usual: number;
  release: number;
  /** How many faults one of them stands for, where that is not one. */
  each?: number;
}

export const bars: Record<string, Bar> = {
  races: {
    file: "test/unit/runLock.test.ts",
    title: "races of two processes",
    variable: "LOCK_RACES",
    usual: 200,
    release: 2_000,
  },
  mix: {
    file: "test/unit/faultMix.test.ts",
    title: "every question is answered or named",
    variable: "MIX_SEEDS",
    usual: 1,
    release: 3,
    each: 1_000,
  },
  heads: {
    file: "test/unit/ggufCheck.test.ts",
    title: "damaged files",
    variable: "DAMAGED_HEADS",
    usual: 500,
    release: 10_000,
  },
  resumes: {
    file: "trainer/tests/test_resume.py",
    title: "test_a_stopped_training",
    variable: "RESUME_POINTS",
    usual: 3,
    release: 30,
  },
  orphans: {
    file: "test/unit/orphan.test.ts",
    title: "kills at random moments",
    variable: "ORPHAN_KILLS",
    usual: 50,
    release: 500,
  },
  weights: {
    file: "trainer/tests/test_hostile.py",
    title: "test_damaged",
    variable: "HOSTILE_WEIGHTS",
    usual: 60,
    release: 1_000,
  },
  runFiles: {
    file: "test/unit/checkpointDamage.test.ts",
    title: "mutated run files",
    variable: "MUTATED_RUN_FILES",
    usual: 200,
    release: 5_000,
  },
  journals: {
    file: "test/unit/journal.test.ts",
    title: "mutated journals",
    variable: "MUTATED_JOURNALS",
    usual: 500,
    release: 10_000,
  },
  checkpoints: {
    file: "test/unit/checkpointDamage.test.ts",
    title: "mutated checkpoints",
    variable: "MUTATED_CHECKPOINTS",
    usual: 500,
    release: 20_000,
  },
  storageKills: {
    file: "test/crash/storage.test.ts",
    title: "kills at random moments",
    variable: "STORAGE_KILLS",
    usual: 200,
    release: 1_500,
  },
  states: {
    file: "test/crash/crashStates.test.ts",
    title: "power cuts at every operation",
    variable: "CRASH_RECORDINGS",
    usual: 1,
    release: 20,
    each: 1_000,
  },
  runKills: {
    file: "test/crash/pipeline.test.ts",
    title: "loses nothing over",
    variable: "PIPELINE_KILLS",
    usual: 200,
    release: 1_500,
  },
  models: {
    file: "test/models/hostileModels.test.ts",
    title: "damaged GGUF files",
    variable: "HOSTILE_FILES",
    usual: 60,
    release: 1_000,
  },
  boundaries: {
    file: "test/pipeline/boundaries.test.ts",
    title: "survives a kill at every stage boundary",
    variable: "BOUNDARY_ROUNDS",
    usual: 1,
    release: 10,
    each: 5,
  },
};
