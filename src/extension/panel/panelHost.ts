/** Keeps the panel up to date and carries out what it asks for. */
import * as vscode from "vscode";
import { judgeOf } from "../../pipeline/adapters/teacher/judge.ts";
import type { TunedStudent } from "../../pipeline/ports.ts";
import type { AskAnswer, AskSnapshot, Intention, PanelTab, ReviewAction } from "../../protocol/panel.ts";
import { UserError } from "../../protocol/errors.ts";
import type { CommandId } from "../commands/table.ts";
import type { Log } from "../log.ts";
import { folderOfName } from "../place.ts";
import { termsAccepted } from "../setup/terms.ts";
import { presetValues, runSettings } from "../settings.ts";
import type { Adopted } from "../student/adopted.ts";
import { bestSections } from "../student/sources.ts";
import type { Asker } from "../student/asker.ts";
import { showSection } from "../trees/knowledgeTree.ts";
import { createPanel, type Panel } from "./panel.ts";
import { resultsSnapshot, runSnapshot, setupSnapshot, type SnapshotParts } from "./snapshots.ts";

export interface PanelHost extends Panel {
  select(run: string, tab?: PanelTab): void;
  ask(question: string): void;
  readonly selected: string | null;
  /** Starts the run the draft describes. */
  startRun(): Promise<void>;
  refreshSetup(): void;
}

export interface PanelHostParts extends SnapshotParts {
  context: vscode.ExtensionContext;
  log: Log;
  adopted: Adopted;
  asker: Asker;
  /** Fires when a decision about questions or answers was recorded. */
  reviewed: vscode.Event<void>;
  command(id: CommandId, args: unknown[]): Promise<unknown>;
}

const reviewCommands = {
  exclude: "distillery.excludeAnswer",
  edit: "distillery.editAnswer",
  approve: "distillery.approveAnswer",
  askAgain: "distillery.askAgain",
  undo: "distillery.undoDecision",
} as const satisfies Record<ReviewAction, CommandId>;

