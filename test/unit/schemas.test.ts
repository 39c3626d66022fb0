/** The schema files that come along are those of the sources; `node scripts/schemas.mjs` writes them. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { schemaTexts } from "../../scripts/schemas.mjs";

test.each(schemaTexts())("$file is up to date", ({ file, text }) => {
  expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(JSON.parse(text));
});
