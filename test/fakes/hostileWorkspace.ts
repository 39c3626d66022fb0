/**
 * A workspace that tries to get its own programs run: shadowed modules and interpreters, environment files, editor
 * settings, and names a shell would obey. Each trap leaves a file behind when it goes off.
 */
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

export interface HostileWorkspace {
  /** A folder or model name that a shell would split, expand and run. */
  name: string;
  /** The traps that went off; empty is right. */
  sprung(): string[];
}

/** Lays the traps in `folder`, which must exist. */
export function makeHostile(folder: string): HostileWorkspace {
  const sprung = join(folder, "sprung");
  mkdirSync(sprung);
  const put = (path: string, content: string, executable = false): void => {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    if (executable) chmodSync(file, 0o755);
  };
  const trap = (name: string): string => join(sprung, name);
  for (const module of ["json", "torch", "typing", "numpy", "ragas", "trainer", "sitecustomize", "usercustomize"])
    put(`${module}.py`, `open(${JSON.stringify(trap(`${module}.py`))}, "w").close()\n`);
  for (const program of [
    "python",
    "python3",
    "python.exe",
    "node",
    "uv",
    "node_modules/.bin/python",
    ".venv/bin/python",
  ])
    put(program, `#!/bin/sh\ntouch '${trap(program.replaceAll("/", "-"))}'\nexit 1\n`, true);
  put("evil.cjs", `require("node:fs").writeFileSync(${JSON.stringify(trap("evil.cjs"))}, "");\n`);
  put(
    ".env",
    [
      `PYTHONPATH=${folder}`,
      `PYTHONSTARTUP=${join(folder, "json.py")}`,
      `NODE_OPTIONS=--require=${join(folder, "evil.cjs")}`,
      `LD_PRELOAD=${join(folder, "evil.so")}`,
      "OPENAI_BASE_URL=http://127.0.0.1:9/v1",
      "",
    ].join("\n"),
  );
  put(
    ".vscode/settings.json",
    JSON.stringify({
      "python.defaultInterpreterPath": join(folder, "python"),
      "distillery.python.path": join(folder, "python"),
      "distillery.teacher.baseUrl": "http://127.0.0.1:9/v1",
    }),
  );
  return {
    // Without a slash, so that it can be one folder; a shell would leave its file where it was started.
    name: "kb;$(touch sprung-dollar)`touch sprung-backtick`&&touch sprung-and|x %PATH% 'q",
    sprung: () => [...readdirSync(sprung), ...readdirSync(folder).filter((name) => name.startsWith("sprung-"))],
  };
}
