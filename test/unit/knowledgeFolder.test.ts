import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { knowledgeSchema, type Knowledge } from "../../src/protocol/model.ts";
import { UserError } from "../../src/protocol/errors.ts";
import { createKnowledgeFolder } from "../../src/pipeline/adapters/knowledgeFolder.ts";
import { defaultLimits } from "../../src/pipeline/adapters/knowledgeFiles.ts";
import { countWords, mostWords } from "../../src/pipeline/adapters/sectionSize.ts";

const repository = fileURLToPath(new URL("../../", import.meta.url));
const made: string[] = [];

afterEach(async () => {
  for (const folder of made.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** A folder with the given files; `filler` words make a section usable. */
async function folderOf(files: Record<string, string | Uint8Array>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "knowledge-"));
  made.push(folder);
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  return folder;
}

const filler = (about: string): string =>
  `The ${about} is a part of the machine that people look after with care, because it keeps everything else in order.`;
const twoSections = { "base.md": `# Base\n\n## One\n\n${filler("pump")}\n\n## Two\n\n${filler("valve")}\n` };
const read = (folder: string): Promise<Knowledge> => createKnowledgeFolder(folder).read();
const reasonFor = (knowledge: Knowledge, file: string): string | undefined =>
  knowledge.skipped.find((entry) => entry.file === file)?.reason;

/** Every section's text must be what stands in its lines, so that an answer can point at the line. */
async function expectLinesRight(folder: string, knowledge: Knowledge): Promise<void> {
  for (const section of knowledge.sections) {
    const lines = (await readFile(join(folder, section.file), "utf8")).split(/\r\n|\r|\n/);
    section.text.split("\n").forEach((line, index) => {
      const inFile = lines[section.firstLine - 1 + index] ?? "";
      expect(line === "" || inFile.includes(line), `${section.id}: "${line}"`).toBe(true);
    });
    expect(section.firstLine + section.text.split("\n").length - 1).toBe(section.lastLine);
  }
}

test("the bundled knowledge base has 20 topics of at least four sections, each with a source", async () => {
  const folder = join(repository, "knowledge");
  const knowledge = knowledgeSchema.parse(await read(folder));
  expect(knowledge.domain).toEqual({ name: "Kubernetes", version: "v1.28" });
  expect(knowledge.topics).toHaveLength(20);
  expect(knowledge.skipped).toEqual([]);
  for (const topic of knowledge.topics)
    expect(knowledge.sections.filter((section) => section.topic === topic).length, topic).toBeGreaterThanOrEqual(4);
  for (const { id, text, file, lastLine } of knowledge.sections) {
    expect(countWords(text), id).toBeGreaterThanOrEqual(60);
    expect(countWords(text), id).toBeLessThanOrEqual(150);
    expect(text, id).not.toContain("Source:");
    const after = (await readFile(join(folder, file), "utf8"))
      .split("\n")
      .slice(lastLine, lastLine + 2)
      .join("");
    expect(after, id).toMatch(/^Source: <https:\/\/\S+>$/);
  }
  await expectLinesRight(folder, knowledge);
});

test("the made-up knowledge base has 24 sections", async () => {
  const knowledge = await read(join(repository, "test/fixtures/madeUpKnowledge"));
  expect(knowledge.domain.name).toBe("Ondrelle fogpress");
  expect(knowledge.sections).toHaveLength(24);
});

test("the topic is the first h1, else the front matter's title, else the file name", async () => {
  const folder = await folderOf({
    "a.md": `---\ntitle: Not this\n---\n\n# From heading\n\n${filler("pump")}`,
    "b.md": `---\ntitle: "From front matter"\ntags: [x]\n---\n## Valve\n\n${filler("valve")}`,
    "deep/some_file-name.md": `## Wheel\n\n${filler("wheel")}`,
    "d.md": `---\n: not yaml [\n---\n## Belt\n\n${filler("belt")}`,
  });
  const knowledge = await read(folder);
  expect(knowledge.topics).toEqual(["From heading", "From front matter", "D", "Some file name"]);
  expect(knowledge.sections.map(({ heading }) => heading)).toEqual(["From heading", "Valve", "Belt", "Wheel"]);
  await expectLinesRight(folder, knowledge);
});

test("ids hold to their alphabet, are unique, and do not move when another section is added", async () => {
  const long = "x".repeat(90);
  const files = {
    "a.md": `# A\n\n## Same\n\n${filler("one")}\n\n## Same\n\n${filler("two")}\n\n## ${long}\n\n${filler("three")}`,
    "日本.md": `# 題\n\n## 猫\n\n${filler("four")}\n\n## 犬\n\n${filler("five")}`,
  };
  const before = knowledgeSchema.parse(await read(await folderOf(files)));
  const ids = before.sections.map(({ id }) => id);
  expect(new Set(ids).size).toBe(5);
  expect(ids.slice(0, 2)).toEqual(["a-same", "a-same-2"]);
  const after = await read(await folderOf({ ...files, "0.md": `# New\n\n${filler("six")}` }));
  expect(after.sections.map(({ id }) => id)).toEqual(expect.arrayContaining(ids));
});

test("source lines, comments and link definitions are not part of the text; line numbers stay right", async () => {
  const folder = await folderOf({
    "a.md": `# A\r\n\r\n<!-- note\r\nto self -->\r\n${filler("pump")}\r\n\r\n${filler("lid")}\r\n\r\nSource: <https://example.org/a>\r\n\r\n[x]: https://example.org\r\n\r\n## B ##\r\n\r\n\`\`\`sh\r\n# no heading\r\nrun it\r\n\`\`\`\r\n\r\n${filler("tap")}\r\n`,
  });
  const knowledge = await read(folder);
  expect(knowledge.sections.map(({ heading, firstLine, lastLine }) => [heading, firstLine, lastLine])).toEqual([
    ["A", 5, 7],
    ["B", 15, 20],
  ]);
  expect(knowledge.sections[0]?.text).toBe(`${filler("pump")}\n\n${filler("lid")}`);
  expect(knowledge.sections[1]?.text).toContain("# no heading");
  await expectLinesRight(folder, knowledge);
});

test("neighbouring short sections are joined; one that stays short is named", async () => {
  const folder = await folderOf({
    ...twoSections,
    "faq.md":
      "# Questions\n\n## How old is it?\n\nIt is nine years old this spring.\n\n## Who built it?\n\nThe brothers Aldo and Remo Pintor built it.\n\n## Why?\n\nNobody knows.\n",
  });
  const knowledge = await read(folder);
  const joined = knowledge.sections.find(({ file }) => file === "faq.md");
  expect(joined).toMatchObject({ heading: "How old is it?", firstLine: 5, lastLine: 9 });
  expect(joined?.text).toBe(
    "It is nine years old this spring.\n\n\nWho built it?:\nThe brothers Aldo and Remo Pintor built it.",
  );
  expect(reasonFor(knowledge, "faq.md:13")).toContain('"Why?" has fewer than 15 words');
});

test("an over-long section is split at paragraphs, and a single long line at its sentences", async () => {
  const paragraphs = Array.from({ length: 30 }, (_, index) => filler(`part ${index}`));
  const folder = await folderOf({ "a.md": `# A\n\n${paragraphs.join("\n\n")}\n\n## B\n\n${paragraphs.join(" ")}\n` });
  const knowledge = await read(folder);
  for (const { text } of knowledge.sections) expect(countWords(text)).toBeLessThanOrEqual(mostWords);
  const all = knowledge.sections.map(({ text }) => text).join("\n");
  for (const paragraph of paragraphs) expect(all.split(paragraph).length - 1).toBe(2);
  expect(new Set(knowledge.sections.map(({ heading }) => heading))).toEqual(new Set(["A", "B"]));
  await expectLinesRight(folder, knowledge);
});

test("plain text is cut at lines that stand alone as headings", async () => {
  const folder = await folderOf({
    "manual.txt": `Care\n====\n\n${filler("pump")}\n\nStorage over winter\n\n${filler("tank")}\n${filler("lid")}\n`,
  });
  const knowledge = await read(folder);
  expect(knowledge.sections.map(({ heading, firstLine, lastLine }) => [heading, firstLine, lastLine])).toEqual([
    ["Care", 4, 4],
    ["Storage over winter", 8, 9],
  ]);
});

test("include, exclude and nested .gitignore files are obeyed", async () => {
  const folder = await folderOf({
    ...twoSections,
    ".gitignore": "build/\n*.draft.md\n",
    "build/out.md": `# Built\n\n${filler("x")}`,
    "a.draft.md": `# Draft\n\n${filler("x")}`,
    "sub/.gitignore": "!kept.draft.md\nprivate.md\n",
    "sub/kept.draft.md": `# Kept\n\n${filler("x")}`,
    "sub/private.md": `# Private\n\n${filler("x")}`,
    "old/a.md": `# Old\n\n${filler("x")}`,
    "node_modules/p/readme.md": `# Package\n\n${filler("x")}`,
    "notes.adoc": filler("x"),
    "distillery.json": JSON.stringify({ domain: "Machines", version: "2", exclude: ["old"] }),
  });
  const knowledge = await read(folder);
  expect(knowledge.topics).toEqual(["Base", "Kept"]);
  expect(knowledge.domain).toEqual({ name: "Machines", version: "2" });
  expect(reasonFor(knowledge, "1 × .adoc")).toBe("neither Markdown nor text");
  await writeFile(join(folder, "distillery.json"), JSON.stringify({ include: ["*.adoc", "old/**/*.md", "base.md"] }));
  const included = await read(folder);
  expect(included.sections.map(({ file }) => file)).toEqual(["base.md", "base.md", "notes.adoc", "old/a.md"]);
});

test("files that are not readable text or look like secrets are left out, each with its reason", async () => {
  const key = `-----BEGIN RSA PRIVATE KEY-----\n${"A".repeat(64)}\n-----END RSA PRIVATE KEY-----`;
  const folder = await folderOf({
    ...twoSections,
    "nul.md": `# X\n\n${filler("x")}\0`,
    "latin.md": new Uint8Array([35, 32, 65, 10, 0xe9, 0x20, 0x41]),
    "large.md": "word ".repeat(500_000),
    "minified.txt": "a,b;".repeat(2_000),
    "key.md": `# Key\n\n${filler("x")}\n\n${key}`,
    "token.md": `# Token\n\n${filler("x")} sk-proj-abcdefghij0123456789ABCDEF`,
    ".env": "OPENAI_API_KEY=sk-secret",
    id_rsa: key,
    "tls.pem": key,
    "picture.png": new Uint8Array([137, 80, 78, 71]),
    "empty.md": "",
    "headings.md": "# Only\n\n## Headings\n",
  });
  const knowledge = await read(folder);
  expect(knowledge.topics).toEqual(["Base"]);
  const reasons = Object.fromEntries(knowledge.skipped.map(({ file, reason }) => [file, reason]));
  expect(reasons).toMatchObject({
    "nul.md": "it is binary or not UTF-8",
    "latin.md": "it is not UTF-8 text",
    "large.md": "it is larger than 2 MB",
    "minified.txt": expect.stringContaining("minified"),
    "key.md": "it seems to hold a private key",
    "token.md": "it seems to hold an API key",
    ".env": expect.stringContaining("keys and passwords"),
    id_rsa: expect.stringContaining("keys and passwords"),
    "tls.pem": expect.stringContaining("keys and passwords"),
    "1 × .png": "neither Markdown nor text",
    "empty.md": "it has no text under its headings",
    "headings.md": "it has no text under its headings",
  });
  expect(JSON.stringify(knowledge)).not.toContain("sk-");
});

test.runIf(process.platform !== "win32")("links are not followed, loops and pipes do no harm", async () => {
  const outside = await folderOf({ "secret.md": `# Outside\n\n${filler("x")}` });
  const folder = await folderOf(twoSections);
  await symlink(join(outside, "secret.md"), join(folder, "linked.md"));
  await symlink(outside, join(folder, "linkedFolder"));
  await symlink(folder, join(folder, "loop"));
  await symlink("nowhere", join(folder, "broken.md"));
  execFileSync("mkfifo", [join(folder, "pipe.md")]);
  const knowledge = await read(folder);
  expect(knowledge.topics).toEqual(["Base"]);
  expect(reasonFor(knowledge, "linked.md")).toContain("symbolic link");
  expect(reasonFor(knowledge, "broken.md")).toContain("symbolic link");
  expect(reasonFor(knowledge, "pipe.md")).toBe("it is not a regular file");
});

test("what the system refuses to read is left out, each with its reason, and all of a folder whose .gitignore it is", async () => {
  const folder = await folderOf(twoSections);
  // Paths that are too long to be opened stop every user, also one that may read everything.
  const longest = process.platform === "linux" ? 4095 : 1023;
  const make = (names: string[], last: string, content: string[]): void => {
    const script = `const { mkdirSync, writeFileSync } = require("node:fs");
      for (const name of ${JSON.stringify([...names, last])}) mkdirSync(name, { recursive: true }), process.chdir(name);
      for (const name of ${JSON.stringify(content)}) if (name.endsWith("/")) mkdirSync(name); else writeFileSync(name, "x.md");`;
    execFileSync(process.execPath, ["-e", script], { cwd: folder });
  };
  const names: string[] = [];
  const length = () => [folder, ...names].join("/").length;
  while (length() < longest - 300) names.push("d".repeat(200));
  const end = longest - 5 - (length() + 1);
  make(names, "a".repeat(end), ["longer.md", "folder/", "x.md"]);
  make(names, "b".repeat(end), [".gitignore", "x.md"]);
  try {
    const knowledge = await read(folder);
    const within = (...more: string[]) => [...names, ...more].join("/");
    const skipped = Object.fromEntries(knowledge.skipped.map(({ file, reason }) => [file, reason]));
    expect(skipped).toMatchObject({
      [within("a".repeat(end), "longer.md")]: "it cannot be read (ENAMETOOLONG)",
      [within("a".repeat(end), "folder")]: "the folder cannot be read",
      [within("b".repeat(end))]: "its .gitignore cannot be read",
    });
    expect(Object.keys(skipped)).not.toContain(within("b".repeat(end), "x.md"));
    expect(new Set(knowledge.sections.map(({ file }) => file))).toEqual(new Set(["base.md"]));
  } finally {
    execFileSync("rm", ["-rf", folder]);
  }
});

test.each(["title: [Pumps", "title: *pumps", "title: !!set {"])(
  "front matter whose YAML is broken (%s) names no title, and is no part of the text",
  async (yaml) => {
    const text = `---\n${yaml}\n---\n\n## One\n\n${filler("pump")}\n\n## Two\n\n${filler("valve")}\n`;
    const knowledge = await read(await folderOf({ "pumps-and-valves.md": text }));
    expect(knowledge.topics).toEqual(["Pumps and valves"]);
    expect(knowledge.sections.map((section) => section.text).join()).not.toContain("title");
  },
);

test("the number of files and bytes is capped, and what was left out is said", async () => {
  const files = Object.fromEntries(Array.from({ length: 12 }, (_, n) => [`f${n}.md`, `# T${n}\n\n${filler(`n${n}`)}`]));
  const folder = await folderOf(files);
  const knowledge = await createKnowledgeFolder(folder, { ...defaultLimits, files: 5 }).read();
  expect(knowledge.sections).toHaveLength(5);
  expect(reasonFor(knowledge, "7 more files")).toContain("at most 5 files");
  const few = await createKnowledgeFolder(folder, { ...defaultLimits, totalBytes: 300 }).read();
  expect(few.sections.length).toBeLessThan(5);
});

test("file names of every kind round-trip", async () => {
  const names = ["emoji 🚀.md", "שלום.md", "e\u0301.md", "quote'\".md", "trailing .md", "new\nline.md"];
  const folder = await folderOf(Object.fromEntries(names.map((name) => [name, `# ${name.trim()}\n\n${filler("x")}`])));
  const knowledge = knowledgeSchema.parse(await read(folder));
  expect(new Set(knowledge.sections.map(({ file }) => file))).toEqual(new Set(names));
});

test("the hash follows text and domain, not line numbers or skipped files", async () => {
  const base = await read(await folderOf({ "distillery.json": '{"domain":"D"}', ...twoSections }));
  const moved = await read(
    await folderOf({ "distillery.json": '{"domain":"D"}', "base.md": `\n\n${twoSections["base.md"]}`, "x.png": "" }),
  );
  const edited = await read(
    await folderOf({ "distillery.json": '{"domain":"D"}', "base.md": twoSections["base.md"].replace("care", "love") }),
  );
  const renamed = await read(await folderOf({ "distillery.json": '{"domain":"E"}', ...twoSections }));
  expect(moved.hash).toBe(base.hash);
  expect(edited.hash).not.toBe(base.hash);
  expect(renamed.hash).not.toBe(base.hash);
  expect(edited.sections.filter(({ hash }, index) => hash !== base.sections[index]?.hash)).toHaveLength(1);
});

test.each([
  ["a missing folder", null, "E_KNOWLEDGE", "does not exist"],
  ["an empty folder", {}, "E_KNOWLEDGE", "no usable section"],
  ["one tiny file", { "a.md": "# Hi\n\nToo small." }, "E_KNOWLEDGE", "no usable section"],
  ["one section", { "a.md": `# Hi\n\n${filler("x")}` }, "E_KNOWLEDGE", "only one usable section"],
  ["settings that are not JSON", { ...twoSections, "distillery.json": "{" }, "E_SETTINGS", "not valid JSON"],
  ["a wrong setting", { ...twoSections, "distillery.json": '{"domain":3}' }, "E_SETTINGS", "domain"],
  ["an unknown setting", { ...twoSections, "distillery.json": '{"colour":"red"}' }, "E_SETTINGS", "colour"],
])("%s is a named error", async (_, files, code, text) => {
  const folder = files ? await folderOf(files) : "/nonexistent-folder";
  const error: unknown = await read(folder).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(UserError);
  expect(error).toMatchObject({ code, message: expect.stringContaining(text) });
});
