/**
 * Where the product catches errors, and a mark in each such place that notes in a file when it is reached.
 *
 * A mark carries the file's path in itself: the processes of the product get a filtered environment. It stands on the line
 * that it marks, so that all line numbers stay true, and it never throws, whatever the disk or the process lacks.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseAst } from "vitest/node";

/** A `catch` block, an `except` clause, or a handler given to `.catch` or as second one to `.then` that does something. */
export interface CatchBlock {
  /** Relative to the repository, with forward slashes. */
  file: string;
  line: number;
  column: number;
  /** The nearest function around it that has a name. */
  function: string;
}

interface Place extends Omit<CatchBlock, "file"> {
  /** Offset in the source where the mark goes, before a statement. */
  start: number;
  /** Null, or where the expression ends that begins at `start` and that the mark is put before. */
  end: number | null;
  /** The expression names the handler; the mark then goes into a function that calls it. */
  named?: boolean;
}

/** What a mark writes: the place, and of which source, so that no note counts for another version of the file. */
export const idOf = ({ file, line, column }: CatchBlock, sha: string): string => `${file}:${line}:${column} ${sha}`;

/**
 * Marks every place below `root` where the product catches an error. A mark in `webview/` notes nothing, for a page has no
 * files: a block there counts as not reached.
 * @param root a copy of the repository
 * @param log absolute path of the file that marks append their ids to, one a line
 * @param python interpreter that parses the Python sources
 * @returns the blocks by their ids
 * @throws Error for a source that does not parse, or a place that cannot be marked
 */
export function markCatches(root: string, log: string, python: string): Map<string, CatchBlock> {
  const found = new Map<string, CatchBlock>();
  const mark = (file: string, source: string, places: Place[], write: typeof markedTypeScript): void => {
    const sha = createHash("sha256").update(source).digest("hex").slice(0, 12);
    const ids = places.map((place) => idOf({ ...place, file }, sha));
    for (const [index, { line, column, function: name }] of places.entries())
      found.set(ids[index]!, { file, line, column, function: name });
    if (places.length > 0) writeFileSync(join(root, file), write(source, places, ids, log));
  };
  for (const file of sourcesBelow(root, "{src,webview}/**/*.ts")) {
    const source = readFileSync(join(root, file), "utf8");
    mark(file, source, placesInTypeScript(source, file), markedTypeScript);
  }
  const scripts = sourcesBelow(root, "trainer/*.py");
  const script = join(import.meta.dirname, "except_blocks.py");
  const output = execFileSync(python, [script, ...scripts.map((file) => join(root, file))], {
    encoding: "utf8",
    stdio: "pipe",
  });
  for (const [index, places] of (JSON.parse(output) as Place[][]).entries())
    mark(scripts[index]!, readFileSync(join(root, scripts[index]!), "utf8"), places, markedPython);
  return found;
}

const sourcesBelow = (root: string, pattern: string): string[] =>
  globSync(pattern, { cwd: root })
    .map((file) => file.replaceAll("\\", "/"))
    .sort();

interface Node {
  type: string;
  start: number;
  end: number;
  [key: string]: unknown;
}
const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && typeof (value as Node).type === "string";

/** @returns in the order of the source */
function placesInTypeScript(source: string, file: string): Place[] {
  const places: Place[] = [];
  const add = (at: Node, name: string, rest: Pick<Place, "start" | "end" | "named">): void => {
    const before = source.slice(0, at.start).split("\n");
    places.push({ line: before.length, column: before.at(-1)!.length + 1, function: name, ...rest });
  };
  const visit = (node: Node, around: string): void => {
    const name = nameOf(node) ?? around;
    if (node.type === "CatchClause") add(node, name, { start: (node["body"] as Node).start + 1, end: null });
    const handler = node.type === "CallExpression" ? handlerOf(node) : undefined;
    if (handler?.type === "Identifier" || handler?.type === "MemberExpression")
      add(handler, name, { start: handler.start, end: handler.end, named: true });
    const body = handler?.["body"] as Node | undefined;
    if (body?.type !== "BlockStatement") {
      if (body) add(handler!, name, { start: body.start, end: body.end });
    } else if ((body["body"] as Node[]).length > 0) add(handler!, name, { start: body.start + 1, end: null });
    for (const value of Object.values(node))
      for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) visit(child, name);
  };
  visit(parseAst(source, { lang: "ts" }, file) as unknown as Node, "the module");
  return places.sort((a, b) => a.start - b.start);
}

/** What a call gives to `.catch`, or to `.then` as second one. */
function handlerOf(call: Node): Node | undefined {
  const callee = call["callee"] as Node;
  const method = callee.type === "MemberExpression" ? (callee["property"] as Node)["name"] : null;
  const given = call["arguments"] as Node[];
  return method === "catch" ? given[0] : method === "then" ? given[1] : undefined;
}

/** The name that a node gives to the function in it. */
function nameOf(node: Node): string | null {
  const holder = node.type === "FunctionDeclaration" || node.type === "VariableDeclarator" ? node["id"] : node["key"];
  const holds =
    node.type === "FunctionDeclaration" ||
    [node["init"], node["value"]].some(
      (value) => isNode(value) && /^(ArrowFunction|Function)Expression$/.test(value.type),
    );
  return holds && isNode(holder) && typeof holder["name"] === "string" ? holder["name"] : null;
}

/** Puts the two texts of each place before its start and behind its end, from the last to the first: offsets stay true. */
function insert(source: string, places: Place[], texts: (place: Place, index: number) => [string, string]): string {
  const edits = places.flatMap((place, index) => {
    const [before, behind] = texts(place, index);
    return [{ at: place.start, text: before }, ...(place.end === null ? [] : [{ at: place.end, text: behind }])];
  });
  let marked = source;
  for (const { at, text } of edits.sort((a, b) => b.at - a.at)) marked = marked.slice(0, at) + text + marked.slice(at);
  return marked;
}

function markedTypeScript(source: string, places: Place[], ids: string[], log: string): string {
  return insert(source, places, ({ end, named }, index) => {
    const id = JSON.stringify(ids[index]);
    const once = `const s=(globalThis.caughtHere??=new Set());if(!s.has(${id})){s.add(${id});`;
    const note = `globalThis.process.getBuiltinModule("node:fs").appendFileSync(${JSON.stringify(log)},${id}+"\\n")`;
    const mark = `(()=>{try{${once}${note}}}catch{}})()`;
    if (end === null) return [` ${mark};`, ""];
    return named ? [`(...caught) => (${mark}, (0, `, ")(...caught))"] : [`(${mark}, `, ")"];
  });
}

function markedPython(source: string, places: Place[], ids: string[], log: string): string {
  return insert(source, places, ({ end }, index) => {
    // JSON's strings of plain text are Python's as well.
    const write = `with open(${JSON.stringify(log)}, "a") as log: log.write(${JSON.stringify(`${ids[index]}\n`)})`;
    const mark = `exec(${JSON.stringify(`try:\n  ${write}\nexcept Exception: pass`)}, {})`;
    return end === null ? [`${mark}; `, ""] : [`${mark} or (`, ")"];
  });
}
