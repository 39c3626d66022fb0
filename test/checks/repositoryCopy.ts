/** A copy of the working tree to plant faults in, with the packages of this one. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../../", import.meta.url));

/** @returns the copy's folder; the caller removes it. */
export function copyRepository(): string {
  const copy = mkdtempSync(join(tmpdir(), "planted-"));
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: repository,
  });
  for (const file of new Set(listed.toString().split("\0").filter(Boolean)))
    if (existsSync(join(repository, file))) cpSync(join(repository, file), join(copy, file));
  symlinkSync(join(repository, "node_modules"), join(copy, "node_modules"), "junction");
  // The formatter, the linter and knip leave out what git ignores, and look for a repository to know it.
  execFileSync("git", ["init", "-q"], { cwd: copy });
  return copy;
}
