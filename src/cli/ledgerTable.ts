/** The ledger of a run as a table for the terminal. */
import type { LedgerEntry } from "../pipeline/ledger.ts";
import { printable, table } from "./tables.ts";

const longestText = 70;

/** One row a question: what it is, which cycles trained on it and which tested it, if it was not taken out. */
export function ledgerText(entries: readonly LedgerEntry[]): string {
  const cycles = (list: readonly number[]) => (list.length === 0 ? "–" : list.join(","));
  const short = (text: string) => (text.length > longestText ? `${text.slice(0, longestText - 1)}…` : text);
  return table([
    ["question", "tier", "part", "made", "trained", "tested", "origin", "section", "wording"],
    ...entries.map(({ id, tier, part, made, trained, tested, origin, section, text, excluded }) => [
      id,
      tier,
      part === "none" ? "–" : part,
      String(made),
      cycles(trained),
      excluded === null ? cycles(tested) : "taken out",
      origin,
      section,
      short(printable(text).replaceAll("\n", " ")),
    ]),
  ]);
}
