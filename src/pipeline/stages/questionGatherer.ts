/** Asks the teacher for question families, section by section, and keeps what repeats nothing. */
import type { FamilyDraft, Question } from "../../protocol/model.ts";
import { cosine, type DuplicateFilter } from "../duplicates.ts";
import { seedOf } from "../hash.ts";
import type { StageContext } from "../stage.ts";
import { askedAtOnce, inParallel } from "./items.ts";
import type { SectionPlan } from "./sections.ts";

/** How often a section is asked again for what duplicates or unusable drafts left open. */
const rounds = 3;

export interface Want {
  plan: SectionPlan[];
  /** Sections to fall back on when the planned ones yield too little, in order. */
  spare: SectionPlan["section"][];
  wordings: number;
  rewordings: number;
}

export interface Accepted {
  draft: FamilyDraft;
  section: SectionPlan["section"];
  /** The place in the plan it fills, from 0; ids come from it, so that one changed section renames no other's questions. */
  slot: number;
}

interface Open {
  section: SectionPlan["section"];
  slots: number[];
}

export class QuestionGatherer {
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
      const nearness = vectors.map((other) => cosine(other, vector ?? []));
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
