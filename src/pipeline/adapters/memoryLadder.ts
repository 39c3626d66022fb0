/** What to change when a training runs out of memory: one rung after the other, each in a new process. */

/** The part of a training spec that decides how much memory it takes. */
export interface MemoryNeeds {
  /** Rows computed at once at most; null leaves it to the job. The rows of a step stay the same. */
  microBatch: number | null;
  /** Computes activations again instead of keeping them. */
  gradientCheckpointing: boolean;
  maxLength: number;
  device: "auto" | "cpu" | "cuda";
}

interface Rung {
  /** For people, after "The training goes on ". */
  name(): string;
  /** Null when the rung is in force already. */
  climb(needs: MemoryNeeds): MemoryNeeds | null;
}

/** A length is left alone when it is this short already: below 256 too few references fit to be worth it. */
const rowsOfAtMost = (length: number): Rung => ({
  name: () => `with rows of at most ${length} tokens`,
  climb: (needs) => (needs.maxLength <= length ? null : { ...needs, maxLength: length }),
});

const rungs: readonly Rung[] = [
  {
    name: () => "one row at a time",
    climb: (needs) => (needs.microBatch === 1 ? null : { ...needs, microBatch: 1 }),
  },
  {
    name: () => "with gradient checkpointing",
    climb: (needs) => (needs.gradientCheckpointing ? null : { ...needs, gradientCheckpointing: true }),
  },
  rowsOfAtMost(512),
  rowsOfAtMost(384),
  rowsOfAtMost(256),
  {
    name: () => "on the CPU",
    climb: (needs) => (needs.device === "cpu" ? null : { ...needs, device: "cpu" }),
  },
];

/** Steps through the rungs in order, each at most once; undefined when none is left. */
export function createMemoryLadder(): (needs: MemoryNeeds) => { needs: MemoryNeeds; name: string } | undefined {
  const left = [...rungs];
  return (needs) => {
    for (let rung = left.shift(); rung; rung = left.shift()) {
      const changed = rung.climb(needs);
      if (changed) return { needs: changed, name: rung.name() };
    }
    return undefined;
  };
}
