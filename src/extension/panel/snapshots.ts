/** Makes the parts the panel shows from what is on the disk and in this window. */
import * as vscode from "vscode";
import { tokensOf } from "./estimate.ts";
import { endingNotice } from "../../pipeline/adapters/teacher/ending.ts";
import { firstLacks } from "../../pipeline/details.ts";
import { measuredSpread, type Spread } from "../../pipeline/detectable.ts";
import { armNames, armTitles, stageIds } from "../../protocol/model.ts";
import type { ArmAnswers, OfArms, StageId, StageOutputs } from "../../protocol/model.ts";
import { runSettingsSchema } from "../../protocol/run.ts";
import type { AnswerRow, Draft, ResultsSnapshot, RunSnapshot, SetupSnapshot } from "../../protocol/panel.ts";
import { marksOf } from "../../pipeline/degenerate.ts";
import { emptyReview } from "../../protocol/review.ts";
import { reviewRows } from "../../pipeline/review.ts";
import { secondsLeft } from "../../pipeline/state.ts";
import type { DraftStore } from "../draft.ts";
import type { Environments } from "../setup/environments.ts";
import type { Keys } from "../keys.ts";
import type { KnowledgeStore } from "../knowledge.ts";
import { workspaceFolder } from "../place.ts";
import type { History } from "../run/history.ts";
import type { Runner } from "../run/runner.ts";
import type { Endings } from "../teacher/endings.ts";
import { studentId } from "../configuration.ts";
import { editorModel, teacherModel, teacherOrigin } from "../settings.ts";

export interface SnapshotParts {
  draft: DraftStore;
  environments: Environments;
  keys: Keys;
  knowledge: KnowledgeStore;
  history: History;
  runner: Runner;
  endings: Endings;
  label(run: string): string | undefined;
}

export async function setupSnapshot({
  draft,
  environments,
  keys,
  knowledge,
  runner,
  history,
  endings,
}: SnapshotParts): Promise<SetupSnapshot> {
  const trusted = vscode.workspace.isTrusted;
  const found = await knowledge.read();
  await environments.find();
  const origin = teacherOrigin();
  const hasKey = (await keys.get(origin)) !== null;
  const current = draft.get();
  const ending = endings.ofTeacher();
  const folderOpen = workspaceFolder() !== null;
  void vscode.commands.executeCommand("setContext", "distillery.needsKey", current.teacher === "openai" && !hasKey);
  void vscode.commands.executeCommand("setContext", "distillery.hasKey", hasKey);
  return {
    trusted,
    folderOpen,
    knowledge: found && {
      name: `${found.domain.name} ${found.domain.version}`.trim(),
      topics: [...Map.groupBy(found.sections, ({ topic }) => topic)].map(([title, sections]) => ({
        title,
        sections: sections.length,
      })),
    },
    knowledgeProblem: knowledge.problem,
    environment: environments.status,
    environmentNote: environments.note,
    teacher: {
      ...{ model: teacherModel(), host: new URL(origin).host, hasKey, editorModel: editorModel() },
      ending: ending && { text: endingNotice(ending), successor: ending.successor?.model ?? null },
    },
    student: studentId(),
    draft: current,
    estimate:
      found &&
      tokensOf(current, found, ...teacherOf(current.teacher, origin), await earlierSpread(history).catch(() => null)),
    obstacle: obstacle(),
  };

  function obstacle(): string | null {
    if (!trusted) return vscode.l10n.t("This folder is in Restricted Mode: runs can be looked at, nothing is started.");
    if (!folderOpen) return vscode.l10n.t("Open a folder first.");
    if (!found) return knowledge.problem ?? vscode.l10n.t("There is no knowledge base yet.");
    if (current.teacher === "openai" && !hasKey) return vscode.l10n.t("The online teacher needs an API key.");
    if (runner.running) return vscode.l10n.t("A run is going on.");
    return null;
  }
}

/** What the estimate calls the teacher's model, and where it is. */
function teacherOf(kind: Draft["teacher"], origin: string): [model: string, host: string] {
  if (kind !== "vscode") return [teacherModel(), new URL(origin).host];
  return [editorModel() || vscode.l10n.t("the first model there is"), "VS Code"];
}

/** How much this student's answers varied in the newest run that was compared. */
async function earlierSpread(history: History): Promise<{ run: string; spread: Spread } | null> {
  for (const run of (await history.runs()).slice(0, 5)) {
    if (!("file" in run) || run.file.settings.student !== studentId()) continue;
    const { cycles, primaryMetric } = run.file.settings;
    if (primaryMetric !== runSettingsSchema.parse({}).primaryMetric) continue;
    const entries = await history.checkpoints(run.id);
    const comparison = history.output(entries, cycles, "comparison");
    const questions = history.output(entries, cycles, "questions");
    const spread = comparison && questions && measuredSpread(comparison, questions.questions);
    if (spread) return { run: run.id, spread };
  }
  return null;
}

