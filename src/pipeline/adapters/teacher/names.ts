/** Words that are names in a section: they keep their capital wherever they stand. */
import type { Domain, Section } from "../../../protocol/model.ts";

/** Capitalised words of heading, topic and domain that are no plain words, and those capitalised inside a sentence. */
export function namesIn(section: Section, domain: Domain): Set<string> {
  const names = new Set<string>();
  for (const [word] of domain.name.matchAll(/\p{Lu}[\p{L}\p{N}-]*/gu)) names.add(word);
  const prose = section.text.replace(/`[^`]*`/g, "`");
  for (const [, word = ""] of prose.matchAll(/[\p{L}\p{N},`)’'-](?:[ \t]+|[ \t]*\n[ \t]*)(\p{Lu}[\p{L}\p{N}'’-]*)/gu))
    names.add(word);
  return names;
}
