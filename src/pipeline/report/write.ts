/** Writes the report of a finished run: as Markdown, as a page, and its figures as JSON. */
import type { Knowledge } from "../../protocol/model.ts";
import { stableJson } from "../hash.ts";
import { ledgerOf } from "../ledger.ts";
import type { RunStore } from "../ports.ts";
import { gatherFacts, type Facts } from "./facts.ts";
import { htmlOf } from "./html.ts";
import { markdownOf } from "./markdown.ts";
import { reportOf } from "./model.ts";

/** Writes report.md, report.html and report.json of the last complete cycle; resolves to the path of report.md. */
export async function writeReport(store: RunStore, knowledge: Knowledge): Promise<string> {
  const facts = await gatherFacts(store, knowledge);
  const report = reportOf(facts);
  await store.writeFile("report.json", `${stableJson(figuresOf(facts), 2)}\n`);
  await store.writeFile("report.html", htmlOf(report));
  await store.writeFile("report.md", markdownOf(report));
  return `${store.folder}/report.md`;
}

const figuresOf = ({ file, outputs, stages }: Facts) => {
  const { embedder, judge, versions, prompts } = outputs.tunedEvaluation.output;
  return {
    run: file,
    comparison: outputs.comparison.output,
    ledger: ledgerOf(outputs.questions.output, outputs.comparison.frame.cycle, file.settings.cycles),
    training: outputs.fineTuning.output,
    evaluation: { embedder, judge, versions, prompts },
    seconds: Object.fromEntries(Object.entries(outputs).map(([id, { frame }]) => [id, frame.seconds])),
    usage: Object.fromEntries(stages.flatMap(({ title, usage }) => (usage ? [[title, usage]] : []))),
  };
};