export async function runSnapshot(
  { history, runner, label }: SnapshotParts,
  selected: string | null,
): Promise<RunSnapshot> {
  const runs = (await history.runs()).slice(0, 50);
  const own = runner.running ? runner.state.run : null;
  const shown = runner.running ? own : (selected ?? runs[0]?.id ?? null);
  const live = runner.running;
  const state = live || shown === null || shown === runner.state.run ? runner.state : await history.state(shown);
  const left: Partial<Record<StageId, number>> = {};
  for (const stage of stageIds) {
    const seconds = live ? secondsLeft(state.stages[stage], Date.now()) : null;
    if (seconds !== null) left[stage] = seconds;
  }
  const training = shown && !live ? await trainingOf(history, shown, state.cycle) : null;
  return {
    runs: runs.map((run) => ({
      id: run.id,
      label: label(run.id) ?? run.id,
      detail: "file" in run ? vscode.l10n.t("{0} questions", run.file.settings.questions) : run.reason,
    })),
    selected: shown,
    live,
    resumable: !live && (state.status === "stopped" || state.status === "failed") && shown !== null,
    state,
    secondsLeft: left,
    device: training?.device ?? null,
    memoryBytes: live ? await memoryInUse() : (training?.peakMemoryBytes ?? null),
  };
}

async function trainingOf(history: History, run: string, cycle: number): Promise<StageOutputs["fineTuning"] | null> {
  return history.output(await history.checkpoints(run).catch(() => []), cycle, "fineTuning");
}

/** Memory of this extension host's children cannot be told apart cheaply; what the whole machine uses can. */
async function memoryInUse(): Promise<number> {
  const { freemem, totalmem } = await import("node:os");
  return totalmem() - freemem();
}

/** The newest cycle of the run that has answers of both students. */
export async function resultsSnapshot({ history }: SnapshotParts, run: string): Promise<ResultsSnapshot | null> {
  const entries = await history.checkpoints(run).catch(() => []);
  const cycle = Math.max(
    0,
    ...entries.filter(({ stage, state }) => stage === "questions" && state === "ok").map((entry) => entry.cycle),
  );
  const questions = history.output(entries, cycle, "questions");
  if (!questions) return null;
  const comparison = history.output(entries, cycle, "comparison");
  const baseline = history.output(entries, cycle, "baselineAnswers");
  const tuned = history.output(entries, cycle, "tunedAnswers");
  const references = history.output(entries, cycle, "references");
  const untunedScores = history.output(entries, cycle, "baselineEvaluation")?.arms.baseline.scores;
  const tunedScores = history.output(entries, cycle, "tunedEvaluation")?.arms.tuned.scores;
  const all: OfArms<ArmAnswers> = { ...baseline?.arms, ...tuned?.arms };
  const review = await history.review(run).catch(() => emptyReview);
  const decided = new Map(
    reviewRows(questions, references, review)
      .filter(({ kind }) => kind === "answer")
      .map(({ id, state, note, pending }) => [id, { state, note, pending }]),
  );
  const sections = new Map(questions.sections.map((section) => [section.id, section]));
  const answers = questions.questions.flatMap((question): AnswerRow[] => {
    const before = baseline?.arms.baseline.answers[question.id]?.[0];
    const after = tuned?.arms.tuned.answers[question.id]?.[0];
    if (!before && !after) return [];
    const section = sections.get(question.section);
    const scores = comparison?.perQuestion[question.id];
    return [
      {
        id: question.id,
        question: question.text,
        topic: question.topic,
        tier: question.tier,
        family: question.family,
        review: decided.get(question.family) ?? { state: "open", note: "", pending: false },
        section: question.section,
        place: section ? `${section.file}:${section.firstLine}` : "",
        baseline: before?.text ?? "",
        tuned: after?.text ?? "",
        reference: references?.references[question.family]?.text ?? "",
        before: scores?.baseline ?? null,
        after: scores?.tuned ?? null,
        lacks: {
          baseline: firstLacks(untunedScores, question.id),
          tuned: firstLacks(tunedScores, question.id),
        },
        marks: { baseline: before ? marksOf(before) : [], tuned: after ? marksOf(after) : [] },
        others: armNames.flatMap((arm) => {
          const answer = arm === "baseline" || arm === "tuned" ? null : all[arm]?.answers[question.id]?.[0];
          return answer ? [{ title: armTitles[arm], text: answer.text, marks: marksOf(answer) }] : [];
        }),
      },
    ];
  });
  const file = (await history.runs()).find(({ id }) => id === run);
  const looks = file && "file" in file ? (file.file.looks?.length ?? 0) : 0;
  return { run, teacher: questions.teacher, cycle, comparison, looks, answers };
}
