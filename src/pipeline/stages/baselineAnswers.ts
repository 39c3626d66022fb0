/** Stage 2: the student as it comes answers over all tiers. */
import { defineStage } from "../stage.ts";
import { answerAll, askedIn } from "./items.ts";

export const baselineAnswers = defineStage({
  id: "baselineAnswers",
  version: 1,
  needs: ["questions"],
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
  async run({ questions }, context) {
    // The trainer's imports take seconds; they hide behind the answers.
    context.trainer.prepare();
    const asked = askedIn(questions.questions, context.cycle, context.settings.cycles);
    return {
      model: context.student.id,
      template: context.template.name,
      sampling: context.settings.sampling,
      device: await context.student.device(),
      answers: await answerAll(asked, context.student, "baselineAnswers", context),
    };
  },
  summary: ({ answers }) => `${Object.keys(answers).length} questions answered`,
});
