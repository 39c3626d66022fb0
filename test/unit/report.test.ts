/** Both formats of the report, from runs whose models and files say hostile things. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fromMarkdown } from "mdast-util-from-markdown";
import { beforeAll, describe, expect, it } from "vitest";
import { createCheckpointStore } from "../../src/pipeline/adapters/checkpointStore.ts";
import { writeReport } from "../../src/pipeline/report/write.ts";
import { runPipeline } from "../../src/pipeline/run.ts";
import type { Knowledge } from "../../src/protocol/model.ts";
import { fakeKnowledge, fakeParts } from "../fakes/parts.ts";
import { fakeRunFile, freshFolder, openRun, play } from "../fakes/runs.ts";

const evil =
  `</blockquote></style><script>alert(1)</script><img src=x onerror="alert(2)"> &lt;b&gt; ' " \`code\`` +
  `\n# Heading\n1. one\n- item\n| a | b |\n[link](javascript:alert(3)) ![i](http://evil.example/x.png) <http://evil.example>` +
  "\n\u202eesrever\u202c \u0007\u001b[31mred\u0000\n===\n*bold* __bold__ ~~gone~~ \ud800";

/** A knowledge base and a teacher and students that try to be more than text. */
async function hostileRun(): Promise<{ html: string; markdown: string }> {
  const parts = fakeParts();
  const reference = parts.teacher.reference.bind(parts.teacher);
  parts.teacher.reference = async (...args) => ({ ...(await reference(...args)), text: evil });
  const generate = parts.student.generate.bind(parts.student);
  parts.student.generate = async (...args) => ({ ...(await generate(...args)), text: `poor ${evil}` });
  const plain = fakeKnowledge();
  const topic = (name: string) => `<img src=x onerror=alert(4)>${name}`;
  const knowledge: Knowledge = {
    ...plain,
    domain: { name: "Mill <script>alert(5)</script>", version: "1" },
    topics: plain.topics.map(topic),
    sections: plain.sections.map((section) => ({ ...section, topic: topic(section.topic) })),
  };
  const root = freshFolder();
  const store = await openRun(root, fakeRunFile());
  await runPipeline({ ...parts, store, knowledge }, () => {}, new AbortController().signal);
  await store.close();
  return reportsIn(root);
}

const reportsIn = (root: string) => ({
  html: readFileSync(join(root, "runs/run-1/report.html"), "utf8"),
  markdown: readFileSync(join(root, "runs/run-1/report.md"), "utf8"),
});

const ours =
  "html head meta title style body main header footer section article div span p br h1 h2 h3 h4 ul li b blockquote " +
  "table caption thead tbody tr th td svg desc line circle path text g";

