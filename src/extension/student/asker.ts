/** Asks the student, base or tuned: one loaded model for the panel, the chat and the tools. */
import { createChatModel, composeStudent } from "../compose.ts";
import { checkBase } from "../../pipeline/adapters/tunedStudents.ts";
import type { LanguageModel, Message, Student, TunedStudent } from "../../pipeline/ports.ts";
import { seedOf } from "../../pipeline/hash.ts";
import { studentMessages } from "../../pipeline/template.ts";
import { UserError } from "../../protocol/errors.ts";
import type { Answer, Domain } from "../../protocol/model.ts";
import type { AskArm } from "../../protocol/panel.ts";
import { runSettingsSchema } from "../../protocol/run.ts";
import type { Environments } from "../setup/environments.ts";
import type { Keys } from "../keys.ts";
import type { KnowledgeStore } from "../knowledge.ts";
import type { Log } from "../log.ts";
import { configuration, studentId } from "../configuration.ts";
import { teacherModel, teacherSettings } from "../settings.ts";

type AskSettings = TunedStudent["settings"];

export interface AskRequest {
  arm: AskArm;
  question: string;
  tuned: TunedStudent | null;
  signal: AbortSignal;
  onText(chunk: string): void;
  /** Earlier turns of a chat, oldest first. */
  history?: readonly Message[];
}

export interface Asker {
  ask(request: AskRequest): Promise<Answer>;
  /** Which model answers, for people. */
  nameOf(arm: AskArm, tuned: TunedStudent | null): string;
  close(): Promise<void>;
}

interface AskerParts {
  environments: Environments;
  knowledge: KnowledgeStore;
  keys: Keys;
  log: Log;
  logFile(): Promise<string>;
}

export function createAsker({ environments, knowledge, keys, log, logFile }: AskerParts): Asker {
  let loaded: { id: string; student: Promise<Student> } | null = null;

  async function close(): Promise<void> {
    const before = loaded;
    loaded = null;
    await before?.student.then((student) => student.close()).catch(() => {});
  }

  async function studentFor(settings: AskSettings, signal: AbortSignal): Promise<Student> {
    if (loaded?.id !== `${settings.student} ${settings.template}`) {
      await close();
      const environment = await environments.ready(signal);
      const student = composeStudent(settings, environment, await logFile());
      loaded = { id: `${settings.student} ${settings.template}`, student };
      student.catch(() => (loaded = null));
    }
    return loaded!.student;
  }

  async function modelFor({ arm, tuned, signal }: AskRequest, settings: AskSettings): Promise<LanguageModel> {
    if (arm === "teacher") {
      const teacher = teacherSettings("openai");
      const key = teacher.kind === "openai" ? await keys.get() : null;
      if (teacher.kind !== "openai" || !key) throw new UserError("E_NO_KEY", "There is no API key for the teacher.");
      return createChatModel(teacher, key, log.channel.info);
    }
    const student = await studentFor(settings, signal);
    if (arm === "base") return student;
    if (!tuned) throw new UserError("E_ARTEFACT_MISSING", "There is no tuned student yet: run the pipeline first.");
    checkBase(tuned, student.id);
    return student.tuned(tuned.adapterGguf);
  }

  return {
    async ask(request) {
      const { question, tuned, signal, onText, history = [] } = request;
      const settings = tuned?.settings ?? defaultSettings();
      const model = await modelFor(request, settings);
      const [system, user] = studentMessages(await domainOf(tuned), question);
      // The same template, sampling values and seed as in the scoring, for every arm.
      const options = { ...settings.sampling, seed: seedOf(settings.seed, question), signal, onText };
      return model.generate([system!, ...history, user!], options);
    },
    nameOf(arm, tuned) {
      if (arm === "teacher") return `${teacherModel()} (teacher)`;
      const base = tuned?.settings.student ?? studentId();
      return arm === "base" || !tuned ? `${base}, untuned` : `${base}, tuned in run ${tuned.run}, cycle ${tuned.cycle}`;
    },
    close,
  };

  async function domainOf(tuned: TunedStudent | null): Promise<Domain> {
    return tuned?.domain ?? (await knowledge.read())?.domain ?? { name: "domain", version: "" };
  }
}

function defaultSettings(): AskSettings {
  const read = configuration();
  const settings = runSettingsSchema.parse({ student: studentId(), template: read.get("student.template") });
  return {
    ...settings,
    sampling: {
      ...settings.sampling,
      maxNewTokens: read.get("student.maxNewTokens", 300),
      maxTime: read.get("student.maxSeconds", 300),
    },
  };
}
