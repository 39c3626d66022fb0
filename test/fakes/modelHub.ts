/** A model hub on this machine: its listing, its files with ranges, and what can go wrong with them. */
import { createHash } from "node:crypto";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface ModelHub {
  address: string;
  /** `PATH RANGE` of every request for a file, in order. */
  asked: string[];
  /** Bytes after which the answer with the weights is cut, once each. */
  cuts: number[];
  /** What is sent instead of the weights. */
  replaced: Buffer | null;
  ranges: boolean;
  close(): Promise<void>;
}

export const commit = "0123456789abcdef0123456789abcdef01234567";

/** Serves one model `owner/tiny` made of `files`; `*.safetensors` are listed with a SHA-256, the others as git has them. */
export async function startModelHub(files: Readonly<Record<string, Buffer>>): Promise<ModelHub> {
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    if (path === "/api/models/owner/tiny/revision/main") return json(response, { sha: commit });
    if (path === `/api/models/owner/tiny/tree/${commit}`) return json(response, Object.entries(files).map(listed));
    const name = path.replace(`/owner/tiny/resolve/${commit}/`, "");
    const content = Object.hasOwn(files, name) ? files[name] : undefined;
    if (!content) return void response.writeHead(404).end();
    const { range } = request.headers;
    hub.asked.push(`${name} ${range ?? "all"}`);
    const isWeights = name.endsWith(".safetensors");
    const whole = (isWeights && hub.replaced) || content;
    const start = hub.ranges ? Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0) : 0;
    const rest = whole.subarray(start);
    const headers: Record<string, string | number> = { "content-length": rest.length };
    if (start > 0) headers["content-range"] = `bytes ${start}-${whole.length - 1}/${whole.length}`;
    response.writeHead(start > 0 ? 206 : 200, headers);
    const cut = isWeights ? hub.cuts.shift() : undefined;
    if (cut === undefined) return void response.end(rest);
    response.write(rest.subarray(0, cut), () => setTimeout(() => response.destroy(), 50));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const hub: ModelHub = {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    cuts: [],
    replaced: null,
    ranges: true,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return hub;
}

function listed([path, content]: [string, Buffer]): object {
  const oid = createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex");
  const entry = { type: "file", path, size: content.length, oid };
  if (!path.endsWith(".safetensors")) return entry;
  return { ...entry, lfs: { oid: createHash("sha256").update(content).digest("hex"), size: content.length } };
}

function json(response: ServerResponse, value: unknown): void {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(value));
}
