/** Word classes of English that grammar and matching need; closed lists, no model. */

const set = (words: string): ReadonlySet<string> => new Set(words.trim().split(/\s+/));

export const determiners =
  set(`a an the each every any all some no both either neither this that these those its their our your
several many few most more another such`);
export const pronouns = set(`it they he she we i you there here this these those that who which what them`);
export const prepositions =
  set(`about above across after against along among around as at before behind below beneath beside besides between
beyond by according despite during except for from in inside into like near of off on onto out outside over past per through throughout
till to toward towards under underneath until up upon via with within without since than`);
export const subordinators = set(
  `when whenever if while because before after until unless once since although though whereas where so as`,
);
export const relatives = set(`that which who whose whom`);
export const conjunctions = set(`and or but nor yet`);
export const modals = set(`can could may might must shall should will would cannot`);
export const beForms = set(`is are was were`);
export const haveForms = set(`has have had`);
const adverbs =
  set(`also only still then therefore always never usually often normally already again together away alone later
instead otherwise even just thus hence too well not ever once twice sometimes seldom rarely afterwards beforehand
upward downward inward outward forward backward ahead apart aside indoors outdoors either once back down flat fast straight hard long up out off
by-default please elsewhere everywhere online offline now soon best better least most`);
const notAdverbs =
  set(`family supply apply comply rely imply assembly reply anomaly apply daily early hourly weekly monthly yearly likely only-one jelly lily belly rally ally fly multiply
friendly read-only readonly costly deadly lively lonely orderly elderly monopoly poly`);

export const isAdverb = (word: string): boolean =>
  adverbs.has(word) || (/[a-z]{3}ly$/.test(word) && !notAdverbs.has(word) && !word.includes("-"));

const numberWords =
  set(`one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen
twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion half dozen`);
/** 27, 1,880, 7.25, 30000-32767, 300-second, v1.28, "five". */
export const isNumber = (word: string): boolean =>
  /^[-+~]?\d[\d.,:/-]*%?$/.test(word) || (numberWords.has(word.split("-")[0] ?? "") && /^[a-z]+(-[a-z]+)?$/.test(word));

/** Units that tell how long something takes. */
export const timeUnits =
  set(`second seconds minute minutes hour hours day days week weeks month months year years millisecond milliseconds
decade decades shift shifts night nights season seasons`);

const stopWords =
  set(`a an the and or but nor so of in on at to for from by with without within into onto as is are was were be been being am do does did
done has have had having can could may might must shall should will would cannot not no it its they them their this that these those there here
he she we you i me my your our us who whom whose which what when where why how if then than too very also only just any all some each every both
either neither more most such own same other another about tell explain please know say says said documentation exactly happen happens happened
get gets got need want like question answer regarding describe much many long kind one ones let lets called named`);

/** Rough stem: plural, -ed, -ing and -ly endings go, so that "holds" meets "holding". */
export function stemOf(word: string): string {
  if (/^us(?:es|ed|ing)$/.test(word)) return "use";
  if (word.length <= 3 || /\d/.test(word)) return word;
  const cut = word
    .replace(/(?:'s|’s)$/, "")
    .replace(/ies$/, "y")
    .replace(/(ss|sh|ch|x|z)es$/, "$1")
    .replace(/([^su])s$/, "$1")
    .replace(/([a-z]{3,})(?:ing|ed|ly)$/, "$1");
  return cut.replace(/^(.{2,})([^aeiouls])\2$/, "$1$2").replace(/(...)e$/, "$1");
}

/** Stems of the words that carry meaning. Code names count as a whole and by their parts. */
export function contentWords(text: string): string[] {
  const found: string[] = [];
  for (const [raw] of text.replace(/`/g, " ").matchAll(/[\p{L}\p{N}]+(?:[-._/:'’][\p{L}\p{N}]+)*/gu)) {
    const word = raw.toLowerCase();
    if (stopWords.has(word)) continue;
    found.push(stemOf(word));
    if (/[-._/:]/.test(raw))
      for (const part of word.split(/[-._/:]/)) if (part.length > 2 && !stopWords.has(part)) found.push(stemOf(part));
  }
  return [...new Set(found)];
}
