/** What to change when a training does not fit into memory: one rung after the other, each in a new process. */

/** The part of a training spec that decides how much memory it takes. */
export interface MemoryNeeds {
  /** Rows computed at once at most; null leaves it to the job. The rows of a step stay the same. */
  microBatch: number | null;
  /** Computes activations again instead of keeping them. */
  gradientCheckpointing: boolean;
  /** `paged8bit`: states of 8 bits that may leave the GPU while its memory is short. */
  optimizer: "float32" | "paged8bit";
  /** Keeps the table of embeddings in main memory while training on a GPU. */
  embeddingsOnCpu: boolean;
  maxLength: number;
  device: "auto" | "cpu" | "cuda";
}

export interface Rung {
  /** For people, after "The training goes on ". */
  name: string;
  /** With all that the rungs before it changed. */
  needs: MemoryNeeds;
}

const onGpu = ({ device }: MemoryNeeds): boolean => device !== "cpu";

/** In order. `applies` is false where a rung is in force already, or where it saves nothing. */
const rungs: readonly { name: string; applies: (needs: MemoryNeeds) => boolean; change: Partial<MemoryNeeds> }[] = [
  { name: "one row at a time", applies: ({ microBatch }) => microBatch !== 1, change: { microBatch: 1 } },
  {
    name: "with gradient checkpointing",
    applies: ({ gradientCheckpointing }) => !gradientCheckpointing,
    change: { gradientCheckpointing: true },
  },
  {
    name: "with a paged 8-bit optimizer",
    applies: (needs) => onGpu(needs) && needs.optimizer !== "paged8bit",
    change: { optimizer: "paged8bit" },
  },
  {
    name: "with the embeddings in main memory",
    applies: (needs) => onGpu(needs) && !needs.embeddingsOnCpu,
    change: { embeddingsOnCpu: true },
  },
  // Below 256 too few references fit to be worth it.
  ...[512, 384, 256].map((length) => ({
    name: `with rows of at most ${length} tokens`,
    applies: ({ maxLength }: MemoryNeeds) => maxLength > length,
    change: { maxLength: length },
  })),
  { name: "on the CPU", applies: onGpu, change: { device: "cpu", optimizer: "float32", embeddingsOnCpu: false } },
];

/** All rungs above `start`, lowest first. */
export function rungsAbove(start: MemoryNeeds): Rung[] {
  let needs = start;
  const above: Rung[] = [];
  for (const { name, applies, change } of rungs) {
    if (!applies(needs)) continue;
    needs = { ...needs, ...change };
    above.push({ name, needs });
  }
  return above;
}
