/** What the fake server says: questions and answers made of the section's sentences, and verdicts of a judge. */

interface ChatMessage {
  role: string;
  content: string;
}

/** The text of an assistant message. Without a response format JSON comes in a fence, as models do it. */
export function answerFor(messages: readonly ChatMessage[], jsonAsked: boolean): string {
  const asked = messages.filter(({ role }) => role === "user").map(({ content }) => content);
  // A request to repair comes after the request itself.
  const task = asked.find((text) => dataOf(text) || inputOf(text)) ?? asked.at(-1) ?? "";
  const answer = questionFamilies(task) ?? groundedAnswer(task) ?? verdict(task);
  if (answer === null) return `An answer to: ${task.slice(0, 200)}`;
  const json = JSON.stringify(answer);
  return jsonAsked ? json : `\`\`\`json\n${json}\n\`\`\``;
}

const dataOf = (prompt: string): string | null =>
  /<<<SECTION (\w+)\n([\s\S]*?)\nSECTION \1>>>/.exec(prompt)?.[2] ?? null;
const fieldOf = (prompt: string, name: string): string => new RegExp(`^${name}: (.*)$`, "m").exec(prompt)?.[1] ?? "";
const numberOf = (prompt: string, name: string): number => Number(fieldOf(prompt, name) || "0");

function sentencesOf(text: string): string[] {
  const folded = text.replace(/\s+/g, " ").trim();
  return (folded.match(/[^.!?]+(?:[.!?](?=\S)[^.!?]*)*[.!?]+/g) ?? [folded])
    .map((each) => each.trim())
    .filter((each) => each.split(" ").length >= 4);
}

const idle = new Set(
  "a an and are as at be been before by can each every for from has have how in into is it its may more must no not of on one only or other than that the their them then these they this to was were what when where which while who why will with would".split(
    " ",
  ),
);
const contentWords = (text: string): string[] =>
  (text.toLowerCase().match(/[\p{L}\p{N}][\p{L}\p{N}.-]*[\p{L}\p{N}]/gu) ?? []).filter((word) => !idle.has(word));

const verbs =
  /^(is|are|was|were|has|have|had|can|may|must|should|will|does|do|needs?|keeps?|leaves?|marks?|makes?|takes?|gives?|stands?|folds?|holds?|runs?|uses?|starts?|stops?|looks?|warms?|loads?|means|protects?|accepts?|supports?|defaults?|delays?|treats?|provides?|creates?|allows?|requires?|sets?)$/i;

/** The sentence's subject, and the first words of what is said about it, numbers left out. */
function partsOf(sentence: string): { subject: string; matter: string } {
  const words = sentence.replace(/[.!?]+$/, "").split(" ");
  const found = words.findIndex((word, index) => index > 0 && verbs.test(word));
  const cut = found > 0 && found <= 8 ? found : Math.min(3, words.length - 1);
  const said = words
    .slice(cut + (found > 0 ? 1 : 0))
    .filter((word) => !/\d/.test(word) && !idle.has(word.toLowerCase().replace(/\W/g, "")));
  const subject = words.slice(0, cut).join(" ");
  return {
    subject: /^(The|A|An|In|When|Each|Every|If)\b/.test(subject)
      ? subject.charAt(0).toLowerCase() + subject.slice(1)
      : subject,
    matter: said.slice(0, 4).join(" ").replace(/[,;:]/g, ""),
  };
}

/** Forms that share no five words in a row, so that families with one subject are no near-duplicates. */
const forms: readonly ((subject: string, matter: string, topic: string) => string)[] = [
  (subject, matter) => `What holds for ${subject} concerning ${matter}?`,
  (subject, matter, topic) => `Within ${topic}, how do ${matter} and ${subject} belong together?`,
  (subject, matter) => `Which fact links ${matter} with ${subject}?`,
  (subject, matter) => `As to ${matter}, what has to be known of ${subject}?`,
  (subject, matter) => `Thinking of ${subject}, why does ${matter} matter?`,
  (subject, matter, topic) => `Somebody new to ${topic} wonders about ${matter}; what do you tell them on ${subject}?`,
  (subject, matter) => `Please explain ${subject} with a view to ${matter}.`,
  (subject, matter) => `How would an operator describe ${matter} where ${subject} comes up?`,
  (subject, matter, topic) => `${topic}: what do we say of ${matter} and of ${subject}?`,
  (subject, matter) => `Can you state the rule for ${subject} that covers ${matter}?`,
  (subject, matter) => `Where ${subject} plays a part, what becomes of ${matter}?`,
];

function questionFamilies(prompt: string): unknown {
  const section = dataOf(prompt);
  if (section === null || !/^Question families: /m.test(prompt)) return null;
  const wordings = numberOf(prompt, "Wordings per family");
  const total = wordings + numberOf(prompt, "Rewordings per family");
  const avoid = prompt.split("These questions exist already")[1] ?? "";
  const families = sentencesOf(section)
    .map((sentence, index) => ({ ...partsOf(sentence), index }))
    .filter(({ matter }) => matter !== "" && !avoid.includes(matter))
    .slice(0, numberOf(prompt, "Question families"))
    .map(({ subject, matter, index }) => {
      const offset = (index * 4 + section.length) % forms.length;
      const texts = Array.from(
        { length: total },
        (_, at) => forms[(offset + at) % forms.length]?.(subject, matter, fieldOf(prompt, "Topic")) ?? "",
      );
      return { wordings: texts.slice(0, wordings), rewordings: texts.slice(wordings) };
    });
  return { families };
}

function groundedAnswer(prompt: string): unknown {
  const section = dataOf(prompt);
  const question = fieldOf(prompt, "Question");
  if (section === null || question === "") return null;
  const wanted = new Set(contentWords(question));
  const ranked = sentencesOf(section).map((sentence) => ({
    sentence,
    shared: contentWords(sentence).filter((word) => wanted.has(word)).length,
  }));
  const best = ranked.reduce((a, b) => (b.shared > a.shared ? b : a));
  return best.shared === 0 ? { answer: "", quotes: [] } : { answer: best.sentence, quotes: [best.sentence] };
}

/** The input of a RAGAS prompt, which ends "input: {…}" and "Output:". */
function inputOf(
  prompt: string,
): { response?: string; answer?: string; context?: string; statements?: string[] } | null {
  const text = /\ninput: (\{[\s\S]*\})\s*\nOutput:\s*$/.exec(prompt)?.[1];
  return text === undefined ? null : (JSON.parse(text) as object);
}

/** Answers in the schemas of RAGAS's answer relevancy, claim decomposition, statements and verdicts on them. */
function verdict(prompt: string): unknown {
  const input = inputOf(prompt);
  if (!input) return null;
  if (input.statements) {
    const context = new Set(contentWords(input.context ?? ""));
    return {
      statements: input.statements.map((statement) => {
        const words = contentWords(statement);
        const share = words.filter((word) => context.has(word)).length / Math.max(1, words.length);
        return {
          statement,
          reason: `${Math.round(share * 100)} % of its words stand in the context`,
          verdict: share >= 0.6 ? 1 : 0,
        };
      }),
    };
  }
  if (input.answer !== undefined) return { statements: sentencesOf(input.answer) };
  const response = input.response ?? "";
  if (prompt.startsWith("Decompose")) return { claims: sentencesOf(response) };
  const { subject, matter } = partsOf(sentencesOf(response)[0] ?? response);
  return {
    question: `What about ${subject} and ${matter}?`,
    noncommittal: /don't know|not sure|it depends/i.test(response) ? 1 : 0,
  };
}
