/** Question families that ask for a section as a whole, by its heading. */
import type { Section } from "../../../protocol/model.ts";

export interface HeadingFamily {
  training: string[];
  rewording: string[];
}

/** Null for headings that name nothing: "Overview", "Introduction", a bare number. */
export function headingFamily(section: Section): HeadingFamily | null {
  const heading = section.heading.replace(/[`*_]/g, "").trim();
  if (!/\p{L}{3}/u.test(heading) || heading.split(" ").length > 8 || /[?!:]/.test(heading)) return null;
  if (
    /^(?:overview|introduction|summary|notes?|details|about|see also|example|examples|background|contents|references?|conclusion)$/i.test(
      heading,
    )
  )
    return null;
  const about = subjectOf(heading, section);
  return {
    training: [
      `What does the documentation say about ${about}?`,
      `What should I know about ${about}?`,
      `Please give me an overview of ${about}.`,
      `Can you describe ${about} in a few sentences?`,
      `What are the main points about ${about}?`,
    ],
    rewording: [`How would you sum up ${about}?`, `I would like to read the essentials on ${about}.`],
  };
}

/** "the Hollis Vane" where the text says so, "metric sources in Autoscaling" where the heading is a theme. */
function subjectOf(heading: string, { text, topic }: Section): string {
  const escaped = heading.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const plain = text.replace(/`/g, "");
  if (new RegExp(`\\bthe ${escaped}(?![\\p{L}-])`, "iu").test(plain)) return `the ${heading}`;
  if (new RegExp(`(?<![\\p{L}-])${escaped}(?![\\p{L}-])`, "u").test(plain)) return heading;
  const lower =
    /^\p{Lu}\p{Ll}+\b/u.test(heading) &&
    !/^\p{Lu}\p{Ll}*\p{Lu}/u.test(heading) &&
    !new RegExp(`[\\p{L},]\\s+${heading.split(" ")[0]}\\b`, "u").test(plain)
      ? heading.charAt(0).toLowerCase() + heading.slice(1)
      : heading;
  const within = topic.toLowerCase() === heading.toLowerCase() || heading.toLowerCase().includes(topic.toLowerCase());
  return within ? lower : `${lower} in ${topic}`;
}
