/** Stage 6, first half: the same questions, seeds and limits with the adapter on the same base, and the teacher's turn. */
import { join } from "node:path";
import type { FineTuningOutput } from "../../protocol/model.ts";
import { probeParams, probeQuestions } from "../probe.ts";
import { defineStage } from "../stage.ts";
import {
  answerByTeacher,
  answerParams,
  answerPlainly,
  answerProbe,
  armsSummary,
  answerWithRetrieval,
  named,
} from "./arms.ts";
import { askedIn, countAnswers } from "./items.ts";

/** Names the exact model that answered: the base and the hash of the adapter's GGUF file. */
export function tunedId(student: string, adapter: FineTuningOutput["adapter"]): string {
  return `${student}+${(adapter.files["adapter.gguf"] ?? "").slice(0, 12)}`;
}

export const tunedAnswers = defineStage({
  id: "tunedAnswers",
  version: 2,
  needs: ["questions", "fineTuning"],
  needsPrevious: [],
  uses: "compute",
  params: (context) => ({
    ...answerParams(context),
    teacher: context.settings.arms.includes("teacher") ? context.teacher.id : null,
  }),
  async run({ questions, fineTuning }, context) {
    const { settings, cycle } = context;
    const adapter = join(context.store.folder, fineTuning.adapter.folder);
    // The adapter's checkpoint is on the disk by now, so what training would go on from is of no more use.
    await context.trainer.discardCheckpoints(adapter);
    const id = tunedId(context.student.id, fineTuning.adapter);
    const student = named(id, context.student.tuned(join(adapter, "adapter.gguf")));
    const retrieval = settings.arms.includes("retrieval");
    const teacher = settings.arms.includes("teacher");
    const probe = probeParams(context) !== null;
    const asked = askedIn(questions.questions, cycle, settings.cycles);
    const ofStudent = asked.length * settings.repeats * (retrieval ? 2 : 1);
    const total = ofStudent + (teacher ? asked.length : 0) + (probe ? probeQuestions.length : 0);
    const tell = countAnswers("tunedAnswers", total, context);
    const tuned = await answerPlainly(asked, student, tell, context);
    const tunedRetrieval = retrieval ? await answerWithRetrieval(asked, student, tell, context) : undefined;
    const byTeacher = teacher ? await answerByTeacher(asked, questions.sections, tell, context) : undefined;
    return {
      template: context.template.name,
      sampling: settings.sampling,
      device: await context.student.device(context.signal),
      arms: { tuned, ...(tunedRetrieval && { tunedRetrieval }), ...(byTeacher && { teacher: byTeacher }) },
      probe: probe ? await answerProbe(student, tell, context) : null,
    };
  },
  summary: ({ arms }) => armsSummary(arms),
});
