/** `npm run bench -- NAME`: one measurement; README.md says what each one measures. */
import { fileURLToPath } from "node:url";
import { ready } from "../scripts/bootstrap.mjs";

await ready(fileURLToPath(import.meta.url));

/** @type {Record<string, () => Promise<{ run(args: string[]): Promise<number> }>>} */
const commands = {
  training: () => import("./trainingSpeed.ts"),
  gpu: () => import("./gpuTraining.ts"),
  coverage: () => import("./coverage.ts"),
  editor: () => import("./editorSpeed.ts"),
  tree: () => import("./treeSpeed.ts"),
  teacher: () => import("./teacherSpeed.ts"),
  release: () => import("./releaseFaults.ts"),
  long: () => import("./longRun.ts"),
  cycle: () => import("./cycleTime.ts"),
  catches: () => import("./catches.ts"),
};

const [name = "", ...args] = process.argv.slice(2);
const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
if (!command) {
  console.error(
    `Usage: npm run bench -- NAME [--repeats N] [--resamples N]. Names: ${Object.keys(commands).join(", ")}.`,
  );
  process.exit(2);
}
try {
  process.exitCode = await (await command()).run(args);
} catch (error) {
  const call = error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS");
  console.error(call ? `${error.message}. bench/README.md says what ${name} takes.` : error);
  process.exitCode = call ? 2 : 1;
}
