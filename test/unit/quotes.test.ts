import { describe, expect, it } from "vitest";
import { isGrounded, matchQuotes } from "../../src/pipeline/adapters/teacher/quotes.ts";

const section = {
  firstLine: 10,
  text: "The `spec.restartPolicy` field of a Pod\naccepts `Always`,   `OnFailure`, and `Never`.\n\nThe kubelet delays\trepeated restarts.\r\nThe cap is five minutes.",
};
const lineOf = (quote: string) => matchQuotes([quote], section)[0]?.line;

describe("matchQuotes", () => {
  it("gives the line of the file on which a quote begins", () => {
    expect(lineOf("field of a Pod")).toBe(10);
    expect(lineOf("accepts `Always`")).toBe(11);
    expect(lineOf("The kubelet delays repeated restarts.")).toBe(13);
    expect(lineOf("The cap is five minutes.")).toBe(14);
  });

  it("finds a quote that runs over a line break, and counts from where it begins", () => {
    expect(lineOf("of a Pod accepts `Always`, `OnFailure`")).toBe(10);
    expect(lineOf("repeated\n  restarts. The cap")).toBe(13);
  });

  it("leaves code marks and quotation marks around the quote aside", () => {
    expect(lineOf("The spec.restartPolicy field of a Pod")).toBe(10);
    expect(lineOf("“The kubelet delays repeated restarts.”")).toBe(13);
    expect(lineOf("...delays repeated restarts…")).toBe(13);
  });

  it("does not find changed words, other case, or omissions", () => {
    expect(lineOf("The kubelet delays repeated starts.")).toBeNull();
    expect(lineOf("the kubelet delays repeated restarts.")).toBeNull();
    expect(lineOf("The cap is ... minutes.")).toBeNull();
    expect(lineOf("The cap is ten minutes.")).toBeNull();
  });

  it("takes no proof from scraps", () => {
    expect(lineOf("The")).toBeNull();
    expect(lineOf("of a")).toBeNull();
    expect(lineOf("")).toBeNull();
    expect(lineOf("  \n ")).toBeNull();
  });

  it("keeps the quotes' order and text", () => {
    expect(matchQuotes([" The cap is five minutes. ", "no such thing here"], section)).toEqual([
      { text: "The cap is five minutes.", line: 14 },
      { text: "no such thing here", line: null },
    ]);
  });

  it("matches writing without spaces by its length", () => {
    const text = "ポッドは作業の最小単位です。\n再起動の既定値は常にです。";
    expect(matchQuotes(["再起動の既定値は常にです。"], { text, firstLine: 3 })[0]?.line).toBe(4);
  });
});

describe("isGrounded", () => {
  it("needs a quote, and every quote found", () => {
    expect(isGrounded([])).toBe(false);
    expect(isGrounded([{ text: "a", line: 3 }])).toBe(true);
    expect(
      isGrounded([
        { text: "a", line: 3 },
        { text: "b", line: null },
      ]),
    ).toBe(false);
  });
});
