/** Models that their providers switch off: told once a window, shown in Configure, their successor one click away. */
import * as vscode from "vscode";
import { z } from "zod";
import { endingNotice, endingOf, endingSchema, type Ending } from "../../pipeline/adapters/teacher/ending.ts";
import { createOpenaiModel } from "../../pipeline/adapters/teacher/openaiModel.ts";
import type { JudgeModel } from "../../protocol/run.ts";
import { configuration } from "../configuration.ts";
import type { Keys } from "../keys.ts";
import type { Log } from "../log.ts";
import { judgeModel, teacherBaseUrl, teacherModel } from "../settings.ts";
import { inform } from "../inform.ts";

export interface Endings {
  /**
   * Asks the endpoint's list of models, with a client of its own, as some keys may list nothing. Sends nothing else.
   * @returns what to tell of the model; null when the list says nothing of its end or cannot be had.
   */
  look(model: JudgeModel): Promise<string | null>;
  /** Looks at the teacher and the judge of the settings, as far as this origin serves them. */
  lookAt(origin: string): void;
  /** What the list said last of the teacher's model. */
  ofTeacher(): Ending | null;
  /** Puts the successor of the teacher's model into the settings. Does nothing where none is known. */
  useSuccessor(): Promise<void>;
  readonly onDidChange: vscode.Event<void>;
}

type NamingSetting = "teacher.model" | "evaluation.judgeModel";

const rememberedSchema = z.record(z.string(), endingSchema).catch({});
const nameOf = ({ model, baseUrl }: JudgeModel): string => `${baseUrl} ${model}`;
const teacher = (): JudgeModel => ({ model: teacherModel(), baseUrl: teacherBaseUrl() });

export function createEndings(memory: vscode.Memento, keys: Keys, log: Log): Endings & vscode.Disposable {
  const changed = new vscode.EventEmitter<void>();
  const told = new Set<string>();
  const remembered = () => rememberedSchema.parse(memory.get("endings", {}));

  async function remember(model: JudgeModel, ending: Ending | null): Promise<void> {
    const { [nameOf(model)]: before, ...others } = remembered();
    if (!before && !ending) return;
    await memory.update("endings", ending ? { ...others, [nameOf(model)]: ending } : others);
    changed.fire();
  }

  async function look(model: JudgeModel): Promise<string | null> {
    const apiKey = await keys.get(new URL(model.baseUrl).origin);
    if (apiKey === null) return null;
    const lister = createOpenaiModel({ ...model, apiKey });
    const listed = await lister.models(AbortSignal.timeout(20_000)).catch(() => []);
    if (!listed.some(({ id }) => id === model.model)) return null;
    const ending = endingOf(listed, model);
    await remember(model, ending);
    if (!ending) return null;
    if (!told.has(nameOf(model))) void tell(model, ending).catch(log.tell);
    told.add(nameOf(model));
    return endingNotice(ending);
  }

  async function tell(model: JudgeModel, ending: Ending): Promise<void> {
    const { successor } = ending;
    // A run that goes on may have another model than the settings name.
    const buttons = successor && naming(model).length > 0 ? [vscode.l10n.t("Use {0}", successor.model)] : [];
    if (await inform(endingNotice(ending), ...buttons)) await replace(model, ending);
  }

  return {
    look,
    lookAt(origin) {
      const judge = judgeModel();
      for (const model of judge && nameOf(judge) !== nameOf(teacher()) ? [teacher(), judge] : [teacher()])
        if (new URL(model.baseUrl).origin === origin) void look(model).catch(log.tell);
    },
    ofTeacher: () => remembered()[nameOf(teacher())] ?? null,
    async useSuccessor() {
      const ending = remembered()[nameOf(teacher())];
      if (ending) await replace(teacher(), ending);
    },
    onDidChange: changed.event,
    dispose: () => changed.dispose(),
  };
}

/** The settings that name this model today. */
function naming(model: JudgeModel): NamingSetting[] {
  const judge = judgeModel();
  return [
    ...(nameOf(model) === nameOf(teacher()) ? (["teacher.model"] as const) : []),
    ...(judge && nameOf(model) === nameOf(judge) ? (["evaluation.judgeModel"] as const) : []),
  ];
}

/** Sets each setting where its value stands, and offers to take it back. */
async function replace(model: JudgeModel, { successor }: Ending): Promise<void> {
  if (!successor) return;
  const before = naming(model).map((setting) => ({ setting, ...placeOf(setting) }));
  for (const { setting, target } of before) await configuration().update(setting, successor.model, target);
  const undo = vscode.l10n.t("Undo");
  const text = vscode.l10n.t(
    "New runs use {0}. Runs that exist keep {1} and everything they have.",
    successor.model,
    model.model,
  );
  if ((await inform(text, undo)) !== undo) return;
  for (const { setting, target, value } of before) await configuration().update(setting, value, target);
}

/** `value` is undefined where the setting has its default. */
function placeOf(setting: NamingSetting): { target: vscode.ConfigurationTarget; value: string | undefined } {
  const found = configuration().inspect<string>(setting);
  if (found?.workspaceValue === undefined)
    return { target: vscode.ConfigurationTarget.Global, value: found?.globalValue };
  return { target: vscode.ConfigurationTarget.Workspace, value: found.workspaceValue };
}
