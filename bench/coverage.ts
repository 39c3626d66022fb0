/** Which interval keeps its promise: three methods over made differences with a known effect. */
import { parseArgs } from "node:util";
import { clusteredInterval } from "../src/pipeline/statistics.ts";
import { runs, seed, simulate, type Method, type Outcome } from "./coverageSimulation.ts";
import { settings, topicSizes } from "./madeDifferences.ts";
import { bootstrapInterval, plainInterval } from "./otherIntervals.ts";
import { keepResult } from "./resultFile.ts";

/** @returns the exit code: 1 when the product's own interval misses a bar */
export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { resamples: { type: "string", default: "10000" } } });
  const resamples = Number(values.resamples);
  if (!Number.isInteger(resamples) || resamples < 0) throw new Error("--resamples takes a whole number from 0.");
  const methods: Record<string, Method> = {
    product: clusteredInterval,
    plain: plainInterval,
    ...(resamples > 0 ? { bootstrap: bootstrapInterval(resamples) } : {}),
  };
  const found = settings.map((setting) => {
    const outcomes = simulate(setting, methods);
    const cells = Object.entries(outcomes).map(
      ([name, { covered, falseBetter }]) => `${name} ${percent(covered)} (false better ${percent(falseBetter)})`,
    );
    const { shape, topics, correlation, sizes } = setting;
    console.log(`${shape}, ${topics} topics, correlation ${correlation}, ${sizes} sizes: ${cells.join(", ")}`);
    return { ...setting, questions: topicSizes(setting).reduce((sum, size) => sum + size, 0), outcomes };
  });
  const file = await keepResult("coverage", new Date(), {
    measures: "share of 95 % intervals that cover a known effect, and of verdicts that are wrong about none",
    bars: { normal: { covered: [0.94, 0.96], falseBetter: 0.03 }, other: { covered: 0.9 } },
    methods: {
      product: "CR2 error, Student's t with Bell and McCaffrey's degrees of freedom",
      plain: "CR1 error, Student's t with topics − 1 degrees of freedom",
      ...(resamples > 0 ? { bootstrap: "studentised bootstrap over topics" } : {}),
    },
    runs,
    resamples,
    seed,
    settings: found,
  });
  console.log(`Kept in bench/results/${file}.`);
  const missed = found.filter(({ shape, outcomes: { product } }) => !product || !holds(shape, product));
  if (missed.length === 0) return 0;
  console.error(`The product's interval misses a bar in ${missed.length} of ${found.length} settings.`);
  return 1;
}

/** The bars of README.md. */
function holds(shape: string, { covered, falseBetter }: Outcome): boolean {
  return shape === "normal" ? covered >= 0.94 && covered <= 0.96 && falseBetter <= 0.03 : covered >= 0.9;
}

const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;
