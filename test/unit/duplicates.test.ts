import { describe, expect, it } from "vitest";
import { askedWords, contentKey, questionWords, sameWords } from "../../src/pipeline/askedWords.ts";
import { cosine, DuplicateFilter, gramOverlap } from "../../src/pipeline/duplicates.ts";
import { plantedQuestions } from "../fakes/plantedQuestions.ts";
import { vectorOf } from "../fakes/wordEmbedder.ts";

const embed = (texts: readonly string[]) => Promise.resolve(texts.map(vectorOf));
const family = (...wordings: string[]) => ({ wordings, rewordings: [] as string[] });

describe("questionWords", () => {
  it("ignores case, punctuation and code marks, and keeps numbers and code names whole", () => {
    expect(questionWords("What does `spec.type` accept in v1.28?")).toEqual([
      "what",
      "does",
      "spec.type",
      "accept",
      "in",
      "v1.28",
    ]);
  });

  it("reads words of other scripts", () => {
    expect(questionWords("Wie groß ist der Behälter?")).toEqual(["wie", "groß", "ist", "der", "behälter"]);
  });
});

describe("gramOverlap", () => {
  it("is 1 for equal texts, 0 for texts without a common run of five words", () => {
    expect(gramOverlap("one two three four five six", "One two, three four five six!")).toBe(1);
    expect(gramOverlap("one two three four five six", "six five four three two one")).toBe(0);
  });

  it("counts the runs of five that are common", () => {
    // Six words give two runs, seven give three; two are common.
    expect(gramOverlap("a1 b2 c3 d4 e5 f6", "a1 b2 c3 d4 e5 f6 g7")).toBeCloseTo(2 / 3);
  });

  it("takes a short text as one run", () => {
    expect(gramOverlap("What is it?", "what is it")).toBe(1);
    expect(gramOverlap("What is it?", "what is that")).toBe(0);
  });
});

describe("DuplicateFilter", () => {
  it("refuses a question that is already there, whatever its case and marks", async () => {
    const filter = new DuplicateFilter(embed);
    expect(await filter.accept(family("How long does the siren sound?"))).toBe(true);
    expect(await filter.accept(family("how long does the SIREN sound"))).toBe(false);
    expect(filter.dropped).toEqual({ exact: 1, near: 0 });
  });

  it("refuses a near duplicate by common runs of words, even when the vectors differ", async () => {
    let calls = 0;
    // Every text gets a direction of its own.
    const filter = new DuplicateFilter((texts) =>
      Promise.resolve(
        texts
          .map(() => Array.from({ length: 20 }, (_, index) => (index === calls ? 1 : 0)))
          .map((vector) => (calls++, vector)),
      ),
    );
    expect(await filter.accept(family("How long does the siren on the north tower sound at noon?"))).toBe(true);
    expect(await filter.accept(family("How long does the siren on the north tower sound at noon today?"))).toBe(false);
    expect(filter.dropped).toEqual({ exact: 0, near: 1 });
  });

  it("refuses a near duplicate by its vector at 0.95 and keeps one just below", async () => {
    const vectors: Record<string, number[]> = {
      "first question here": [1, 0],
      "second one asked": [0.951, Math.sqrt(1 - 0.951 ** 2)],
      "third thing wanted": [0.949, -Math.sqrt(1 - 0.949 ** 2)],
    };
    const filter = new DuplicateFilter((texts) => Promise.resolve(texts.map((text) => vectors[text] ?? [])));
    expect(await filter.accept(family("first question here"))).toBe(true);
    expect(await filter.accept(family("second one asked"))).toBe(false);
    expect(await filter.accept(family("third thing wanted"))).toBe(true);
    expect(filter.dropped).toEqual({ exact: 0, near: 1 });
  });

  it("lets wordings of one family be alike, but not equal", async () => {
    const filter = new DuplicateFilter(embed);
    expect(
      await filter.accept(
        family("How long does the siren sound at noon?", "Can you tell me how long the siren sounds at noon?"),
      ),
    ).toBe(true);
    expect(await filter.accept(family("Which bell rings first?", "First rings which bell?"))).toBe(false);
  });

  it("compares rewordings with other families too", async () => {
    const filter = new DuplicateFilter(embed);
    await filter.accept({
      wordings: ["Where is the key kept?"],
      rewordings: ["In which drawer would I find the key?"],
    });
    expect(await filter.accept(family("In which drawer would I find the key?"))).toBe(false);
  });

  it("knows the questions of earlier cycles", async () => {
    const filter = new DuplicateFilter(embed);
    await filter.seed([{ text: "Where is the key kept?", family: "c1-f01" }]);
    expect(await filter.accept(family("Where is the key kept?"))).toBe(false);
    expect(await filter.accept(family("Who may open the north gate?"))).toBe(true);
  });

  it("keeps nothing of a refused family", async () => {
    const filter = new DuplicateFilter(embed);
    await filter.accept(family("Where is the key kept?"));
    expect(await filter.accept(family("Where is the key kept?", "Which hook does the caretaker hang it on?"))).toBe(
      false,
    );
    expect(await filter.accept(family("Which hook does the caretaker hang it on?"))).toBe(true);
  });
});

