/** The knowledge base as a folder of Markdown and text files. */
import { readFile, realpath, stat } from "node:fs/promises";
import { basename, join, posix } from "node:path";
import { knowledgeSettingsSchema, type Knowledge, type KnowledgeSettings, type Section } from "../../protocol/model.ts";
import { UserError } from "../../protocol/errors.ts";
import { hashOf, sha256 } from "../hash.ts";
import type { KnowledgeBase } from "../ports.ts";
import { defaultLimits, readTextFiles, type Limits, type TextFile } from "./knowledgeFiles.ts";
import { cutMarkdown, cutPlainText } from "./markdownSections.ts";
import { fewestWords, joinShort, splitLong } from "./sectionSize.ts";

/** The settings file at the root of a knowledge base. */
const settingsFile = "distillery.json";
/** With fewer sections none can be kept back as unseen. */
const fewestSections = 2;

/**
 * Reads a folder afresh on every `read()`.
 * @throws UserError E_KNOWLEDGE for a missing, empty or tiny folder, E_SETTINGS for a wrong settings file.
 */
export function createKnowledgeFolder(folder: string, limits: Limits = defaultLimits): KnowledgeBase {
  return { read: () => readKnowledge(folder, limits) };
}

async function readKnowledge(folder: string, limits: Limits): Promise<Knowledge> {
  const info = await stat(folder).catch(() => null);
  if (!info) throw new UserError("E_KNOWLEDGE", `The knowledge folder ${folder} does not exist or cannot be read.`);
  if (!info.isDirectory()) throw new UserError("E_KNOWLEDGE", `${folder} is not a folder.`);
  const root = await realpath(folder);
  const settings = await readSettings(root);
  const { files, skipped } = await readTextFiles(root, settings, limits);
  const sections: Section[] = [];
  const topics = new Map<string, string>();
  const ids = new Set<string>();
  for (const file of files) {
    const cut = cutFile(file);
    for (const piece of cut.short)
      skipped.push({
        file: `${file.path}:${piece.firstLine}`,
        reason: `the section "${piece.heading || cut.topic}" has fewer than ${fewestWords} words`,
      });
    if (cut.pieces.length === 0) {
      if (cut.short.length === 0) skipped.push({ file: file.path, reason: "it has no text under its headings" });
      continue;
    }
    // Topics are chosen without regard to case, so two spellings are one topic.
    const topic = topics.get(cut.topic.toLowerCase()) ?? cut.topic;
    topics.set(topic.toLowerCase(), topic);
    for (const piece of cut.pieces) {
      const heading = piece.heading || topic;
      sections.push({
        id: uniqueId(file.path, heading, ids),
        topic,
        heading,
        file: file.path,
        firstLine: piece.firstLine,
        lastLine: piece.lastLine,
        text: piece.text,
        hash: hashOf({ topic, heading, text: piece.text }),
      });
    }
  }
  if (sections.length < fewestSections) throw tooSmall(folder, sections.length, skipped);
  const domain = { name: settings.domain ?? basename(root), version: settings.version ?? "" };
  const hash = hashOf({ domain, sections: sections.map(({ id, hash: text }) => [id, text]) });
  return { domain, topics: [...topics.values()], sections, skipped, hash };
}

async function readSettings(root: string): Promise<KnowledgeSettings> {
  const text = await readFile(join(root, settingsFile), "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "{}";
    throw new UserError("E_SETTINGS", `${settingsFile} of the knowledge base cannot be read (${error.code}).`);
  });
  let data: unknown;
  try {
    data = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    throw new UserError("E_SETTINGS", `${settingsFile} of the knowledge base is not valid JSON.`);
  }
  const parsed = knowledgeSettingsSchema.safeParse(data);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = issue?.path.join(".") || "the file";
  throw new UserError(
    "E_SETTINGS",
    `${settingsFile} of the knowledge base, ${field}: ${issue?.message ?? "not valid"}.`,
  );
}

function cutFile(file: TextFile) {
  const isMarkdown = /\.(md|markdown)$/i.test(file.path);
  const { title, pieces } = isMarkdown ? cutMarkdown(file.text) : cutPlainText(file.text);
  const { pieces: usable, short } = joinShort(pieces);
  return { topic: title ?? nameAsTitle(file.path), pieces: usable.flatMap(splitLong), short };
}

/** "guides/network_policies.md" → "Network policies". */
function nameAsTitle(path: string): string {
  const words = posix.basename(path, posix.extname(path)).replace(/[-_]+/g, " ").trim() || path;
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** File and heading as an id. What the alphabet of ids cannot hold or 64 characters cut off becomes a hash. */
function uniqueId(path: string, heading: string, taken: Set<string>): string {
  const name = path.slice(0, path.length - posix.extname(path).length);
  const full = [slug(name), slug(heading)].filter(Boolean).join("-");
  const lossy = slug(name) === "" || slug(heading) === "" || full.length > 60;
  const base = lossy
    ? [full.slice(0, 50).replace(/-+$/, ""), sha256(`${path}\n${heading}`).slice(0, 8)].filter(Boolean).join("-")
    : full;
  let id = base;
  for (let count = 2; taken.has(id); count++) id = `${base}-${count}`.slice(-64);
  taken.add(id);
  return id;
}

const slug = (text: string): string =>
  text
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");

function tooSmall(folder: string, found: number, skipped: readonly { file: string; reason: string }[]): UserError {
  const left = skipped.slice(0, 3).map(({ file, reason }) => `${file} (${reason})`);
  const more =
    left.length > 0
      ? ` Left out: ${left.join("; ")}${skipped.length > 3 ? ` and ${skipped.length - 3} more` : ""}.`
      : "";
  const count = found === 0 ? "no usable section" : "only one usable section";
  return new UserError(
    "E_KNOWLEDGE",
    `${folder} has ${count}; at least ${fewestSections} with ${fewestWords} words each are needed.${more}`,
  );
}
