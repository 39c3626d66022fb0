/** The product's interval over made differences: 10,000 seeded runs a setting, with its own code. */
import { describe, expect, it } from "vitest";
import { runs, simulate } from "../../bench/coverageSimulation.ts";
import { settings, type Setting } from "../../bench/madeDifferences.ts";
import { coverageFigures, coverageSentence } from "../../src/pipeline/coverageFigures.ts";
import { clusteredInterval } from "../../src/pipeline/statistics.ts";

const nameOf = ({ shape, topics, correlation, sizes }: Setting): string =>
  `${shape}, ${topics} topics of ${sizes} size, correlation ${correlation}`;
const measured = new Map(
  settings.map((setting) => [nameOf(setting), simulate(setting, { product: clusteredInterval }).product]),
);

describe.each(settings.map((setting) => ({ setting, name: nameOf(setting) })))("$name", ({ setting, name }) => {
  const { covered, falseBetter } = measured.get(name) as { covered: number; falseBetter: number };

  it("covers the effect as often as promised", () => {
    expect(covered).toBeGreaterThanOrEqual(setting.shape === "normal" ? 0.94 : 0.9);
    if (setting.shape === "normal") expect(covered).toBeLessThanOrEqual(0.96);
  });

  it("is the figure that reports print", () => {
    const printed = coverageFigures.find((each) => nameOf(each) === name);
    expect(printed).toMatchObject({ covered, falseBetter });
  });
});

it.each(settings.filter(({ shape }) => shape === "normal").map(nameOf))("calls no effect better seldom: %s", (name) => {
  expect(measured.get(name)?.falseBetter).toBeLessThanOrEqual(0.03);
});

it("the report's sentence names the runs and the lowest and highest share of each shape", () => {
  expect(runs).toBe(10_000);
  expect(coverageFigures).toHaveLength(settings.length);
  const covered = coverageFigures.filter(({ shape }) => shape === "skewed").map((each) => each.covered * 100);
  expect(coverageSentence()).toContain("10,000 seeded runs");
  expect(coverageSentence()).toContain(
    `${Math.min(...covered).toFixed(1)} to ${Math.max(...covered).toFixed(1)} % for skewed`,
  );
});