describe("askedWords", () => {
  const content = (text: string) => askedWords(text).join(" ");

  it("leaves out politeness, filler words and grammar, and the ending of a verb", () => {
    expect(content("Could you please tell me how long exactly the noon siren sounds on Sundays?")).toBe(
      "how long noon siren sound on sunday",
    );
    expect(content("So, just to double-check, which valves feed the tank's inlet?")).toBe("what valve feed tank inlet");
  });

  it("keeps what is asked about: a named A, a main verb, a word that only looks polite", () => {
    expect(content("How hot may press A get?")).toBe("how hot may press a- get");
    expect(content("What does the siren do?")).toBe("what siren do");
    expect(content("Which question does the form ask first?")).toBe("what question form ask first");
  });
});

describe("between families", () => {
  const accepts = async (first: string, second: string) => {
    // All vectors alike: only the words can tell.
    const filter = new DuplicateFilter((texts) => Promise.resolve(texts.map(() => [1])));
    await filter.accept(family(first));
    return filter.accept(family(second));
  };

  it.each([
    ["How long does the noon siren sound on Sundays?", "On Sundays, how long does the noon siren sound?"],
    ["How long does the noon siren sound on Sundays?", "The noon siren sounds how long on Sundays?"],
    ["How long does the noon siren sound?", "By the way, could you tell me how long the noon siren sounds?"],
  ])("%s and %s are one question", async (first, second) => {
    expect(await accepts(first, second)).toBe(false);
  });

  it.each([
    ["How hot may press A get?", "How hot may press B get?"],
    ["How many people may stand on the east bridge?", "How many people may stand on the spiral stairs?"],
    ["What was introduced in version 1.27?", "What was introduced in version 1.28?"],
  ])("%s and %s are two", async (first, second) => {
    expect(await accepts(first, second)).toBe(true);
  });
});

describe("the set the rules were made on", () => {
  const { originals, planted, lookAlikes } = plantedQuestions("duplicatesCalibration");
  const near = (a: string, b: string) => {
    const [first, second] = [a, b].map((text) => contentKey(askedWords(text)));
    return first !== null && first === second;
  };

  it.each(["case", "order", "filler"] as const)(
    "is recognised by its words alone when repeated with other %s",
    (kind) => {
      expect(planted[kind].filter((text, index) => !near(text, originals[index] ?? ""))).toEqual([]);
    },
  );

  it("is told apart by its words alone where one sentence asks about several things", async () => {
    for (const things of Object.values(Object.groupBy(lookAlikes.flat(), (text) => text.slice(0, 12)))) {
      // All vectors alike: by the embedding every question is the same.
      const filter = new DuplicateFilter((texts) => Promise.resolve(texts.map(() => [1])));
      for (const text of things ?? []) expect(await filter.accept(family(text)), text).toBe(true);
    }
  });
});

describe("sameWords and cosine", () => {
  it("compares sets, not order or repetition", () => {
    expect(sameWords("the key of the gate", "gate key of the")).toBe(true);
    expect(sameWords("the key of the gate", "the key of a gate")).toBe(false);
  });

  it("is 1 for the same direction and 0 for perpendicular ones", () => {
    expect(cosine([0.6, 0.8], [0.6, 0.8])).toBeCloseTo(1);
    expect(cosine([1, 0], [0, 1])).toBe(0);
  });
});
