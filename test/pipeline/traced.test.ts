/** A whole run under strace: where it writes, what it reaches, what it never looks at. */
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { straceWorks, underStrace } from "../../scripts/strace.mjs";
import { cacheFolder } from "../../src/pipeline/adapters/cacheFolder.ts";
import { readyEnvironment } from "../../src/pipeline/adapters/environment.ts";
import { startOpenaiServer } from "../fakes/openaiServer.ts";
import { freshFolder } from "../fakes/runs.ts";
import { resultOf, startDistillery } from "./distillery.ts";
import { partOfTrace, plantSecrets, readTrace, trespasses } from "./systemTrace.ts";

const folder = freshFolder();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const key = "sk-test-canary-0123456789abcdef";

test.runIf(straceWorks())(
  "a run writes in its folder, the cache and the temporary folder, reaches the endpoint alone and listens nowhere",
  { timeout: 900_000 },
  async () => {
    const environment = await readyEnvironment();
    const [home, out, temporary] = ["home", "out", "tmp"].map((name) => join(folder, name)) as [string, string, string];
    plantSecrets(home);
    for (const each of [out, temporary]) mkdirSync(each);
    const log = join(folder, "trace.log");
    const server = await startOpenaiServer({ key });
    try {
      const settings = "--questions 2 --topics Pods,DNS --steps 2 --max-new-tokens 16 --wordings 2 --no-probe --judge";
      const endpoint = ["--teacher", "openai", "--base-url", server.baseUrl, "--model", "gpt-4o-mini"];
      const ended = await startDistillery(["run", ...settings.split(" "), ...endpoint, "--out", out, "--json"], {
        cwd: out,
        env: { HOME: home, TMPDIR: temporary, DISTILLERY_HOME: cacheFolder(), OPENAI_API_KEY: key },
        under: underStrace(log),
      });
      expect(resultOf<{ run: string }>(ended).run).toBeTruthy();
      const trace = readTrace(readFileSync(log, "utf8"));

      expect(
        trespasses(trace, {
          roots: [out, temporary, cacheFolder()],
          home,
          programs: [process.execPath, environment.python],
          endpoint: new URL(server.baseUrl).host,
        }),
      ).toEqual([]);
      expect(trace.changed.filter((path) => path.startsWith(`${out}/.distillery/runs/`)).length).toBeGreaterThan(20);
      expect(trace.reached.length).toBeGreaterThan(0);
      console.info(
        `${trace.opened.length} opens, ${trace.changed.length} changes, ${trace.reached.length} connections`,
      );
    } finally {
      await server.close();
    }
  },
);

test("the reading of a trace finds each kind of access, and takes nothing unknown for harmless", () => {
  const trace = readTrace(
    [
      '10 execve("/bin/x", ["/bin/x", "a, \\"b\\""], 0x7 /* 9 vars */) = 0',
      '10 openat(AT_FDCWD</w>, "../etc/passwd", O_RDONLY|O_CLOEXEC) = 3</etc/passwd>',
      '10 openat(7</w/d>, "O_RDWR", O_RDONLY) = -1 ENOENT (No such file or directory)',
      '11 openat(AT_FDCWD</w>, "/p", O_RDWR|O_CREAT, 0666 <unfinished ...>',
      "11 <... openat resumed>) = 3</p>",
      '10 renameat2(AT_FDCWD</w>, "a", 5</v>, "b", 0) = 0',
      '10 mkdir("/m", 0777) = 0',
      '10 connect(3<socket:[1]>, {sa_family=AF_UNIX, sun_path="/var/run/nscd/socket"}, 110) = -1 ENOENT (No)',
      '10 connect(3<socket:[1]>, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("10.0.0.1")}, 16) = 0',
      '10 bind(5<socket:[2]>, {sa_family=AF_INET6, sin6_port=htons(0), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "::1", &sin6_addr), sin6_scope_id=0}, 28) = 0',
      "10 listen(5<socket:[2]>, 128) = 0",
    ].join("\n"),
  );
  expect(trace).toEqual({
    opened: ["/etc/passwd", "/w/d/O_RDWR", "/p"],
    changed: ["/p", "/w/a", "/v/b", "/m"],
    reached: ["10.0.0.1:53"],
    bound: ["::1:0"],
    listens: 1,
    started: ["/bin/x"],
  });
  const allowed = { roots: ["/var"], home: "/w", programs: ["/bin/sh"], endpoint: "127.0.0.1:1" };
  expect(trespasses({ ...trace, changed: [...trace.changed, "/var/log", "/various", "/dev/null"] }, allowed)).toEqual([
    ...["/p", "/w/a", "/v/b", "/m", "/various"].map((path) => `changed ${path}`),
    ...["opened /w/d/O_RDWR", "reached 10.0.0.1:53", "listened 1 times", "started /bin/x"],
  ]);
  const none = {
    ...trace,
    listens: 0,
    changed: [],
    opened: ["/h/.netrc"],
    reached: [],
    bound: ["0.0.0.0:80"],
    started: [],
  };
  expect(trespasses(none, allowed)).toEqual(["opened /h/.netrc", "bound 0.0.0.0:80"]);
  expect(() => readTrace("10 unlink(0x7ffe1234) = 0")).toThrow("not understood");
});

test("the part of a trace is that of one process and of what it started, between two marks", () => {
  const log = [
    '10 openat(AT_FDCWD</w>, "/before", O_RDONLY) = 3</before>',
    "10 clone3({flags=CLONE_VM}, 88) = 11",
    "12 vfork( <unfinished ...>",
    '11 openat(AT_FDCWD</w>, "/from", O_RDONLY) = -1 ENOENT (No such file or directory)',
    "11 clone(child_stack=NULL, flags=SIGCHLD <unfinished ...>",
    "12 <... vfork resumed>) = 13",
    '14 openat(AT_FDCWD</w>, "/early", O_RDONLY) = 3</early>',
    "11 <... clone resumed>) = 14",
    '13 openat(AT_FDCWD</w>, "/other", O_RDONLY) = 3</other>',
    '14 openat(AT_FDCWD</w>, "/mine", O_RDONLY) = 3</mine>',
    '10 openat(AT_FDCWD</w>, "/to", O_RDONLY) = -1 ENOENT (No such file or directory)',
    '10 openat(AT_FDCWD</w>, "/after", O_RDONLY) = 3</after>',
  ].join("\n");
  expect(readTrace(partOfTrace(log, { process: 10, from: "/from", to: "/to" })).opened).toEqual(["/early", "/mine"]);
  expect(() => partOfTrace(log, { process: 10, from: "/to", to: "/from" })).toThrow("no /to to /from");
});
