/** strace as the tests use it: which calls are written down, and whether it works here. */
import { execFileSync } from "node:child_process";

const writing = ["creat", "rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir", "mkdir", "mkdirat"];
const linking = ["link", "linkat", "symlink", "symlinkat", "truncate", "chmod", "fchmodat", "mknod", "mknodat"];
const network = ["connect", "bind", "listen", "sendto", "sendmsg", "sendmmsg"];
const children = ["execve", "clone", "clone3", "fork", "vfork"];

/**
 * The command line that starts what follows under strace: it follows all children and prints paths, also those of descriptors.
 * @param {string} log the file that is written
 */
export const underStrace = (log) => [
  ...["strace", "-f", "-qq", "-y", "-s", "4096", "--seccomp-bpf", "-e", "signal=none", "-o", log],
  ...["-e", `trace=${["open", "openat", "openat2", ...children, ...writing, ...linking, ...network].join(",")}`],
];

export function straceWorks() {
  try {
    execFileSync("strace", ["-f", "-o", "/dev/null", "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
