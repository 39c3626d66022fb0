/** Stage 1: question families over the chosen sections, split into tiers before anything is asked. */
import type { Aim, FamilyDraft, Question, StageOutputs } from "../../protocol/model.ts";
import { UserError } from "../../protocol/errors.ts";
import { DuplicateFilter } from "../duplicates.ts";
import { hashOf } from "../hash.ts";
import { defineStage } from "../stage.ts";
import { questionDecisions } from "../review.ts";
import { aimedSpread, aimNote, failuresOf, type TopicFailures } from "./aim.ts";
import { QuestionGatherer, type Accepted } from "./questionGatherer.ts";
import { reviewedQuestions } from "./reviewedQuestions.ts";
import { chosenSections, splitSections, spread, type SectionPlan } from "./sections.ts";

type Output = StageOutputs["questions"];

export const questions = defineStage({
  id: "questions",
  version: 2,
  needs: [],
  needsPrevious: ["questions", "comparison"],
  uses: "compute",
  params: ({ settings, knowledge, teacher, cycle, review }) => ({
    teacher: teacher.id,
    knowledge: knowledge.hash,
    topics: settings.topics,
    questions: settings.questions,
    wordings: settings.wordings,
    unseenShare: settings.unseenShare,
    seed: settings.seed,
    cycle,
    withDev: settings.cycles > 1,
    aimed: settings.aimed && cycle > 1,
    own: settings.own.map(hashOf),
    review: questionDecisions(review, cycle),
  }),
  async run(_input, context, previous): Promise<Output> {
    const { settings, knowledge, cycle, teacher } = context;
    const earlier = previous.questions;
    const sections = chosenSections(knowledge, settings.topics);
    // The split of the first cycle holds for the whole run, so no later cycle can train on a test section.
    const unseen = earlier ? new Set(earlier.unseen) : splitSections(sections, settings.unseenShare, settings.seed);
    const filter = new DuplicateFilter((texts) => context.embedder.embed(texts, context.signal));
    const before = [...(earlier?.questions ?? []), ...(earlier?.excluded ?? [])].map(asMade);
    await filter.seed([...before, ...(earlier?.questions.filter(({ original }) => original !== undefined) ?? [])]);
    const gatherer = new QuestionGatherer(context, filter, before);

    const rewordings = settings.cycles > 1 ? 2 : 1;
    const own = cycle === 1 ? await gatherer.own(sections) : [];
    const trainable = sections.filter(({ id }) => !unseen.has(id));
    const wanted = Math.max(0, settings.questions - own.length);
    const failures =
      settings.aimed && earlier && previous.comparison
        ? failuresOf(earlier.questions, previous.comparison, trainable)
        : null;
    const plan = failures
      ? aimedSpread(trainable, wanted, cycle, settings.seed, failures, earlier?.questions ?? [])
      : spread(trainable, wanted, cycle, settings.seed);
    const trained = await gatherer.gather({
      ...plan,
      wordings: settings.wordings,
      rewordings,
    });
    const wantUnseen = cycle === 1 && unseen.size > 0 ? Math.ceil(settings.questions / 4) : 0;
    const untouched = await gatherer.gather({
      ...spread(
        sections.filter(({ id }) => unseen.has(id)),
        wantUnseen,
        1,
        settings.seed,
      ),
      wordings: 1,
      rewordings: 0,
    });

    const added = [
      ...own.flatMap((accepted) => trainQuestions(accepted, cycle, accepted.slot + 1, rewordings)),
      ...trained.flatMap((accepted) => trainQuestions(accepted, cycle, own.length + accepted.slot + 1, rewordings)),
      ...untouched.map(({ draft, section, slot }) => unseenQuestion(draft, section, cycle, slot + 1)),
    ];
    if (!added.some(({ tier }) => tier === "train"))
      throw new UserError("E_NO_QUESTIONS", `No usable question came out of ${trainable.length} sections.`);
    const aims = failures ? [{ cycle, topics: aimed(failures, trained) }] : [];
    const notes = [...gatherer.notes, ...aims.map(aimNote)];
    if (settings.aimed && previous.comparison && !failures)
      notes.push(`Cycle ${cycle} was not aimed: no dev question of cycle ${cycle - 1} failed.`);
    const families = own.length + trained.length;
    if (families < settings.questions)
      notes.push(
        `${families} of ${settings.questions} wanted question families could be made; the sections give no more that differ.`,
      );
    if (untouched.length < wantUnseen)
      notes.push(`${untouched.length} of ${wantUnseen} wanted questions on unseen sections could be made.`);
    const reviewed = await reviewedQuestions(added, earlier?.questions ?? [], context);
    notes.push(...reviewed.notes);
    for (const text of notes) context.emit({ type: "notice", text });
    const asked = [...(earlier?.questions ?? []), ...reviewed.kept];
    const excluded = [...(earlier?.excluded ?? []), ...reviewed.excluded];
    const used = new Set([...asked, ...excluded].map(({ section }) => section));
    return {
      domain: knowledge.domain,
      teacher: teacher.id,
      // Without the others, so that a change of one nobody asked about leaves everything that follows as it is.
      sections: sections
        .filter(({ id }) => used.has(id))
        .map((section) => ({ ...section, unseen: unseen.has(section.id) })),
      unseen: [...unseen].sort(),
      questions: asked,
      excluded,
      requested: settings.questions,
      dropped: { ...filter.dropped, unusable: gatherer.unusable },
      aims: [...(earlier?.aims ?? []), ...aims],
      notes,
    };
  },
  summary({ questions: all, dropped }) {
    const count = (tier: string) => all.filter((question) => question.tier === tier).length;
    const duplicates = dropped.exact + dropped.near;
    return (
      `${count("train")} to train on, ${count("reworded")} reworded, ${count("unseen")} unseen` +
      (duplicates ? `; ${duplicates} duplicates dropped` : "")
    );
  },
});

