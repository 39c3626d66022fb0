/** What becomes of a job and its children when the host is killed or halted. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import type { jobLimits } from "../../src/pipeline/adapters/pythonJob.ts";
import { amount, faultSeed, tell } from "../fakes/amounts.ts";
import { fakePlace } from "../fakes/fakePlace.ts";
import { alive, gone, processesWith, until } from "../fakes/processes.ts";
import { seededRandom } from "../fakes/random.ts";

interface Host {
  process: ChildProcess;
  /** Stands in the command lines of the job and its grandchild, and of no other process. */
  folder: string;
  said: { pid?: number; text?: string; code?: string }[];
}

/** A host of its own that starts a job and tells of it, so that it can be killed. */
function startHost(mode: string, spec: object, limits: Partial<typeof jobLimits> = {}): Host {
  const place = fakePlace(mode);
  const adapter = JSON.stringify(join(import.meta.dirname, "../../src/pipeline/adapters/pythonJob.ts"));
  const script = join(mkdtempSync(join(tmpdir(), "distillery-host-")), "host.ts");
  writeFileSync(
    script,
    `import { startJob } from ${adapter};
     const job = startJob("train", ${JSON.stringify(place)}, ${JSON.stringify(limits)});
     job.onLine = (line) => line.text?.length < 100 && console.log(JSON.stringify(line));
     job.hello.then(({ pid }) => { console.log(JSON.stringify({ pid })); job.send({ type: "spec", spec: ${JSON.stringify(spec)} }); });
     job.stopped.catch((error) => console.log(JSON.stringify({ code: error.code })));`,
  );
  const host = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
  const said: Host["said"] = [];
  createInterface({ input: host.stdout }).on("line", (line) => said.push(JSON.parse(line) as Host["said"][number]));
  return { process: host, folder: place.trainerFolder, said };
}

const ready = async ({ said }: Host): Promise<{ pid: number; text: string }> => ({
  pid: await until(() => said.find((line) => line.pid !== undefined)?.pid),
  text: await until(() => said.find((line) => line.text !== undefined)?.text),
});

test.each([{}, { flooding: true }])(
  "B1: a host killed with SIGKILL leaves neither job nor grandchild (%o)",
  async (spec) => {
    const host = startHost("orphan", spec);
    const { pid, text } = await ready(host);
    const grandchild = Number(/^grandchild (\d+)$/.exec(text)?.[1]);
    expect(processesWith(host.folder).sort()).toEqual([pid, grandchild].sort());
    host.process.kill("SIGKILL");
    expect(await Promise.all([gone(pid), gone(grandchild)])).toEqual([true, true]);
  },
);

const atOnce = 5;
const rounds = Math.ceil(amount("ORPHAN_KILLS", 50) / atOnce);
test(
  `B1: ${rounds * atOnce} kills at random moments, from the first on, leave no process after 5 s`,
  { timeout: rounds * 30_000 },
  async () => {
    const seed = faultSeed(51);
    const random = seededRandom(seed);
    const looks: Promise<number[]>[] = [];
    let caught = 0;
    for (let round = 0; round < rounds; round++) {
      const hosts = await Promise.all(
        Array.from({ length: atOnce }, async (_, index) => {
          const host = startHost("orphan", index % 2 ? { flooding: true } : {});
          if (round % 2) await ready(host);
          await pause(random() * 700);
          if (processesWith(host.folder).length > 0) caught += 1;
          host.process.kill("SIGKILL");
          return host;
        }),
      );
      // A job whose host was killed while starting it may show up after this: what counts is who is there at the end.
      looks.push(pause(5_000).then(() => hosts.flatMap(({ folder }) => processesWith(folder))));
    }
    const leftovers = (await Promise.all(looks)).flat();
    for (const pid of leftovers.filter(alive)) process.kill(pid, "SIGKILL");
    expect(leftovers).toEqual([]);
    expect(caught).toBeGreaterThanOrEqual(Math.floor(rounds / 2) * atOnce); // every second round waits until the job runs
    tell("orphans", { tried: rounds * atOnce, seed, caught, left: 0 });
  },
);

test("B4: host and job halted for longer than the limit, as in a sleeping machine, go on", async () => {
  const host = startHost("pauses", {}, { notice: 800, hung: 1_500, tick: 100 });
  const { pid } = await ready(host);
  process.kill(pid, "SIGSTOP");
  host.process.kill("SIGSTOP");
  await pause(3_000);
  host.process.kill("SIGCONT");
  process.kill(pid, "SIGCONT");
  await pause(1_000);
  expect(host.said.filter(({ code }) => code)).toEqual([]);
  expect(alive(pid)).toBe(true);
  host.process.kill("SIGKILL");
  process.kill(pid, "SIGKILL"); // this one watches no host
});
