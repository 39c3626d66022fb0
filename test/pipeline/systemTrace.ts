/** What a program and all its children asked of the system, as strace saw it: files, sockets, programs. */
import { resolve } from "node:path";

const writing = ["creat", "rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir", "mkdir", "mkdirat"];
const linking = ["link", "linkat", "symlink", "symlinkat", "truncate", "chmod", "fchmodat", "mknod", "mknodat"];
const network = ["connect", "bind", "listen", "sendto", "sendmsg", "sendmmsg"];

/** Arguments for strace, before the program: it follows all children and prints paths, also those of descriptors. */
export const straceArguments = (log: string): string[] => [
  ...["-f", "-qq", "-y", "-s", "4096", "--seccomp-bpf", "-e", "signal=none", "-o", log],
  ...["-e", `trace=${["execve", "open", "openat", "openat2", ...writing, ...linking, ...network].join(",")}`],
];

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
