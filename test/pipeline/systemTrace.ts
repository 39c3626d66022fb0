/** What a program and all its children asked of the system, as strace saw it: files, sockets, programs. */
import { mkdirSync, realpathSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

const network = ["connect", "bind", "listen", "sendto", "sendmsg", "sendmmsg"];
const starting = ["clone", "clone3", "fork", "vfork"];

/**
 * The lines of one process and of all it started, threads included, between those that name two paths. A program marks its
 * own time by opening files of these names.
 * @throws Error when one of the paths is not named
 */
export function partOfTrace(log: string, { process, from, to }: { process: number; from: string; to: string }): string {
  const lines = log.split("\n");
  const [first, last] = [from, to].map((path) => lines.findIndex((line) => line.includes(`"${path}"`)));
  if (first === undefined || last === undefined || first < 0 || last < first) throw new Error(`no ${from} to ${to}`);
  // By the whole log, as a child may be seen at work before the call that made it has returned.
  const parents = new Map<string, string>();
  const idOf = (line: string) => /^\d+/.exec(line)?.[0] ?? "";
  for (const line of lines) {
    const [, call = "", child] = /^\d+ +(?:<\.\.\. )?(\w+).* = (\d+)$/.exec(line) ?? [];
    if (child && starting.includes(call)) parents.set(child, idOf(line));
  }
  const isMine = (id: string | undefined): boolean =>
    id !== undefined && (id === String(process) || isMine(parents.get(id)));
  return lines
    .slice(first + 1, last)
    .filter((line) => isMine(idOf(line)))
    .join("\n");
}

export interface SystemTrace {
  /** Paths of all attempts to open a file, successful or not. */
  opened: string[];
  /** Paths of all attempts to change anything: opened for writing, made, renamed, removed. */
  changed: string[];
  /** `ADDRESS:PORT` of everything sent or connected to over the network. */
  reached: string[];
  /** `ADDRESS:PORT` of sockets given an address of their own. */
  bound: string[];
  /** How often a socket was made to listen. */
  listens: number;
  started: string[];
}

/** @throws Error for a call whose form is not known: what is not understood must not pass for harmless */
export function readTrace(log: string): SystemTrace {
  const trace: SystemTrace = { opened: [], changed: [], reached: [], bound: [], listens: 0, started: [] };
  for (const line of log.split("\n")) {
    // The second half of a call that another thread cut in two; its arguments stood in the first.
    const call = /^\d+ +(\w+)\((.*)$/s.exec(line);
    if (!call) continue;
    const [, name = "", rest = ""] = call;
    if (starting.includes(name)) continue;
    if (name === "execve") trace.started.push(paths(rest)[0] ?? unknown(line));
    else if (name.startsWith("open")) {
      const [path = unknown(line)] = paths(rest);
      trace.opened.push(path);
      if (/O_WRONLY|O_RDWR|O_CREAT|O_TRUNC/.test(rest.replace(/"(?:[^"\\]|\\.)*"/g, ""))) trace.changed.push(path);
    } else if (name === "listen") trace.listens += 1;
    else if (network.includes(name)) {
      const found = addresses(rest);
      if (/AF_INET/.test(rest) && found.length === 0) unknown(line);
      (name === "bind" ? trace.bound : trace.reached).push(...found);
    } else {
      const found = paths(rest);
      trace.changed.push(...(found.length > 0 ? found : [unknown(line)]));
    }
  }
  return trace;
}

function unknown(line: string): never {
  throw new Error(`not understood: ${line.slice(0, 300)}`);
}

/** Files no run has a reason to look at. */
const secrets = [".ssh/id_rsa", ".netrc", ".npmrc", ".pypirc", ".aws/credentials", ".cache/huggingface/token"];

export function plantSecrets(home: string): void {
  for (const secret of secrets) {
    mkdirSync(dirname(join(home, secret)), { recursive: true });
    writeFileSync(join(home, secret), "canary");
  }
}

/**
 * What keeps nothing: the null device, the terminal, shared memory for the semaphores of Python libraries, and the mark of
 * a process's own peak of memory.
 */
const devices = /^\/(dev\/(null|tty|shm\/[\w.-]+)|proc\/self\/clear_refs)$/;

export interface Allowed {
  /** Folders in which things may be changed. */
  roots: string[];
  /** The user's folder, in which nothing may be opened. */
  home: string;
  /** Files that may be started, by any of their paths. */
  programs: string[];
  /** `ADDRESS:PORT` of the one service. */
  endpoint: string;
}

/** Each thing that was done and is not allowed, once. No port may listen at all. */
export function trespasses(trace: SystemTrace, { roots, home, programs, endpoint }: Allowed): string[] {
  const inside = roots.flatMap((root) => [`${root}/`, `${realpathSync(root)}/`]);
  const known = programs.flatMap((path) => [path, realpathSync(path)]);
  const changed = trace.changed.filter(
    (path) => !devices.test(path) && !inside.some((root) => `${path}/`.startsWith(root)),
  );
  const opened = trace.opened.filter(
    (path) => path.startsWith(`${home}/`) || secrets.some((secret) => path.endsWith(`/${secret}`)),
  );
  // A library asks so whether the machine has IPv6; without listening nobody can connect there.
  const bound = trace.bound.filter((address) => address !== "::1:0");
  return [
    ...new Set([
      ...changed.map((path) => `changed ${path}`),
      ...opened.map((path) => `opened ${path}`),
      ...trace.reached.filter((address) => address !== endpoint).map((address) => `reached ${address}`),
      ...bound.map((address) => `bound ${address}`),
      ...(trace.listens > 0 ? [`listened ${trace.listens} times`] : []),
      ...trace.started.filter((path) => !known.includes(path)).map((path) => `started ${path}`),
    ]),
  ];
}

/** The paths among a call's arguments, against the folder that stands before them as a descriptor. */
function paths(rest: string): string[] {
  const named = /(?:(?:AT_FDCWD|\d+)<((?:[^<>\\]|\\.)*)>, )?"((?:[^"\\]|\\.)*)"/g;
  return [...rest.split(" = ")[0]!.replace(/\[.*$/s, "").matchAll(named)].map(([, folder, path = ""]) =>
    folder === undefined ? path : resolve(folder, path),
  );
}

function addresses(rest: string): string[] {
  const four = /sin_port=htons\((\d+)\), sin_addr=inet_addr\("([^"]+)"\)/g;
  const six = /sin6_port=htons\((\d+)\),.*?inet_pton\(AF_INET6, "([^"]+)"/g;
  return [four, six].flatMap((pattern) => [...rest.matchAll(pattern)].map(([, port, address]) => `${address}:${port}`));
}
