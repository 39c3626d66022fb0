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
  /** How the frozen weights are held. `auto`: in NF4 on a GPU, unpacked on the CPU. */
  quantization: "auto" | "nf4" | "gguf";
}

export interface Rung {
  /** For people, after "The training goes on ". */
  name: string;
  /** With all that the rungs before it changed. */
  needs: MemoryNeeds;
  /** Names of rungs below that are no longer in force on this one. */
  undone: readonly string[];
}

/** What a job told of itself, and what the training began with. */
interface Known {
  first: MemoryNeeds;
  /** Null as long as no job has said where it trains. */
  device: "cpu" | "cuda" | null;
}

interface Step {
  name: string;
  /** False where the rung is in force already, or where it saves nothing. */
  applies: (needs: MemoryNeeds, known: Known) => boolean;
  change: (known: Known) => Partial<MemoryNeeds>;
  undone?: readonly string[];
}

const onGpu = ({ device }: MemoryNeeds): boolean => device !== "cpu";

const step = (name: string, applies: (needs: MemoryNeeds) => boolean, change: Partial<MemoryNeeds>): Step => ({
  name,
  applies,
  change: () => change,
});

/** They cost time alone: the course of the training is the same. */
const slower: readonly Step[] = [
  step("one row at a time", ({ microBatch }) => microBatch !== 1, { microBatch: 1 }),
  step("with gradient checkpointing", ({ gradientCheckpointing }) => !gradientCheckpointing, {
    gradientCheckpointing: true,
  }),
];

/**
 * Unpacked weights are most of a large model's memory on the CPU: without them, what makes the training slower may not be
 * needed any more. On a GPU they are in NF4 anyway.
 */
const packed: Step = {
  name: "with the weights in NF4",
  applies: ({ quantization, device }, known) =>
    quantization === "auto" && (device === "cpu" || (device === "auto" && known.device !== "cuda")),
  change: ({ first: { microBatch, gradientCheckpointing } }) => ({
    quantization: "nf4",
    microBatch,
    gradientCheckpointing,
  }),
  undone: slower.map(({ name }) => name),
};

/** In order. */
const steps: readonly Step[] = [
  ...slower,
  packed,
  ...slower,
  step("with a paged 8-bit optimizer", (needs) => onGpu(needs) && needs.optimizer !== "paged8bit", {
    optimizer: "paged8bit",
  }),
  step("with the embeddings in main memory", (needs) => onGpu(needs) && !needs.embeddingsOnCpu, {
    embeddingsOnCpu: true,
  }),
  // Below 256 too few references fit to be worth it.
  ...[512, 384, 256].map((length) =>
    step(`with rows of at most ${length} tokens`, ({ maxLength }) => maxLength > length, { maxLength: length }),
  ),
  {
    name: "on the CPU",
    applies: onGpu,
    change: ({ first: { quantization } }) => ({
      device: "cpu",
      optimizer: "float32",
      embeddingsOnCpu: false,
      quantization,
    }),
  },
  packed,
  ...slower,
];

/** All rungs above `start`, lowest first. */
export function rungsAbove(start: MemoryNeeds, known: Known = { first: start, device: null }): Rung[] {
  let needs = start;
  const above: Rung[] = [];
  for (const { name, applies, change, undone = [] } of steps) {
    if (!applies(needs, known)) continue;
    needs = { ...needs, ...change(known) };
    above.push({ name, needs, undone });
  }
  return above;
}

/** The rungs climbed so far and one more, each once, less those that it undoes. */
export function climb<Climbed extends { name: string }>(
  before: readonly Climbed[],
  { undone }: Rung,
  next: Climbed,
): Climbed[] {
  return [...before.filter(({ name }) => name !== next.name && !undone.includes(name)), next];
}
