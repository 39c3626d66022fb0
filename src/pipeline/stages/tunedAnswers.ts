/** Stage 6, first half: the same questions, seeds and limits with the adapter on the same base. */
import { join } from "node:path";
import type { FineTuningOutput } from "../../protocol/model.ts";
import { defineStage } from "../stage.ts";
import { answerAll, askedIn } from "./items.ts";

/** Names the exact model that answered: the base and the hash of the adapter's GGUF file. */
export function tunedId(student: string, adapter: FineTuningOutput["adapter"]): string {
  return `${student}+${(adapter.files["adapter.gguf"] ?? "").slice(0, 12)}`;
}

export const tunedAnswers = defineStage({
  id: "tunedAnswers",
  version: 1,
  needs: ["questions", "fineTuning"],
  needsPrevious: [],
  uses: "compute",
  params: ({ settings, cycle, student, knowledge }) => ({
    student: student.id,
    domain: knowledge.domain,
    template: settings.template,
    sampling: settings.sampling,
    seed: settings.seed,
    repeats: settings.repeats,
    last: cycle === settings.cycles,
  }),
  async run({ questions, fineTuning }, context) {
    const asked = askedIn(questions.questions, context.cycle, context.settings.cycles);
    const adapter = join(context.store.folder, fineTuning.adapter.folder);
    // The adapter's checkpoint is on the disk by now, so what training would go on from is of no more use.
    await context.trainer.discardCheckpoints(adapter);
    const gguf = join(adapter, "adapter.gguf");
    const model = context.student.tuned(gguf);
    const named = { id: tunedId(context.student.id, fineTuning.adapter), generate: model.generate.bind(model) };
    return {
      model: named.id,
      template: context.template.name,
      sampling: context.settings.sampling,
      device: await context.student.device(),
      answers: await answerAll(asked, named, "tunedAnswers", context),
    };
  },
  summary: ({ answers }) => `${Object.keys(answers).length} questions answered`,
});
