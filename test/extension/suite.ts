/** What the test host calls: runs the suites in the extension host and writes what came out to a file. */
import { writeFile } from "node:fs/promises";
import Mocha from "mocha";

interface Outcome {
  title: string;
  state: "passed" | "failed" | "pending";
  seconds: number;
  error: string | null;
}

/** Which files belong to a window: the trusted one, the one under strace, or the one in Restricted Mode. */
const suites: Record<string, Record<string, () => Promise<unknown>>> = {
  trusted: {
    activation: () => import("./activation.ts"),
    commands: () => import("./commands.ts"),
    knowledge: () => import("./knowledge.ts"),
    student: () => import("./student.ts"),
    runs: () => import("./runs.ts"),
    editorTeacher: () => import("./editorTeacher.ts"),
    endings: () => import("./endings.ts"),
    ownStudent: () => import("./ownStudent.ts"),
    panel: () => import("./panel.ts"),
    review: () => import("./review.ts"),
    security: () => import("./security.ts"),
    faults: () => import("./faults.ts"),
    partFaults: () => import("./partFaults.ts"),
  },
  traced: { traced: () => import("./traced.ts") },
  restricted: { restricted: () => import("./restricted.ts") },
};

/** The files to run, in the order above; all of the window's when none is named. */
function chosen(): (() => Promise<unknown>)[] {
  const files = Object.entries(suites[process.env["DISTILLERY_TEST_WINDOW"] ?? "trusted"] ?? {});
  const only = process.env["DISTILLERY_TEST_ONLY"]?.split(",").filter(Boolean) ?? [];
  return files.filter(([name]) => only.length === 0 || only.includes(name)).map(([, load]) => load);
}

export async function run(): Promise<void> {
  const mocha = new Mocha({ ui: "bdd", timeout: 60_000 });
  mocha.suite.emit("pre-require", globalThis, "suite", mocha);
  const outcomes: Outcome[] = [];
  for (const load of chosen()) await load();
  await new Promise<void>((resolve) => {
    const runner = mocha.run(() => resolve());
    const add = (test: Mocha.Runnable, state: Outcome["state"], error: unknown = null) =>
      outcomes.push({
        title: test.fullTitle(),
        state,
        seconds: (test.duration ?? 0) / 1000,
        error: error === null ? null : error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    runner.on("pass", (test) => add(test, "passed"));
    runner.on("fail", (test, error) => add(test, "failed", error));
    runner.on("pending", (test) => add(test, "pending"));
  });
  await writeFile(process.env["DISTILLERY_TEST_REPORT"]!, JSON.stringify(outcomes));
}
