/** Texts of a knowledge base, a teacher and a student that try to be more than text, and runs full of them. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createKnowledgeFolder } from "../../src/pipeline/adapters/knowledgeFolder.ts";
import { hashOf } from "../../src/pipeline/hash.ts";
import { fakeParts } from "./parts.ts";
import { fakeRunFile, play } from "./runs.ts";

/** Where it is taken for markup, a script sets `canary` in the page; the link runs a command where it is made one. */
export const evil = `<img src=x onerror="globalThis.canary=1"><script>globalThis.canary=2</script>[evil](command:workbench.action.toggleZenMode) $(trash)`;

/** Words of {@link evil} that can be seen where it is shown as text. */
export const evilSeen = "onerror=";

/** Names of files, of the kinds the Linux file systems take: markup, a link, an icon, text turned around, a line break. */
const fileNames = [
  "<img src=x onerror=globalThis.canary=3>.md",
  "[evil](command:workbench.action.toggleZenMode) $(trash).md",
  "\u202egnp.evil\u202c\n';`.md",
];

const facts = (place: string) =>
  `The ${place} wheel turns nine times a minute while the sluice is open, and the miller greases it with tallow every second ` +
  `morning before the first sack of barley is lifted to the stone, which keeps the wheel quiet until the evening. ${evil}`;

/** Writes the knowledge base into the workspace's folder `knowledge`, and a finished run over it, with a doubtful reference. */
export async function writeHostileRun(workspace: string, id: string): Promise<void> {
  const folder = join(workspace, "knowledge");
  mkdirSync(folder);
  for (const [index, name] of fileNames.entries()) {
    const sections = ["upper", "lower"].flatMap((place) => [
      `## \`${place} ${evil}\``,
      "",
      facts(`${place} ${index}`),
      "",
    ]);
    writeFileSync(join(folder, name), [`# \`${index} ${evil}\``, "", ...sections].join("\n"));
  }
  const knowledge = await createKnowledgeFolder(folder).read();
  const parts = fakeParts();
  const { teacher, student } = parts;
  const { questions, reference } = teacher;
  const said = (text: string) => `${text} ${evil}`;
  // With words of its own, so that what all have in common makes none a near duplicate of another.
  const asked = (text: string) =>
    said(Array.from({ length: 16 }, (_, index) => hashOf([text, index]).slice(0, 6)).join(" "));
  parts.teacher = {
    ...teacher,
    id: said("teacher"),
    async questions(request) {
      const made = await questions(request);
      const families = made.families.map((family) => ({
        ...family,
        wordings: family.wordings.map(asked),
        rewordings: family.rewordings.map(asked),
      }));
      return { ...made, families };
    },
    async reference(...request) {
      const made = await reference(...request);
      return { ...made, text: said(`${made.text} It weighs 4711 kg.`) };
    },
  };
  parts.student = {
    ...student,
    async generate(...request) {
      const answer = await student.generate(...request);
      return { ...answer, text: said(answer.text) };
    },
  };
  const file = { ...fakeRunFile({ questions: 3, topics: [], unseenShare: 0 }, id), knowledge: "knowledge" };
  await play(join(workspace, ".distillery"), file, { parts, knowledge });
}
