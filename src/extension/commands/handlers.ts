/** The one place where a command's id meets what it does. A forgotten one is a compile error. */
import type { AppParts } from "../app.ts";
import { askCommands } from "./askCommands.ts";
import { knowledgeCommands } from "./knowledgeCommands.ts";
import { modelCommands } from "./modelCommands.ts";
import { reviewCommands } from "./reviewCommands.ts";
import { runCommands } from "./runCommands.ts";
import { setupCommands } from "./setupCommands.ts";
import { storeCommands } from "./storeCommands.ts";
import { studentCommands } from "./studentCommands.ts";
import type { CommandId } from "./table.ts";

export type Handler = (...args: unknown[]) => unknown;

export function createHandlers(app: AppParts): Record<CommandId, Handler> {
  return {
    ...runCommands(app),
    ...storeCommands(app),
    ...studentCommands(app),
    ...modelCommands(app),
    ...knowledgeCommands(app),
    ...setupCommands(app),
    ...askCommands(app),
    ...reviewCommands(app),
  };
}
