/** Training rows as a run makes them, without a teacher: one for each of the first sections of the bundled knowledge base. */
import { join } from "node:path";
import { createKnowledgeFolder } from "../src/pipeline/adapters/knowledgeFolder.ts";
import { packageFolder } from "../src/pipeline/adapters/packageFolder.ts";
import { sentencesOf } from "../src/pipeline/adapters/teacher/sentences.ts";
import type { TrainingRow } from "../src/pipeline/ports.ts";
import { studentMessages, templates } from "../src/pipeline/template.ts";

/** The end of every completion. */
export const endText = templates.chatml.stops[0] ?? "";

/**
 * The heading is asked, two to five sentences answer: 100 to 200 tokens a row with the prompt.
 * @throws Error when the knowledge base has fewer sections than rows are wanted
 */
export async function trainingRows(count: number): Promise<TrainingRow[]> {
  const { domain, sections } = await createKnowledgeFolder(join(packageFolder(), "knowledge")).read();
  const rows = sections.slice(0, count).map((section, index): TrainingRow => {
    const question = `What should one know about ${section.heading} in the context of ${section.topic}?`;
    const answer = sentencesOf(section)
      .slice(0, 2 + (index % 4))
      .map(({ text }) => text)
      .join(" ");
    return {
      prompt: templates.chatml.render(studentMessages(domain, question)),
      completion: templates.chatml.completion(answer),
    };
  });
  if (rows.length < count)
    throw new Error(`The knowledge base has ${rows.length} sections; ${count} rows were wanted.`);
  return rows;
}
