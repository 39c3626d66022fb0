/** `distillery doctor`: what a run needs and what is there; `--fix` sets up what can be set up. */
import { examine } from "../../pipeline/adapters/doctor.ts";
import { readyEnvironment } from "../../pipeline/adapters/environment.ts";
import { findApiKey } from "../../pipeline/adapters/teacher/apiKey.ts";
import { stableJson } from "../../pipeline/hash.ts";
import { runSettingsSchema } from "../../protocol/run.ts";
import type { CliContext } from "../context.ts";
import { settingsFrom, type CommandLine } from "../options.ts";
import { rememberEndpoint } from "../knownEndpoints.ts";
import { openWorkspace } from "../workspace.ts";

export async function doctor(line: CommandLine, { stdout, stderr, signal, setLogFile }: CliContext): Promise<number> {
  const output = line.flags.json ? stderr : stdout;
  const say = (text: string) => output.write(`${text}\n`);
  const workspace = openWorkspace(line.flags.out, say);
  setLogFile(workspace.logFile);
  const options = { workspace: workspace.folder, signal, endpoint: await endpointOf(line, workspace.folder, say) };
  let checks = await examine(options);
  const broken = checks.some(({ ok, fix }) => !ok && fix?.includes("--fix"));
  if (line.flags.fix && broken) {
    await readyEnvironment({ ...options, repair: true, onProgress: say });
    checks = await examine(options);
  }
  if (line.flags.json) stdout.write(`${stableJson(checks, 2)}\n`);
  else
    for (const { name, ok, found, fix } of checks)
      say(`${ok ? "ok " : "BAD"}  ${name}: ${found}${fix ? `\n     → ${fix}` : ""}`);
  return checks.every(({ ok }) => ok) ? 0 : 1;
}

/** The endpoint of the flags, or the usual one, with the key there is. */
async function endpointOf(line: CommandLine, folder: string, say: (text: string) => void) {
  const { teacher } = settingsFrom(
    { ...line, flags: { ...line.flags, teacher: "openai" } },
    runSettingsSchema.parse({}),
  );
  const baseUrl = teacher.kind === "openai" ? teacher.baseUrl : "";
  if (line.flags["base-url"] !== undefined) await rememberEndpoint(baseUrl);
  const { key, notices } = await findApiKey(process.env, folder);
  notices.forEach(say);
  return { baseUrl, key: key ?? undefined };
}
