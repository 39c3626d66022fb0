/** Stage 2: the student as it comes answers over all tiers, and with it the arms that need no adapter of this run. */
import { probeParams, probeQuestions } from "../probe.ts";
import { defineStage } from "../stage.ts";
import {
  adoptedArm,
  answerParams,
  answerPlainly,
  answerProbe,
  armsSummary,
  answerWithRetrieval,
  missingAdopted,
  named,
} from "./arms.ts";
import { askedIn, countAnswers } from "./items.ts";

export const baselineAnswers = defineStage({
  id: "baselineAnswers",
  version: 2,
  needs: ["questions"],
  needsPrevious: [],
  uses: "compute",
  params: (context) => ({ ...answerParams(context), adopted: adoptedArm(context)?.id ?? null }),
  async run({ questions }, context) {
    const { student, settings, cycle } = context;
    // The trainer's imports take seconds; they hide behind the answers.
    context.trainer.prepare();
    const missing = missingAdopted(context);
    if (missing) context.emit({ type: "notice", text: missing });
    const adopted = adoptedArm(context);
    const retrieval = settings.arms.includes("retrieval");
    const probe = probeParams(context) !== null;
    const asked = askedIn(questions.questions, cycle, settings.cycles);
    const arms = 1 + (retrieval ? 1 : 0) + (adopted ? 1 : 0);
    const total = asked.length * settings.repeats * arms + (probe ? probeQuestions.length : 0);
    const tell = countAnswers("baselineAnswers", total, context);
    const baseline = await answerPlainly(asked, student, tell, context);
    const baselineRetrieval = retrieval ? await answerWithRetrieval(asked, student, tell, context) : undefined;
    const inUse = adopted
      ? await answerPlainly(asked, named(adopted.id, student.tuned(adopted.adapterGguf)), tell, context)
      : undefined;
    return {
      template: context.template.name,
      sampling: settings.sampling,
      device: await student.device(context.signal),
      arms: {
        baseline,
        ...(baselineRetrieval && { baselineRetrieval }),
        ...(inUse && { adopted: inUse }),
      },
      probe: probe ? await answerProbe(student, tell, context) : null,
    };
  },
  summary: ({ arms }) => armsSummary(arms),
});