export function createPanelHost(parts: PanelHostParts): PanelHost & vscode.Disposable {
  const { context, log, draft, knowledge, runner, history, adopted, asker, keys } = parts;
  let selected: string | null = null;
  let asking: AbortController | null = null;
  let ask: AskSnapshot = { question: "", busy: false, tuned: null, teacher: null, answers: [], sources: [] };
  let askTimer: NodeJS.Timeout | null = null;

  const attempt = (work: Promise<unknown>) => void log.told(work);
  const panel = createPanel({
    context,
    log,
    onIntention: (intention) => attempt(carryOut(intention)),
    onSelect: (run) => (selected = run),
  });

  const sendSetup = async () => panel.send({ type: "setup", value: await setupSnapshot(parts) });
  const sendRun = async () => panel.send({ type: "run", value: await runSnapshot(parts, selected) });
  async function sendResults(): Promise<void> {
    const run = runner.running ? runner.state.run : (selected ?? (await history.runs())[0]?.id ?? null);
    panel.send({ type: "results", value: run === null ? null : await resultsSnapshot(parts, run) });
  }
  async function sendAsk(): Promise<void> {
    // One that does not verify is told when it is asked, not at every refresh.
    const tuned = await adopted.current().catch(() => null);
    const teacher = (await keys.get()) === null ? null : asker.nameOf("teacher", null);
    ask = { ...ask, tuned: tuned && asker.nameOf("tuned", tuned), teacher };
    panel.send({ type: "ask", value: ask });
  }
  const sendAll = () => Promise.all([sendSetup(), sendRun(), sendResults(), sendAsk()]);

  async function carryOut(intention: Intention): Promise<void> {
    switch (intention.type) {
      case "ready":
        await sendAll();
        return;
      case "configure": {
        const { preset } = intention.draft;
        draft.set(preset === "own" ? intention.draft : { ...intention.draft, ...presetValues[preset] });
        return;
      }
      case "start":
        return startRun();
      case "stop":
        return runner.stop();
      case "resume":
        selected = intention.run;
        return runner.resume(intention.run);
      case "select":
        return select(intention.run);
      case "openSection":
        return openSection(intention.section);
      case "review":
        await parts.command(reviewCommands[intention.action], [{ run: intention.run, id: intention.id }]);
        return;
      case "ask":
        return askAll(intention.question, intention.arms);
      case "stopAsking":
        asking?.abort();
        return;
      case "command":
        await parts.command(
          intention.command,
          intention.command === "distillery.openReport" || intention.command === "distillery.useAsStudent"
            ? [{ run: selected }]
            : [],
        );
        return;
    }
  }

  async function startRun(): Promise<void> {
    const folder = knowledge.folder();
    if (folder === null || !(await knowledge.read()))
      throw new UserError("E_KNOWLEDGE", knowledge.problem ?? vscode.l10n.t("There is no knowledge base yet."));
    const current = draft.get();
    if (current.teacher === "openai" && !(await keys.get()) && !(await keys.ask()))
      throw new UserError("E_NO_KEY", vscode.l10n.t("The online teacher needs an API key."));
    const settings = runSettings(current);
    const judge = judgeOf(settings);
    const judging = judge && new URL(judge.baseUrl).origin;
    if (judging && !(await keys.get(judging)) && !(await keys.ask(judging)))
      throw new UserError("E_NO_KEY", vscode.l10n.t("The judge at {0} needs an API key.", judging));
    if (settings.teacher.kind === "openai" && !(await termsAccepted(settings.teacher.baseUrl))) return;
    selected = null;
    panel.send({ type: "show", tab: "run" });
    await runner.start(settings, folder);
  }

  function select(run: string): void {
    selected = run;
    attempt(Promise.all([sendRun(), sendResults()]));
  }

  async function openSection(id: string): Promise<void> {
    const section = await knowledge.section(id);
    const run = (await history.runs()).find((each) => each.id === selected);
    const folder = knowledge.folder() ?? (run && "file" in run ? folderOfName(run.file.knowledge) : null);
    if (!section || !folder)
      throw new UserError("E_KNOWLEDGE", vscode.l10n.t("This section is no longer part of the knowledge base."));
    await showSection(section, folder, vscode.ViewColumn.Beside);
  }

  async function askAll(question: string, arms: AskAnswer["arm"][]): Promise<void> {
    if (!vscode.workspace.isTrusted)
      throw new UserError("E_USAGE", vscode.l10n.t("This folder is in Restricted Mode, where nothing is run."));
    asking?.abort();
    const abort = (asking = new AbortController());
    const tuned = await adopted.current();
    const sources = bestSections((await knowledge.read())?.sections ?? [], question).map(
      ({ id, topic, heading, file, firstLine }) => ({
        section: id,
        title: heading === topic ? topic : `${topic}: ${heading}`,
        place: `${file}:${firstLine}`,
      }),
    );
    ask = {
      ...ask,
      question,
      busy: true,
      answers: arms.map((arm) => ({ arm, model: asker.nameOf(arm, tuned), text: "", status: "waiting", note: "" })),
      sources,
    };
    await sendAsk();
    // One after the other: both students share the processor.
    for (const arm of arms) if (!abort.signal.aborted) await askOne(arm, question, tuned, abort.signal);
    if (asking !== abort) return;
    asking = null;
    ask = {
      ...ask,
      busy: false,
      answers: ask.answers.map((each) => (each.status === "waiting" ? { ...each, status: "stopped" } : each)),
    };
    await sendAsk();
  }

  async function askOne(
    arm: AskAnswer["arm"],
    question: string,
    tuned: TunedStudent | null,
    signal: AbortSignal,
  ): Promise<void> {
    const change = (next: Partial<AskAnswer>, add = "") => {
      if (signal.aborted && next.status === "answering") return;
      ask = {
        ...ask,
        answers: ask.answers.map((each) =>
          each.arm === arm ? { ...each, ...next, text: (next.text ?? each.text) + add } : each,
        ),
      };
      askTimer ??= setTimeout(() => ((askTimer = null), panel.send({ type: "ask", value: ask })), 100);
    };
    change({ status: "answering" });
    try {
      const answer = await asker.ask({
        arm,
        question,
        tuned,
        signal,
        onText: (chunk) => change({ status: "answering" }, chunk),
      });
      const cut = answer.stop === "stop" ? "" : vscode.l10n.t("cut at a limit");
      const pace = vscode.l10n.t("{0} tokens in {1} s", answer.tokens, (answer.milliseconds / 1000).toFixed(1));
      change({ status: "done", text: answer.text, note: [pace, cut].filter(Boolean).join(", ") });
    } catch (error) {
      if (signal.aborted) return change({ status: "stopped" });
      change({
        status: "failed",
        note: error instanceof UserError ? `${error.message} ${error.next}` : vscode.l10n.t("An error; see the log."),
      });
      log.channel.error(error instanceof Error ? error : String(error));
    }
  }

  const listeners = [
    draft.onDidChange(() => attempt(sendSetup())),
    knowledge.onDidChange(() => attempt(sendSetup())),
    runner.onDidChange(() => attempt(sendRun())),
    runner.onDidWrite(() => attempt(Promise.all([sendResults(), sendSetup(), sendRun()]))),
    adopted.onDidChange(() => attempt(sendAsk())),
    parts.reviewed(() => attempt(sendResults())),
  ];

  return {
    open: panel.open,
    restore: panel.restore,
    send: panel.send,
    receive: panel.receive,
    get dropped() {
      return panel.dropped;
    },
    get visible() {
      return panel.visible;
    },
    get selected() {
      return selected;
    },
    startRun,
    refreshSetup: () => attempt(Promise.all([sendSetup(), sendAsk()])),
    select(run, tab) {
      select(run);
      if (tab) panel.open(tab);
    },
    ask(question) {
      panel.open("ask");
      attempt(askAll(question, ["base", "tuned"]));
    },
    dispose() {
      asking?.abort();
      if (askTimer) clearTimeout(askTimer);
      for (const each of [...listeners, panel]) each.dispose();
    },
  };
}
