/** Sizes of what is downloaded and loaded, in bytes. */
import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { repository } from "../../scripts/bootstrap.mjs";

const dist = join(repository, "dist");

export interface Sizes {
  entry: number;
  app: number;
  panelScriptGzipped: number;
  panelStylesGzipped: number;
  vsix: number;
  /** The VSIX without llama.cpp's native files; models are never in it. */
  vsixWithoutNative: number;
}

/** Builds and packages first. @throws Error when that fails. */
export function measureSizes(): Sizes {
  const made = spawnSync(process.execPath, [join(repository, "scripts", "package.mjs")], { encoding: "utf8" });
  if (made.status !== 0) throw new Error(`${made.stdout}${made.stderr}`);
  const name = readdirSync(dist).find((each) => each.endsWith(".vsix"))!;
  const entries = zipEntries(readFileSync(join(dist, name)));
  const native = entries.filter((entry) => entry.name.includes("/node_modules/@node-llama-cpp/"));
  const vsix = statSync(join(dist, name)).size;
  const gzipped = (file: string) => gzipSync(readFileSync(join(dist, file)), { level: 9 }).length;
  return {
    entry: statSync(join(dist, "extension.cjs")).size,
    app: statSync(join(dist, "app.cjs")).size,
    panelScriptGzipped: gzipped("webview.js"),
    panelStylesGzipped: gzipped("webview.css"),
    vsix,
    vsixWithoutNative: vsix - native.reduce((sum, { packed }) => sum + packed, 0),
  };
}

/** Names and packed sizes of a ZIP's files, from its central directory (APPNOTE.TXT 4.3.12). */
function zipEntries(file: Buffer): { name: string; packed: number }[] {
  const end = file.lastIndexOf(Buffer.from("PK\x05\x06", "latin1"));
  const count = file.readUInt16LE(end + 10);
  let at = file.readUInt32LE(end + 16);
  return Array.from({ length: count }, () => {
    const packed = file.readUInt32LE(at + 20);
    const [nameLength, extra, comment] = [28, 30, 32].map((offset) => file.readUInt16LE(at + offset)) as [
      number,
      number,
      number,
    ];
    const name = file.toString("utf8", at + 46, at + 46 + nameLength);
    at += 46 + nameLength + extra + comment;
    return { name, packed };
  });
}
