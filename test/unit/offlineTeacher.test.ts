import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Domain, Section } from "../../src/protocol/model.ts";
import { createKnowledgeFolder } from "../../src/pipeline/adapters/knowledgeFolder.ts";
import { createOfflineTeacher } from "../../src/pipeline/adapters/teacher/offlineTeacher.ts";
import { sentenceFamilies } from "../../src/pipeline/adapters/teacher/sectionAsks.ts";
import { sentencesOf } from "../../src/pipeline/adapters/teacher/sentences.ts";
import { contentWords } from "../../src/pipeline/adapters/teacher/english/words.ts";
import type { LanguageModel, QuestionRequest } from "../../src/pipeline/ports.ts";
import { sameWords } from "../../src/pipeline/askedWords.ts";
import { gramOverlap } from "../../src/pipeline/duplicates.ts";
import { wordEmbedder } from "../fakes/wordEmbedder.ts";

const domain: Domain = { name: "Tidewater mill", version: "" };
const signal = new AbortController().signal;

function sectionOf(text: string, heading = "Sluice Gate"): Section {
  return {
    id: "mill-gate",
    topic: "Mill",
    heading,
    file: "mill.md",
    firstLine: 5,
    lastLine: 5 + text.split("\n").length - 1,
    text,
    hash: text,
  };
}

/** The plain question of the best family of one sentence. */
const asked = (sentence: string, heading?: string): string | undefined =>
  sentenceFamilies(sectionOf(sentence, heading), domain)[0]?.training[0];

const request = (section: Section, more: Partial<QuestionRequest> = {}): QuestionRequest => ({
  section,
  count: 2,
  wordings: 3,
  rewordings: 1,
  domain,
  seed: 7,
  avoid: [],
  signal,
  ...more,
});

describe("questions of sentences", () => {
  it.each([
    ["The Sluice Gate closes after 40 minutes.", "After how many minutes does the Sluice Gate close?"],
    ["A flooded Sluice Gate holds 12 barrels.", "How many barrels does a flooded Sluice Gate hold?"],
    [
      "Millers set the Sluice Gate to a tilt angle of 9 degrees before dusk.",
      "What tilt angle do millers set the Sluice Gate to before dusk?",
    ],
    ["The `gate.mode` field defaults to `Slow`, which saves water.", "What does the gate.mode field default to?"],
    ["The Sluice Gate accepts the signals `Open`, `Shut`, and `Half`.", "Which signals does the Sluice Gate accept?"],
    ["Operators lift the Sluice Gate by turning the iron wheel.", "How do operators lift the Sluice Gate?"],
    [
      "The Sluice Gate is painted every spring, because salt eats the iron.",
      "Why is the Sluice Gate painted every spring?",
    ],
    ["Spare keys are kept in the copper box.", "Where are spare keys kept?"],
    [
      "Leaving the Sluice Gate open at night floods the lower barn.",
      "What is the effect of leaving the Sluice Gate open at night?",
    ],
    ["If the Sluice Gate jams, the bell rings twice.", "What happens if the Sluice Gate jams?"],
    ["The Sluice Gate is the oak door that holds back the river.", "What is the Sluice Gate?"],
    [
      "The flag `--gate-delay`, stable since v2.1, delays the closing by 30 seconds.",
      "By how many seconds does the flag --gate-delay delay the closing?",
    ],
    [
      "A visitor opens the Sluice Gate by entering the door code Q7-88 on the panel.",
      "Which door code is used to open the Sluice Gate?",
    ],
    ["The default tide of the Sluice Gate is `Low`.", "What is the default tide of the Sluice Gate?"],
    ["The Sluice Gate has been closed since v1.4.", "Since which version has the Sluice Gate been closed?"],
  ])("%s", (sentence, question) => {
    expect(asked(sentence)).toBe(question);
  });

  it("asks nothing of sentences that lean on others, negate or list without a verb it knows", () => {
    expect(asked("It holds 12 barrels.")).toBeUndefined();
    expect(asked("This limit applies to the Sluice Gate at night.")).toBeUndefined();
    expect(asked("The Sluice Gate is never opened with a hook.")).toBeUndefined();
    expect(asked("Doors, gates, barrels and the like!")).toBeUndefined();
  });

  it("also asks as briefly as people type, where a name and what is sought say enough", () => {
    const wordings = (text: string) => sentenceFamilies(sectionOf(text), domain)[0]?.training;
    expect(wordings("A flooded Sluice Gate holds 12 barrels.")).toEqual(
      expect.arrayContaining(["Sluice Gate: how many barrels?", "sluice gate capacity"]),
    );
    expect(wordings("A visitor opens the Sluice Gate by entering the door code Q7-88 on the panel.")).toEqual(
      expect.arrayContaining(["Sluice Gate: which door code?", "sluice gate door code"]),
    );
    expect(wordings("Operators lift the Sluice Gate by turning the iron wheel.")).not.toContainEqual(
      expect.stringMatching(/^sluice gate|^Sluice Gate:/),
    );
  });

  it("keeps the name of what is asked about when it shortens a question", () => {
    const [family] = sentenceFamilies(
      sectionOf("During the Sluice Drill the miller rings the bell for 15 seconds.", "Sluice Drill"),
      domain,
    );
    for (const text of [...(family?.training ?? []), ...(family?.rewording ?? [])])
      expect(text).toContain(text === text.toLowerCase() ? "sluice drill" : "Sluice Drill");
  });
});

