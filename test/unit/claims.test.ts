import { describe, expect, it } from "vitest";
import { unsupportedSentences } from "../../src/pipeline/claims.ts";
import { createKnowledgeFolder } from "../../src/pipeline/adapters/knowledgeFolder.ts";
import { createOfflineTeacher } from "../../src/pipeline/adapters/teacher/offlineTeacher.ts";
import { wordEmbedder } from "../fakes/wordEmbedder.ts";

const section = {
  topic: "Press chamber",
  heading: "Heat",
  text:
    "The press is heated to at most 80 °C and is cleaned five times a day.\nThe `heat_limit` of the control desk is " +
    "read from /etc/press.conf, and a replica set of valves closes when two sensors disagree. A run takes 1,500 s.",
};
const missing = (answer: string, ...also: string[]) =>
  unsupportedSentences(answer, section, also).map((each) => each.missing);

describe("what the section does not say is found", () => {
  it.each([
    ["a number", "The press is heated to at most 95 °C.", ["95"]],
    ["an identifier", "The limit is called `max_heat`.", ["max_heat"]],
    ["a flag", "Start the desk with --force-heat to override it.", ["--force-heat"]],
    ["a path", "It is read from /var/press.conf at the start.", ["/var/press.conf"]],
    ["a name", "The limit was set by Siemens in the desk.", ["Siemens"]],
    ["another count", "The press is cleaned seven times a day.", ["seven times"]],
    ["a version", "The desk runs v2.7 of the program.", ["2.7"]],
  ])("%s", (_what, answer, words) => {
    expect(missing(answer)).toEqual([words]);
  });

  it("a sentence about something else altogether", () => {
    expect(missing("Penguins usually migrate towards warmer oceans during winter.")).toHaveLength(1);
  });

  it("in the one sentence that says it, the others stay", () => {
    const found = unsupportedSentences("The press is heated to at most 80 °C. It weighs 400 kg.", section);
    expect(found).toEqual([{ text: "It weighs 400 kg.", missing: ["400"] }]);
  });
});

describe("what it does say passes, in other words too", () => {
  it.each([
    "The press is cleaned 5 times a day.",
    "At most 80 degrees, because the chamber's heat is limited.",
    "1. The `heat_limit` is read from `/etc/press.conf`.\n2. A ReplicaSet of valves closes when both sensors disagree.",
    "A run takes 1500 seconds.",
    "There are three valves, e.g. The Valve of the chamber.",
    "No.",
    "",
  ])("%s", (answer) => {
    expect(missing(answer)).toEqual([]);
  });

  it("what the question or the domain says may be repeated", () => {
    expect(missing("In Kubernetes v1.28 the press is heated to 80 °C.")).toEqual([["1.28", "Kubernetes"]]);
    expect(missing("In Kubernetes v1.28 the press is heated to 80 °C.", "Kubernetes", "v1.28")).toEqual([]);
  });
});

it("no answer of the offline teacher over the bundled knowledge base is doubted", async () => {
  const { sections, domain } = await createKnowledgeFolder("knowledge").read();
  const teacher = createOfflineTeacher({ embedder: wordEmbedder() });
  const { signal } = new AbortController();
  const doubted: unknown[] = [];
  let asked = 0;
  for (const each of sections.filter((_, index) => index % 4 === 0)) {
    const { families } = await teacher.questions({
      section: each,
      count: 2,
      wordings: 1,
      rewordings: 1,
      domain,
      seed: 1,
      avoid: [],
      signal,
    });
    for (const { wordings } of families) {
      const question = wordings[0] ?? "";
      const { text } = await teacher.reference(question, each, domain, signal);
      asked += 1;
      doubted.push(...unsupportedSentences(text, each, [question, domain.name, domain.version]));
    }
  }
  expect(asked).toBeGreaterThan(40);
  expect(doubted).toEqual([]);
});
