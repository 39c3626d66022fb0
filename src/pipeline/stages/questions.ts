/** Stage 1: question families over the chosen sections, split into tiers before anything is asked. */
import type { Aim, FamilyDraft, Question, StageOutputs } from "../../protocol/model.ts";
import { UserError } from "../../protocol/errors.ts";
import { DuplicateFilter } from "../duplicates.ts";
import { hashOf, seedOf } from "../hash.ts";
import { defineStage, type StageContext } from "../stage.ts";
import { questionDecisions } from "../review.ts";
import { aimedSpread, aimNote, failuresOf, type TopicFailures } from "./aim.ts";
import { askedAtOnce, inParallel } from "./items.ts";
import { reviewedQuestions } from "./reviewedQuestions.ts";
import { chosenSections, splitSections, spread, type SectionPlan } from "./sections.ts";

type Output = StageOutputs["questions"];

/** How often a section is asked again for what duplicates or unusable drafts left open. */
const rounds = 3;

interface Want {
  plan: SectionPlan[];
  /** Sections to fall back on when the planned ones yield too little, in order. */
  spare: SectionPlan["section"][];
  wordings: number;
  rewordings: number;
}

interface Accepted {
  draft: FamilyDraft;
  section: SectionPlan["section"];
  /** The place in the plan it fills, from 0; ids come from it, so that one changed section renames no other's questions. */
  slot: number;
}

interface Open {
  section: SectionPlan["section"];
  slots: number[];
}

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
    const gatherer = new Gatherer(context, filter, before);

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

/** Asks the teacher section by section and keeps what is new. */
class Gatherer {
  unusable = 0;
  readonly notes: string[] = [];
  #done = 0;
  #total = 0;
  readonly #context: StageContext;
  readonly #filter: DuplicateFilter;
  /** Texts already asked of a section, so that the teacher can avoid them. */
  readonly #asked = new Map<string, string[]>();

  constructor(context: StageContext, filter: DuplicateFilter, earlier: readonly Question[]) {
    this.#context = context;
    this.#filter = filter;
    for (const { section, text } of earlier) this.#noteAsked(section, [text]);
  }

  async gather({ plan, spare, wordings, rewordings }: Want): Promise<Accepted[]> {
    const accepted: Accepted[] = [];
    this.#total += plan.reduce((sum, { count }) => sum + count, 0);
    let next = 0;
    let open = plan.map(({ section, count }): Open => ({
      section,
      slots: Array.from({ length: count }, () => next++),
    }));
    for (let round = 0; open.length > 0 && round < rounds + spare.length; round++) {
      const drafts = await inParallel(open, this.#context.teacher.online ? askedAtOnce : 1, async (want) => ({
        want,
        drafts: await this.#ask(want, wordings, rewordings, round, this.#asked.get(want.section.id) ?? []),
      }));
      const missing: Open[] = [];
      // In the plan's order, whatever came back first, so that the same seed gives the same questions.
      for (const { want, drafts: families } of drafts) {
        const slots = [...want.slots];
        for (const draft of families) {
          const [slot] = slots;
          if (slot === undefined) break;
          this.#noteAsked(want.section.id, draft.wordings);
          const whole = await this.#accept(draft, wordings, rewordings);
          if (!whole) continue;
          accepted.push({ draft: whole, section: want.section, slot });
          slots.shift();
          this.#progress(1);
        }
        if (slots.length > 0) missing.push({ section: want.section, slots });
      }
      // A section that gave nothing new twice is dry; the next spare section takes over.
      open =
        round < rounds - 1
          ? missing
          : missing.flatMap(({ slots }) => {
              const section = spare.shift();
              return section ? [{ section, slots }] : [];
            });
    }
    return accepted.sort((a, b) => a.slot - b.slot);
  }

  /** The user's own questions, each put to the section it fits best unless it names one. */
  async own(sections: readonly SectionPlan["section"][]): Promise<Accepted[]> {
    const { settings, embedder, signal } = this.#context;
    const accepted: Accepted[] = [];
    if (settings.own.length === 0) return accepted;
    const vectors = await embedder.embed(
      sections.map(({ heading, text }) => `${heading}. ${text}`),
      signal,
    );
    for (const entry of settings.own) {
      const [vector] = await embedder.embed([entry.question], signal);
      const nearness = vectors.map((other) =>
        other.reduce((sum, value, index) => sum + value * (vector?.[index] ?? 0), 0),
      );
      const best = sections[nearness.indexOf(Math.max(...nearness))];
      const section = sections.find(({ id }) => id === entry.section) ?? best;
      if (!section) continue;
      const all = [entry.question, ...entry.wordings];
      const rewordings = entry.rewordings.length > 0 || all.length < 2 ? entry.rewordings : [all.pop() as string];
      const draft: FamilyDraft = {
        wordings: all,
        rewordings,
        origin: "user",
        ...(entry.answer ? { answer: entry.answer } : {}),
      };
      if (await this.#filter.accept(draft)) accepted.push({ draft, section, slot: accepted.length });
      else this.notes.push(`Your question "${entry.question}" repeats an earlier one and was left out.`);
    }
    return accepted;
  }

  async #ask(
    want: Open,
    wordings: number,
    rewordings: number,
    round: number,
    avoid: readonly string[],
  ): Promise<FamilyDraft[]> {
    const { teacher, settings, knowledge, signal, cycle } = this.#context;
    const seed = seedOf(settings.seed, want.section.id, cycle, round);
    const key = {
      teacher: teacher.id,
      section: want.section.hash,
      count: want.slots.length,
      wordings,
      rewordings,
      seed,
      avoid,
      domain: knowledge.domain,
    };
    const { families, unusable } = await this.#context.item(
      key,
      () =>
        teacher.questions({
          section: want.section,
          count: want.slots.length,
          wordings,
          rewordings,
          domain: knowledge.domain,
          seed,
          avoid,
          signal,
        }),
      (made) => made.families.length > 0,
    );
    this.unusable += unusable;
    return families;
  }

  /** Cuts a draft to what is wanted; null when it has too little or repeats another family. */
  async #accept(draft: FamilyDraft, wordings: number, rewordings: number): Promise<FamilyDraft | null> {
    const cut = {
      ...draft,
      wordings: draft.wordings.slice(0, wordings),
      rewordings: draft.rewordings.slice(0, rewordings),
    };
    if (cut.wordings.length === 0 || cut.rewordings.length < rewordings) {
      this.unusable += 1;
      return null;
    }
    return (await this.#filter.accept(cut)) ? cut : null;
  }

  #noteAsked(section: string, texts: readonly string[]): void {
    this.#asked.set(section, [...(this.#asked.get(section) ?? []), ...texts]);
  }

  #progress(more: number): void {
    this.#done += more;
    this.#context.emit({
      type: "stageProgress",
      cycle: this.#context.cycle,
      stage: "questions",
      done: this.#done,
      total: this.#total,
    });
  }
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