describe("sentencesOf", () => {
  it("reads prose only, with the lines of the file", () => {
    const text = [
      "First one is here. Second e.g. holds on.",
      "",
      "```sh",
      "run this. Now.",
      "```",
      "| a | b |",
      "- The list item is",
      "  wrapped here.",
      "Source: <https://example.org/x>",
    ].join("\n");
    expect(sentencesOf(sectionOf(text)).map(({ text: sentence, line }) => [sentence, line])).toEqual([
      ["First one is here.", 5],
      ["Second e.g. holds on.", 5],
      ["The list item is wrapped here.", 11],
    ]);
  });
});

const folders = ["knowledge", join("test", "fixtures", "madeUpKnowledge")].map((folder) =>
  join(import.meta.dirname, "..", "..", folder),
);

describe.each(folders)("over %s", (folder) => {
  it("gives each family of a section wordings that differ, share no pattern and no text with another family", async () => {
    const { sections, domain: words } = await createKnowledgeFolder(folder).read();
    for (const section of sections) {
      const families = sentenceFamilies(section, words);
      const texts = families.flatMap(({ training, rewording }) => [...training, ...rewording]);
      expect(new Set(texts).size, section.id).toBe(texts.length);
      for (const { training, rewording } of families) {
        const all = [...training, ...rewording];
        for (const [index, text] of all.entries()) {
          // A question, a request, or words as typed into a search box.
          expect(text).toMatch(/^[\p{Lu}\p{N}].*[?.]$|^[^\p{Lu}?]+[^\p{Lu}?.]$/u);
          expect(text).not.toMatch(/`|\s\s|\s[?,]|\s\.$|\b(\w+) \1\b/);
          expect(
            all.slice(0, index).some((other) => sameWords(other, text)),
            text,
          ).toBe(false);
        }
        const openings = (list: readonly string[]) => list.map((text) => text.split(" ").slice(0, 3).join(" "));
        const frames = new Set(
          openings(rewording).filter((opening) =>
            /^(?:Do you know|I am looking|I would like|When it comes|Does anybody)/.test(opening),
          ),
        );
        expect(openings(training).some((opening) => frames.has(opening))).toBe(false);
      }
    }
  });

  it("asks with the section's own words", async () => {
    const { sections, domain: words } = await createKnowledgeFolder(folder).read();
    for (const section of sections) {
      const known = new Set(contentWords(`${section.heading} ${section.topic} ${section.text}`));
      for (const { training, kind } of sentenceFamilies(section, words)) {
        const foreign = contentWords(training[0] ?? "").filter((word) => !known.has(word));
        // Words of the question forms themselves: units of counting, "effect of", "what colour", "used to".
        expect(
          foreign.filter(
            (word) => !/^(?:effect|colour|term|describ|percentag|number|valu|interval|version|use|often)$/.test(word),
          ),
          `${kind}: ${training[0]}`,
        ).toEqual([]);
      }
    }
  });

  it("finds families for nearly every section, and answers each with the sentence it came from", async () => {
    const { sections, domain: words } = await createKnowledgeFolder(folder).read();
    const teacher = createOfflineTeacher({ embedder: wordEmbedder() });
    let made = 0;
    for (const section of sections) {
      const { families } = await teacher.questions(request(section, { domain: words }));
      made += families.length;
      const answers = new Set<string>();
      for (const { wordings, rewordings } of families) {
        expect(rewordings).toHaveLength(1);
        const reference = await teacher.reference(wordings[0] ?? "", section, words, signal);
        expect(reference).toMatchObject({ status: "answered", grounded: true, author: "teacher" });
        const [quote] = reference.quotes;
        expect(quote?.line).toBeGreaterThanOrEqual(section.firstLine);
        expect(quote?.line).toBeLessThanOrEqual(section.lastLine);
        expect(section.text.replace(/\s+/g, " ")).toContain(reference.text);
        answers.add(reference.text);
      }
      expect(answers.size).toBeGreaterThan(0);
    }
    expect(made).toBeGreaterThanOrEqual(sections.length * 1.8);
  });

  it("tests with the rewording that is least like what is trained", async () => {
    const { sections, domain: words } = await createKnowledgeFolder(folder).read();
    const teacher = createOfflineTeacher({ embedder: wordEmbedder() });
    const nearest = (text: string, others: readonly string[]) =>
      Math.max(...others.map((other) => gramOverlap(text, other)));
    let better = 0;
    for (const section of sections.slice(0, 12)) {
      const { families } = await teacher.questions(request(section, { domain: words }));
      for (const { wordings, rewordings } of families) {
        const all = sentenceFamilies(section, words).find(({ training }) => training[0] === wordings[0]);
        if (!all) continue;
        const chosen = nearest(rewordings[0] ?? "", wordings);
        for (const other of all.rewording) expect(chosen).toBeLessThanOrEqual(nearest(other, wordings));
        if (chosen < nearest(all.rewording[0] ?? "", wordings)) better += 1;
      }
    }
    expect(better).toBeGreaterThan(0);
  });

  it("lets at most half of the families come from headings, even when much is asked", async () => {
    const { sections, domain: words } = await createKnowledgeFolder(folder).read();
    const teacher = createOfflineTeacher({ embedder: wordEmbedder() });
    const origins: string[] = [];
    for (const section of sections)
      origins.push(
        ...(await teacher.questions(request(section, { domain: words, count: 20 }))).families.map(
          ({ origin }) => origin,
        ),
      );
    expect(origins).toContain("heading");
    expect(origins.filter((origin) => origin === "heading").length).toBeLessThanOrEqual(origins.length / 2);
  });
});

describe("the offline teacher", () => {
  const section = sectionOf(
    "The Sluice Gate is the oak door that holds back the river. A flooded Sluice Gate holds 12 barrels. Operators lift the Sluice Gate by turning the iron wheel.\n\nThe crew paints the Sluice Gate with red lead in spring.",
  );

  it("prefers facts, gives the same for the same seed, and something else when told what to avoid", async () => {
    const teacher = createOfflineTeacher({ embedder: wordEmbedder() });
    const { families } = await teacher.questions(request(section, { count: 1 }));
    expect(families[0]?.wordings[0]).toBe("How many barrels does a flooded Sluice Gate hold?");
    expect(families[0]?.wordings).toHaveLength(3);
    const again = createOfflineTeacher({ embedder: wordEmbedder() });
    expect((await again.questions(request(section, { count: 1 }))).families).toEqual(families);
    const next = await again.questions(request(section, { count: 1, avoid: families[0]?.wordings ?? [] }));
    expect(next.families[0]?.wordings[0]).toBe("How do operators lift the Sluice Gate?");
  });

  it("answers a question of the user's with the best matching sentence and its line", async () => {
    const teacher = createOfflineTeacher({ embedder: wordEmbedder() });
    const reference = await teacher.reference(
      "With which stuff is the gate painted in spring?",
      section,
      domain,
      signal,
    );
    expect(reference).toEqual({
      status: "answered",
      text: "The crew paints the Sluice Gate with red lead in spring.",
      quotes: [{ text: "The crew paints the Sluice Gate with red lead in spring.", line: 7 }],
      grounded: true,
      author: "teacher",
    });
  });

  it("answers a heading question with two or three sentences", async () => {
    const teacher = createOfflineTeacher({ embedder: wordEmbedder() });
    const { text, grounded } = await teacher.reference(
      "What does the documentation say about the Sluice Gate?",
      section,
      domain,
      signal,
    );
    expect(text).toBe(
      "The Sluice Gate is the oak door that holds back the river. A flooded Sluice Gate holds 12 barrels. Operators lift the Sluice Gate by turning the iron wheel.",
    );
    expect(grounded).toBe(true);
  });

  it("refuses by name where a section has no sentence", async () => {
    const teacher = createOfflineTeacher({ embedder: wordEmbedder() });
    expect(
      await teacher.reference("What is in the table?", sectionOf("| a | b |\n|---|---|"), domain, signal),
    ).toMatchObject({ status: "refused", grounded: false });
  });

  it("says that it is offline and costs nothing", () => {
    const teacher = createOfflineTeacher({ embedder: wordEmbedder() });
    expect(teacher.online).toBe(false);
    expect(teacher.id).toContain("offline");
    expect(teacher.usage()).toBeNull();
  });

  const proposing = (text: string): LanguageModel => ({
    id: "proposer",
    generate: () => Promise.resolve({ text, stop: "stop", tokens: 9, milliseconds: 1 }),
  });
  const one = sectionOf("The crew paints the Sluice Gate with red lead in spring.");

  it("keeps a proposal that the section answers, and counts one that it does not", async () => {
    const good = createOfflineTeacher({
      embedder: wordEmbedder(),
      student: proposing("When is the Sluice Gate painted with red lead?"),
      proposals: true,
    });
    const kept = await good.questions(request(one, { count: 1 }));
    expect(kept.families[0]).toMatchObject({
      origin: "model",
      wordings: [expect.stringContaining("red lead"), expect.anything(), expect.anything()],
    });
    expect(kept.unusable).toBe(0);
    const bad = createOfflineTeacher({
      embedder: wordEmbedder(),
      student: proposing("How do whales keep warm in winter?"),
      proposals: true,
    });
    const dropped = await bad.questions(request(one, { count: 1 }));
    expect(dropped.unusable).toBe(1);
    expect(dropped.families[0]?.origin).toBe("sentence");
  });

  it("does not start the student unless proposals are wanted", async () => {
    let calls = 0;
    const student: LanguageModel = {
      id: "idle",
      generate: () => ((calls += 1), Promise.reject(new Error("not wanted"))),
    };
    await createOfflineTeacher({ embedder: wordEmbedder(), student }).questions(request(section));
    expect(calls).toBe(0);
  });
});

it("asked again, answers with another sentence of the section, and never with none", async () => {
  const teacher = createOfflineTeacher({ embedder: wordEmbedder() });
  const section = sectionOf(
    "The sluice gate opens at noon every day. The miller greases the gate with tallow. The gate weighs nine tons.",
  );
  const texts = [];
  for (const again of [0, 1, 2, 3]) {
    const { text, grounded } = await teacher.reference("When does the gate open?", section, domain, signal, again);
    expect(grounded).toBe(true);
    texts.push(text);
  }
  expect(new Set(texts.slice(0, 3)).size).toBe(3);
  expect(texts[3]).toBe(texts[1]);
});
