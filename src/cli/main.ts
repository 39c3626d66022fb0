/** The command line: finds the command, runs it, and ends with its exit code. */
import { UserError } from "../protocol/errors.ts";
import type { CliContext } from "./context.ts";
import { listenForInterruption } from "./interruption.ts";
import { parseCommandLine, settingFlagNames, type CommandLine, type FlagName } from "./options.ts";
import { printError } from "./printError.ts";
import { helpText } from "./help.ts";

/** A command's module is loaded when it is asked for, so that quick commands stay quick. */
interface Command {
  flags: readonly FlagName[];
  /** Most words after the command. */
  words: number;
  load(): Promise<(line: CommandLine, context: CliContext) => Promise<number>>;
}

const commands: Readonly<Record<string, Command>> = {
  run: {
    flags: [...settingFlagNames, "knowledge"],
    words: 0,
    load: async () => (await import("./commands/run.ts")).run,
  },
  resume: { flags: settingFlagNames, words: 1, load: async () => (await import("./commands/resume.ts")).resume },
  rerun: {
    flags: [...settingFlagNames, "cycle", "from"],
    words: 1,
    load: async () => (await import("./commands/rerun.ts")).rerun,
  },
  list: { flags: [], words: 0, load: async () => (await import("./commands/list.ts")).list },
  show: { flags: ["ledger"], words: 1, load: async () => (await import("./commands/show.ts")).show },
  ask: { flags: ["run", "cycle"], words: 1000, load: async () => (await import("./commands/ask.ts")).ask },
  review: {
    flags: ["exclude", "reason", "approve", "edit", "text", "ask-again", "undo"],
    words: 1,
    load: async () => (await import("./commands/review.ts")).review,
  },
  stale: { flags: [], words: 1, load: async () => (await import("./commands/stale.ts")).stale },
  student: {
    flags: ["use", "cycle", "rollback"],
    words: 0,
    load: async () => (await import("./commands/student.ts")).student,
  },
  export: {
    flags: ["as", "cycle", "to"],
    words: 1,
    load: async () => (await import("./commands/export.ts")).exportRun,
  },
  backup: { flags: [], words: 2, load: async () => (await import("./commands/backup.ts")).backup },
  restore: { flags: [], words: 2, load: async () => (await import("./commands/restore.ts")).restore },
  download: { flags: [], words: 1, load: async () => (await import("./commands/download.ts")).download },
  doctor: {
    flags: ["fix", "base-url", "model"],
    words: 0,
    load: async () => (await import("./commands/doctor.ts")).doctor,
  },
  start: { flags: ["new"], words: 0, load: async () => (await import("./commands/start.ts")).start },
};

/** Every command takes these. */
const everywhere: readonly FlagName[] = ["out", "json", "help", "version"];

async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === "--version") return printVersion();
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    process.stdout.write(helpText);
    return name === undefined ? 2 : 0;
  }
  let logFile: string | null = null;
  let say = (text: string): unknown => process.stderr.write(`\n${text}\n`);
  const interruption = listenForInterruption(() =>
    say("Stopping; everything finished is kept. Press Ctrl-C again to end at once."),
  );
  try {
    const command = commands[name];
    if (!command)
      throw new UserError("E_USAGE", `There is no command "${name}". There are: ${Object.keys(commands).join(", ")}.`);
    const line = parseCommandLine(rest, [...new Set([...everywhere, ...command.flags])]);
    if (line.flags.help) {
      process.stdout.write(helpText);
      return 0;
    }
    if (line.flags.version) return await printVersion();
    if (line.positionals.length > command.words)
      throw new UserError(
        "E_USAGE",
        `\`distillery ${name}\` does not know what to do with "${line.positionals[command.words]}".`,
      );
    const run = await command.load();
    return await run(line, {
      stdout: process.stdout,
      stderr: process.stderr,
      signal: interruption.signal,
      sayStoppingWith: (other) => (say = other),
      setLogFile: (path) => (logFile = path),
    });
  } catch (error) {
    const known =
      interruption.signal.aborted && !(error instanceof UserError)
        ? new UserError("E_STOPPED", "The command was stopped.", { cause: error })
        : error;
    return await printError(known, logFile, rest.includes("--json"));
  } finally {
    interruption.release();
  }
}

async function printVersion(): Promise<number> {
  const { productVersion } = await import("./commands/run.ts");
  process.stdout.write(`distillery ${productVersion()}\n`);
  return 0;
}

// A reader that goes away (`| head`) is no error of ours.
for (const stream of [process.stdout, process.stderr])
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
process.exitCode = await main(process.argv.slice(2));
// Nothing should be left to wait for; should a handle be left all the same, the command ends nevertheless.
setTimeout(() => process.exit(), 5_000).unref();
