/** Which sections a run draws on, which of them stay unseen, and how many questions each is asked for. */
import type { Knowledge, Section } from "../../protocol/model.ts";
import { UserError } from "../../protocol/errors.ts";
import { shuffled } from "../hash.ts";

/** The sections of the chosen topics; all of them when none is named. Topic names match without case. */
export function chosenSections(knowledge: Knowledge, topics: readonly string[]): Section[] {
  if (topics.length === 0) return knowledge.sections;
  const known = new Map(knowledge.topics.map((topic) => [topic.toLowerCase(), topic]));
  const unknown = topics.filter((topic) => !known.has(topic.toLowerCase()));
  if (unknown.length > 0)
    throw new UserError(
      "E_TOPIC",
      `The knowledge base has no topic ${unknown.map((topic) => `"${topic}"`).join(", ")}. It has: ${knowledge.topics.join(", ")}.`,
    );
  const chosen = new Set(topics.map((topic) => known.get(topic.toLowerCase())));
  return knowledge.sections.filter(({ topic }) => chosen.has(topic));
}

/**
 * Ids of the sections that are never trained on: `share` of all, taken topic by topic so that they
 * spread, and never a topic's last section.
 */
export function splitSections(sections: readonly Section[], share: number, seed: number): Set<string> {
  const wanted = Math.round(sections.length * share);
  const unseen = new Set<string>();
  const byTopic = inTurn(sections, seed);
  const left = new Map<string, number>();
  for (const { topic } of sections) left.set(topic, (left.get(topic) ?? 0) + 1);
  for (const section of byTopic) {
    if (unseen.size >= wanted) break;
    const others = left.get(section.topic) ?? 0;
    if (others <= 1) continue;
    left.set(section.topic, others - 1);
    unseen.add(section.id);
  }
  return unseen;
}

export interface SectionPlan {
  section: Section;
  count: number;
}

/**
 * Spreads `count` families over the sections, topic after topic. A later cycle goes on where the
 * earlier one ended, so that it meets other sections first.
 */
export function spread(
  sections: readonly Section[],
  count: number,
  cycle: number,
  seed: number,
): { plan: SectionPlan[]; spare: Section[] } {
  const order = inTurn(sections, seed);
  if (order.length === 0 || count === 0) return { plan: [], spare: [] };
  const start = (count * (cycle - 1)) % order.length;
  const turned = [...order.slice(start), ...order.slice(0, start)];
  const plan = new Map<string, SectionPlan>();
  for (let index = 0; index < count; index++) {
    const section = turned[index % turned.length] as Section;
    const entry = plan.get(section.id) ?? { section, count: 0 };
    plan.set(section.id, { section, count: entry.count + 1 });
  }
  return { plan: [...plan.values()], spare: turned.filter(({ id }) => !plan.has(id)) };
}

/** Sections in a seeded order that takes one of each topic in turn. */
export function inTurn(sections: readonly Section[], seed: number): Section[] {
  const topics = new Map<string, Section[]>();
  for (const section of shuffled(sections, seed, ({ id }) => id)) {
    const list = topics.get(section.topic);
    if (list) list.push(section);
    else topics.set(section.topic, [section]);
  }
  const order: Section[] = [];
  for (let round = 0; order.length < sections.length; round++)
    for (const list of topics.values()) {
      const section = list[round];
      if (section) order.push(section);
    }
  return order;
}
