import { describe, expect, it } from "vitest";
import type { Knowledge, Section } from "../../src/protocol/model.ts";
import { chosenSections, splitSections, spread } from "../../src/pipeline/stages/sections.ts";

function section(topic: string, index: number): Section {
  const id = `${topic.toLowerCase()}-${index}`;
  return {
    id,
    topic,
    heading: `Part ${index}`,
    file: `${topic}.md`,
    firstLine: 1,
    lastLine: 2,
    text: "Text.",
    hash: id,
  };
}
const topics = ["Pods", "Jobs", "DNS", "RBAC"];
const sections = topics.flatMap((topic) => [1, 2, 3, 4, 5].map((index) => section(topic, index)));
const knowledge: Knowledge = { domain: { name: "K", version: "" }, topics, sections, skipped: [], hash: "h" };

describe("chosenSections", () => {
  it("takes all without a choice and matches names without case", () => {
    expect(chosenSections(knowledge, [])).toHaveLength(20);
    expect(chosenSections(knowledge, ["pods", "DNS"])).toHaveLength(10);
  });

  it("names an unknown topic and those there are", () => {
    expect(() => chosenSections(knowledge, ["Poods"])).toThrow(/no topic "Poods".*Pods, Jobs, DNS, RBAC/);
  });
});

describe("splitSections", () => {
  it("keeps a fifth unseen, spread over the topics, the same for the same seed", () => {
    const unseen = splitSections(sections, 0.2, 42);
    expect(unseen.size).toBe(4);
    expect(new Set([...unseen].map((id) => id.split("-")[0])).size).toBe(4);
    expect(splitSections(sections, 0.2, 42)).toEqual(unseen);
    expect(splitSections(sections, 0.2, 43)).not.toEqual(unseen);
  });

  it("never takes a topic's last section", () => {
    const unseen = splitSections(sections, 0.8, 1);
    for (const topic of topics)
      expect(sections.some((each) => each.topic === topic && !unseen.has(each.id))).toBe(true);
    expect(splitSections([section("Pods", 1)], 0.8, 1).size).toBe(0);
  });
});

describe("spread", () => {
  it("takes topic after topic and counts to what was asked", () => {
    const { plan, spare } = spread(sections, 6, 1, 42);
    expect(plan.reduce((sum, { count }) => sum + count, 0)).toBe(6);
    expect(new Set(plan.slice(0, 4).map((each) => each.section.topic)).size).toBe(4);
    expect(spare).toHaveLength(14);
  });

  it("asks more of each section when there are fewer sections than questions", () => {
    const { plan } = spread(sections, 50, 1, 42);
    expect(plan).toHaveLength(20);
    expect(plan.map(({ count }) => count).sort()).toEqual([...Array(10).fill(2), ...Array(10).fill(3)]);
  });

  it("goes on with other sections in the next cycle", () => {
    const first = spread(sections, 10, 1, 42).plan.map((each) => each.section.id);
    const second = spread(sections, 10, 2, 42).plan.map((each) => each.section.id);
    expect(first.filter((id) => second.includes(id))).toEqual([]);
  });
});
