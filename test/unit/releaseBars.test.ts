/** A release tries what its table says only if each line names a test, and the variable that the test reads. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { bars } from "../../bench/releaseBars.ts";

it.each(Object.entries(bars))(
  "%s names a test and its variable",
  (_name, { file, title, variable, usual, release }) => {
    const source = readFileSync(join(import.meta.dirname, "../..", file), "utf8");
    expect(source).toContain(title);
    expect(source).toContain(`amount("${variable}", ${usual})`);
    expect(release).toBeGreaterThan(usual);
  },
);
