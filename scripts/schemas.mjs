/** Writes the JSON Schema files that VS Code checks distillery.json, run.json and checkpoints with. */
import { writeFile } from "node:fs/promises";
import { z } from "zod";
import { knowledgeSettingsSchema } from "../src/protocol/model.ts";
import { checkpointFrameSchema, runFileSchema } from "../src/protocol/run.ts";

const files = { knowledge: knowledgeSettingsSchema, run: runFileSchema, checkpoint: checkpointFrameSchema };

for (const [name, schema] of Object.entries(files)) {
  const text = JSON.stringify(
    z.toJSONSchema(schema, { target: "draft-07", io: "input", unrepresentable: "any" }),
    null,
    2,
  );
  await writeFile(new URL(`../schemas/${name}.json`, import.meta.url), `${text}\n`);
}
