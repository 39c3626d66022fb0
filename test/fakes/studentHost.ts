/** A program that keeps a student busy, to be killed from outside. Run as a program it is that host. */
import { spawn } from "node:child_process";
import { createStudent } from "../../src/pipeline/adapters/student.ts";
import { templates } from "../../src/pipeline/template.ts";
import { recipeSampling } from "../../src/protocol/run.ts";

/** Starts the host; resolves with the id of its student's process once that is answering. */
export async function spawnStudentHost(gguf: string): Promise<{ student: number; kill(): void }> {
  const host = spawn(process.execPath, [import.meta.filename, gguf], { stdio: ["ignore", "pipe", "inherit"] });
  const student = await new Promise<number>((resolve, reject) => {
    host.stdout.once("data", (chunk: Buffer) => resolve(Number.parseInt(chunk.toString(), 10)));
    host.once("exit", () => reject(new Error("the host ended by itself")));
  });
  return { student, kill: () => void host.kill("SIGKILL") };
}

if (process.argv[1] === import.meta.filename) {
  const student = createStudent({ gguf: process.argv[2] ?? "", template: templates.chatml, gpu: "off" });
  await student.generate([{ role: "user", content: "Tell a long story." }], {
    ...recipeSampling,
    maxNewTokens: 1_500,
    temperature: 1.5,
    seed: 1,
    onText: () => process.stdout.write(`${student.pid()}\n`),
  });
}