describe("texts of models and files", () => {
  let html = "";
  let markdown = "";
  beforeAll(async () => {
    ({ html, markdown } = await hostileRun());
  });

  it("are shown in the page and never part of it", () => {
    expect(html).toContain("&#60;script&#62;alert(1)&#60;/script&#62;");
    const tags = new Set([...html.matchAll(/<\/?([^\s>/]*)/g)].map(([, name]) => name));
    expect([...tags].filter((name) => name !== "!DOCTYPE" && !ours.split(" ").includes(name ?? ""))).toEqual([]);
    // Attributes are ours as well: nothing that loads, runs or leads anywhere.
    const attributes = [...html.matchAll(/<[a-z][^>]*>/g)].join(" ");
    expect(attributes).not.toMatch(/\s(on\w+|src|href|action|srcset)=/i);
    expect(html).not.toMatch(/url\(|@import/);
    expect(html).toContain("default-src 'none'");
  });

  it("turn nothing around and ring no bell", () => {
    for (const text of [html, markdown]) {
      // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
      expect(text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
      expect(text).toContain("\ufffdesrever\ufffd");
    }
  });

  it("are no markup in the Markdown", () => {
    const kinds = new Set<string>();
    const headings: string[] = [];
    const walk = (node: { type: string; children?: unknown[]; value?: string }): void => {
      kinds.add(node.type);
      if (node.type === "heading") headings.push(JSON.stringify(node.children));
      for (const child of (node.children ?? []) as (typeof node)[]) walk(child);
    };
    walk(fromMarkdown(markdown));
    for (const kind of ["html", "link", "image", "definition", "code", "inlineCode", "thematicBreak"])
      expect(kinds.has(kind), kind).toBe(false);
    expect(headings.filter((heading) => heading.includes("Heading"))).toEqual([]);
    expect(markdown).toContain("\\<script\\>alert(1)");
  });
});

describe("the two formats of one report", () => {
  let html = "";
  let markdown = "";
  let sentence = "";
  beforeAll(async () => {
    const root = freshFolder();
    await play(root, fakeRunFile({ cycles: 3 }));
    ({ html, markdown } = reportsIn(root));
    const store = await createCheckpointStore(root).open("run-1");
    sentence = (await store.readCheckpoint(3, "comparison"))?.output.headline.sentence ?? "";
    await store.close();
  });

  it("say the verdict first", () => {
    expect(sentence).toMatch(/^(Better|Worse|Cannot tell): /);
    expect(markdown.split("\n")[2]).toBe(`**${sentence}**`);
    const body = html.slice(html.indexOf("<main>"));
    expect(body.indexOf("<h1>")).toBeLessThan(body.indexOf("<table>"));
    expect(body).toMatch(/<h1><span aria-hidden="true">.<\/span> (Better|Worse|Cannot tell)<\/h1>/);
    expect(body.match(/<h1>/g)).toHaveLength(1);
  });

  it("have the same parts and tables", () => {
    const titles = [...html.matchAll(/<h2[^>]*>([^<]*)<\/h2>/g)].map(([, title]) => title);
    const headings = [...markdown.matchAll(/^## (.*)$/gm)].map(([, title]) => title);
    expect(titles.slice(1)).toEqual(headings);
    expect(titles).toEqual(expect.arrayContaining(["Cycles", "Regressions", "Costs", "How it was done"]));
    const rowsOf = (title: string) =>
      markdown
        .split(`## ${title}`)[1]
        ?.split("## ")[0]
        ?.match(/^\| \d/gm) ?? [];
    expect(rowsOf("Cycles")).toHaveLength(3);
    expect(html.match(/<table>/g)?.length).toBe(markdown.match(/^\|---/gm)?.length);
  });

  it("can be read aloud: every table and drawing is named, every head cell says what it heads", () => {
    expect(html).toContain('<html lang="en">');
    expect(html.match(/<caption>[^<]+<\/caption>/g)).toHaveLength(html.match(/<table>/g)?.length ?? 0);
    expect(html.match(/<th(?! scope="(col|row|rowgroup)")[\s>]/g)).toBeNull();
    const drawings = [...html.matchAll(/<svg[^>]*>(?:<title id="([^"]+)">)?/g)];
    expect(drawings.length).toBeGreaterThan(3);
    for (const [tag, id] of drawings)
      expect(tag.includes('aria-hidden="true"') || (id !== undefined && tag.includes(`aria-labelledby="${id} `))).toBe(
        true,
      );
  });

  it("draw every interval inside its drawing, and the lines of the trend through every cycle", () => {
    const [figure = ""] = /<svg class="figure[\s\S]*?<\/svg>/.exec(html) ?? [];
    const places = [...figure.matchAll(/ x[12]="([^"]*)"/g)].map(([, x]) => Number(x));
    expect(Math.min(...places)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...places)).toBeLessThanOrEqual(360);
    expect(html).toMatch(/the 95 % interval reaches from/);
    const [trend = ""] = /<svg class="trend"[\s\S]*?<\/svg>/.exec(html) ?? [];
    expect(trend.match(/<circle/g)).toHaveLength(6);
    expect(trend).not.toContain("NaN");
    expect(trend).toContain("cycle 3: baseline");
  });
});

it("the costs of all cycles are added up, and nothing is double", async () => {
  const root = freshFolder();
  const parts = fakeParts();
  let requests = 0;
  const { reference, questions } = parts.teacher;
  parts.teacher.reference = (...args) => ((requests += 1), reference(...args));
  parts.teacher.questions = (...args) => ((requests += 1), questions(...args));
  parts.teacher.usage = () => ({
    requests,
    inputTokens: requests * 100,
    outputTokens: requests * 10,
    dollars: requests / 1000,
  });
  await play(root, fakeRunFile({ cycles: 2 }), { parts });
  const { markdown, html } = reportsIn(root);
  const line = `| all together | ${requests} | ${(requests * 100).toLocaleString("en")} | ${(requests * 10).toLocaleString("en")} | $${(requests / 1000).toFixed(4)} |`;
  expect(requests).toBeGreaterThan(10);
  expect(markdown).toContain(line);
  expect(html).toContain("all together");
});

it("a run that is not complete has no report", async () => {
  const store = await openRun(freshFolder(), fakeRunFile());
  await expect(writeReport(store, fakeKnowledge())).rejects.toThrow("the report needs the questions checkpoint");
  await store.close();
});
