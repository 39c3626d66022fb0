/** Paired differences with a known effect, as the questions of a run might give them. */
import { normalDraws } from "./seededRandom.ts";

/** `skewed`: many small losses and a few large gains. `tied`: most questions unchanged, the rest in two steps. */
export const shapes = ["normal", "skewed", "tied"] as const;
export type Shape = (typeof shapes)[number];

export interface Setting {
  shape: Shape;
  topics: number;
  /** Of the differences of two questions of one topic. */
  correlation: number;
  sizes: "equal" | "unequal";
}

export const settings: readonly Setting[] = shapes.flatMap((shape) =>
  [8, 20].flatMap((topics) =>
    [0, 0.3].flatMap((correlation) =>
      (["equal", "unequal"] as const).map((sizes) => ({ shape, topics, correlation, sizes })),
    ),
  ),
);

/** Four questions a topic on average; the unequal ones from 1 to 10. */
const unequal = [1, 10, 2, 3, 6, 1, 4, 5];

/** How many questions each topic has. */
export function topicSizes({ topics, sizes }: Setting): number[] {
  return Array.from({ length: topics }, (_, index) => (sizes === "equal" ? 4 : (unequal[index % 8] ?? 0)));
}

/** Standard deviation of the made differences. */
const spread = 0.25;
const steps = [
  { value: -0.2, until: 0.15 },
  { value: 0, until: 0.75 },
  { value: 0.3, until: 1 },
] as const;
const stepMean = -0.2 * 0.15 + 0.3 * 0.25;
const stepSpread = Math.sqrt(0.04 * 0.15 + 0.09 * 0.25 - stepMean ** 2);

/** One draw of mean 0 and standard deviation 1. */
function drawsOf(shape: Shape, random: () => number): () => number {
  if (shape === "normal") return normalDraws(random);
  // The exponential distribution: skewness 2.
  if (shape === "skewed") return () => -Math.log(1 - random()) - 1;
  return () => {
    const place = random();
    return ((steps.find(({ until }) => place < until)?.value ?? 0) - stepMean) / stepSpread;
  };
}

/**
 * Makes differences of mean 0, one array a topic, afresh at each call. What a topic's questions share
 * is added to what each has of its own; tied ones would no longer be tied then, so those take the
 * topic's value as it is with the probability that gives the same correlation.
 */
export function differenceMaker(setting: Setting, random: () => number): () => number[][] {
  const { shape, correlation } = setting;
  const draw = drawsOf(shape, random);
  const sizes = topicSizes(setting);
  const [shared, own] = [Math.sqrt(correlation), Math.sqrt(1 - correlation)];
  const one = (common: number) =>
    shape === "tied" ? (random() < shared ? common : draw()) : shared * common + own * draw();
  return () =>
    sizes.map((size) => {
      const common = draw();
      return Array.from({ length: size }, () => spread * one(common));
    });
}
