/** Writes the JSON Schema files that VS Code checks distillery.json, run.json, review.json and checkpoints with. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { storedCheckpointSchema, storedRunFileSchema } from "../src/pipeline/adapters/checkpointFile.ts";
import { storedStudentFileSchema } from "../src/pipeline/adapters/studentFile.ts";
import { knowledgeSettingsSchema } from "../src/protocol/model.ts";
import { reviewSchema } from "../src/protocol/review.ts";

/** @type {Record<string, import("zod").ZodType>} */
const files = {
  knowledge: knowledgeSettingsSchema,
  run: storedRunFileSchema,
  checkpoint: storedCheckpointSchema,
  review: reviewSchema,
  student: storedStudentFileSchema,
};

/** What each file below schemas/ holds. Draft 7 is what VS Code knows best. */
export const schemaTexts = () =>
  Object.entries(files).map(([name, schema]) => ({
    file: join(fileURLToPath(new URL("../schemas", import.meta.url)), `${name}.json`),
    text: `${JSON.stringify(z.toJSONSchema(schema, { target: "draft-07", io: "input", unrepresentable: "any" }), null, 2)}\n`,
  }));

if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const { file, text } of schemaTexts()) writeFileSync(file, text);