/** What was measured of each topic, and how many of this cycle's families it really gave. */
function aimed(failures: readonly TopicFailures[], trained: readonly Accepted[]): Aim["topics"] {
  return failures.map(({ topic, asked, failed }) => ({
    topic,
    asked,
    failed,
    families: trained.filter(({ section }) => section.topic === topic).length,
  }));
}

/** With the wording its teacher gave it, so that what is asked next does not depend on edits. */
const asMade = ({ original, ...question }: Question): Question => ({ ...question, text: original ?? question.text });

const padded = (index: number): string => String(index).padStart(2, "0");

/** The first training wording is scored as recall; with several cycles the first rewording is dev, the second test. */
function trainQuestions({ draft, section }: Accepted, cycle: number, index: number, rewordings: number): Question[] {
  const family = `c${cycle}-f${padded(index)}`;
  const shared = { family, cycle, topic: section.topic, section: section.id, origin: draft.origin };
  const answer = draft.answer ? { answer: draft.answer } : {};
  return [
    ...draft.wordings.map((text, wording): Question => ({
      ...shared,
      ...answer,
      id: `${family}-t${wording + 1}`,
      text,
      tier: "train",
      part: wording === 0 ? "test" : "none",
    })),
    ...draft.rewordings.map((text, rewording): Question => ({
      ...shared,
      ...answer,
      id: `${family}-r${rewording + 1}`,
      text,
      tier: "reworded",
      part: rewordings === 2 && rewording === 0 ? "dev" : "test",
    })),
  ];
}

function unseenQuestion(draft: FamilyDraft, section: SectionPlan["section"], cycle: number, index: number): Question {
  const family = `c${cycle}-u${padded(index)}`;
  return {
    id: `${family}-q1`,
    family,
    cycle,
    topic: section.topic,
    section: section.id,
    text: draft.wordings[0] ?? "",
    tier: "unseen",
    part: "test",
    origin: draft.origin,
  };
}
